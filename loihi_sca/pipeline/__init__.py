"""What commands string together: evaluation in shards, deployment, the demo."""
