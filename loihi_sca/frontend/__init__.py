"""Front end: modules of lava-dl, or of ours, to the integer network.

Its modules load torch and lava-dl, which takes seconds; the command line does so only in the
commands that need them.
"""
