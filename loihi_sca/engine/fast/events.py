"""Find the spikes: from bytes to lists of events."""

from __future__ import annotations

from typing import Any

import numpy as np

from loihi_sca.engine.fast.jit import compiled
from loihi_sca.engine.fast.vector import MASK_BYTES, count_bits, lowest_bit, spike_mask

ONE = np.uint64(1)


@compiled
def time_major(data: Any, out: Any) -> None:
    """Copy (n, C, P, T) to ``out`` (n, T, P, C)."""
    samples, channels, positions, steps = data.shape
    for i in range(samples):
        for c in range(channels):
            for p in range(positions):
                for t in range(steps):
                    out[i, t, p, c] = data[i, c, p, t]


@compiled
def list_events(g: Any, spikes: Any, first: Any, steps: Any, starts: Any, events: Any) -> None:
    """List the spikes of some steps, position by position.

    An event is the place of a spike in its row of the map, ``x * channels + c``. The events of
    position ``p`` at step ``first + t`` are ``starts[t, p]`` to ``starts[t, p + 1]``; a step before
    the first one of the sample is silent.

    Parameters
    ----------
    g : Geometry
    spikes : uint8 array (T * inputs + 63 or more,)
        One sample; what comes after its last step is read and ignored.
    first, steps : int
        Which steps.
    starts : int32 array (steps or more, positions + 1)
        Written.
    events : int32 array (steps * inputs,)
        Written.
    """
    row = g.in_w * g.in_c
    n = 0
    for t in range(steps):
        p = 0
        if first + t < 0:
            starts[t, :] = 0
            continue
        for y in range(g.in_h):
            at = ((first + t) * g.in_h + y) * row
            position = 0  # where in the row the next position begins
            for base in range(0, row, MASK_BYTES):
                mask = spike_mask(spikes, at + base)
                if row - base < MASK_BYTES:
                    mask &= (ONE << np.uint64(row - base)) - ONE
                while position < min(base + MASK_BYTES, row):
                    before = (ONE << np.uint64(position - base)) - ONE
                    starts[t, p] = n + count_bits(mask & before)
                    p += 1
                    position += g.in_c
                while mask:
                    events[n] = base + lowest_bit(mask)
                    n += 1
                    mask &= mask - ONE
        starts[t, p] = n


@compiled
def count_synops(fan_out: Any, starts: Any, steps: Any) -> int:
    """Count the synaptic operations of listed events."""
    synops = 0
    for t in range(steps):
        for p in range(fan_out.shape[0]):
            synops += np.int64(starts[t, p + 1] - starts[t, p]) * fan_out[p]
    return synops
