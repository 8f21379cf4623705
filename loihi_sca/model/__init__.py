"""Models to train: gated blocks, how a recipe builds a network of them, what removal leaves."""
