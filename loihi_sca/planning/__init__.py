"""Budgets of the chip divided over the layers of a network: integers and numpy, no torch."""
