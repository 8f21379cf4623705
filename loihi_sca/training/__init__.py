"""Training: a plain loop, checkpoints, and nothing hidden."""
