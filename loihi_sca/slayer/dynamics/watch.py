"""What a criterion wants to know of neurons, added up while their voltages are in the cache."""

from __future__ import annotations

from typing import Any

import numpy as np

from loihi_sca.slayer.dynamics.jit import inlined
from loihi_sca.slayer.dynamics.tiles import Array

SUMS = 4
"""Spikes, ``|v|``, ``max(v, 0)``, and ``min(|v|, level)`` where there was no spike."""

_ZERO = np.float32(0)
_ONE = np.float32(1)


@inlined
def add_step(value: Any, level: Any, sums: Any) -> Any:
    """Add a voltage to the four sums of its neuron."""
    size = abs(value)
    fired = value >= level
    return (
        sums[0] + (_ONE if fired else _ZERO),
        sums[1] + size,
        sums[2] + (value if value > _ZERO else _ZERO),
        sums[3] + (_ZERO if fired else (size if size < level else level)),
    )


@inlined
def observe(recent: Array, t: int, steps: int, used: int, level: Any, counts: Array) -> None:
    """Add up what the neurons of a tile did up to step t, if a group of four steps is complete.

    Groups touch the sums less often; a copy of their voltages, unlike the voltages themselves, does
    not lie at a power-of-two distance, where the cache could not hold four rows at once.
    """
    if t % 4 == 3:
        for j in range(used):
            sums = (counts[0, j], counts[1, j], counts[2, j], counts[3, j])
            sums = add_step(recent[0, j], level, sums)
            sums = add_step(recent[1, j], level, sums)
            sums = add_step(recent[2, j], level, sums)
            sums = add_step(recent[3, j], level, sums)
            counts[0, j], counts[1, j], counts[2, j], counts[3, j] = sums
    elif t == steps - 1:
        for rest in range(t % 4 + 1):
            for j in range(used):
                sums = (counts[0, j], counts[1, j], counts[2, j], counts[3, j])
                sums = add_step(recent[rest, j], level, sums)
                counts[0, j], counts[1, j], counts[2, j], counts[3, j] = sums
