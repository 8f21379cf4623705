"""The passes, one file each. A pass returns a new network and never changes its input."""
