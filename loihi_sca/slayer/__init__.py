"""The SLAYER side: gated blocks to train with, models, and the front end to the integer network.

Importing this package loads torch and lava-dl, which takes seconds and prints; the command line
does so only in the commands that need it.
"""
