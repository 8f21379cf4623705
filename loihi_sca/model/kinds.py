"""lava-dl's blocks by what they are, whichever of the supported families they belong to."""

from __future__ import annotations

from loihi_sca.slayer.lava import slayer

_cuba, _graded = slayer.block.cuba, slayer.block.sigma_delta

INPUT = (_cuba.Input, _graded.Input)
CONV = (_cuba.Conv, _graded.Conv)
DENSE = (_cuba.Dense, _graded.Dense)
RECURRENT = (_cuba.Recurrent,)
POOL = (_cuba.Pool, _graded.Pool)
FLATTEN = (_cuba.Flatten, _graded.Flatten)

READ_OUT = (_cuba.Affine, _graded.Output)
"""Blocks with synapses whose channels are what the model gives."""
