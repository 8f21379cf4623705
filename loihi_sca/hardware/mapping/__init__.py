"""Which core holds what, and what it uses: one strategy per compiler."""
