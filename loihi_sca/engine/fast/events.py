"""Find the spikes: from bytes to lists of events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from loihi_sca.engine.fast.jit import allocating, compiled, entry_point, inlined
from loihi_sca.engine.fast.vector import MASK_BYTES, count_bits, lowest_bit, spike_mask

ONE = np.uint64(1)

AHEAD = 12
"""Events that are written at once, which are overwritten where there are fewer."""

TILE = 64
"""Neurons, and steps, that are brought into another order at a time: they stay in the caches."""


@entry_point
def time_major(sources: str) -> Callable[..., None]:
    """Return the kernel that brings data into the order of the others."""

    def time_major(data: Any, out: Any) -> None:
        """Copy (n, C, P, T) to ``out`` (n, T, P, C)."""
        _ = sources
        samples, channels, positions, steps = data.shape
        few = max(1, TILE // channels)
        for i in range(samples):
            for first in range(0, positions, few):
                last = min(first + few, positions)
                for begin in range(0, steps, TILE):
                    for t in range(begin, min(begin + TILE, steps)):
                        for p in range(first, last):
                            for c in range(channels):
                                out[i, t, p, c] = data[i, c, p, t]

    return time_major


@inlined
def _list_mask(mask: Any, first: Any, n: Any, events: Any) -> Any:
    """List the events of a mask from ``events[n]`` on; return where the list ends."""
    if not mask:
        return n
    count = count_bits(mask)
    # as many each time, for where a loop ends after a few no processor can foresee
    for i in range(AHEAD):
        events[n + i] = first + lowest_bit(mask)
        mask &= mask - ONE
    for i in range(AHEAD, count):
        events[n + i] = first + lowest_bit(mask)
        mask &= mask - ONE
    return n + count


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
    events : int32 array (steps * inputs + AHEAD,)
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
                n = _list_mask(mask, base, n, events)
        starts[t, p] = n


@compiled
def list_step(spikes: Any, at: Any, neurons: Any, first: int, events: Any) -> int:
    """List the spikes of one step of neurons without a map; return how many there are.

    As for :func:`list_events`, ``spikes`` is flat, here from ``spikes[at]`` on, and read beyond.
    The event of the first neuron is ``first``.
    """
    n = 0
    for base in range(0, neurons, MASK_BYTES):
        mask = spike_mask(spikes, at + base)
        if neurons - base < MASK_BYTES:
            mask &= (ONE << np.uint64(neurons - base)) - ONE
        n = _list_mask(mask, first + base, n, events)
    return n


@allocating
def list_patterns(
    g: Any, piece_bits: Any, spikes: Any, first: Any, steps: Any, starts: Any, events: Any
) -> None:
    """As :func:`list_events` for a map of patterns: what the rows of all windows see.

    Its positions are the input rows times the output columns. Each holds one event per piece, of
    which there are one or two: which of the patterns it is, counted through the pieces, plus ``x``
    times their number.
    """
    offset, lead, inside, base = _pattern_columns(g, piece_bits)
    bits = g.kernel_x * g.in_c
    pieces = 2 if bits > piece_bits else 1
    low = (ONE << np.uint64(piece_bits)) - ONE
    n, row = 0, g.in_w * g.in_c
    for t in range(steps):
        silent = first + t < 0
        for y in range(g.in_h):
            at = 0 if silent else ((first + t) * g.in_h + y) * row
            for x in range(g.out_w):
                pattern = (spike_mask(spikes, at + offset[x]) & inside[x]) << lead[x]
                pattern = np.uint64(0) if silent else pattern
                events[n] = base[x] + np.int64(pattern & low)
                if pieces == 2:
                    second = np.int64(pattern >> np.uint64(piece_bits))
                    events[n + 1] = base[x] + np.int64(low) + 1 + second
                n += pieces
        for p in range(g.in_h * g.out_w + 1):
            starts[t, p] = (t * g.in_h * g.out_w + p) * pieces


@allocating
def _pattern_columns(g: Any, piece_bits: Any) -> tuple[Any, Any, Any, Any]:
    """Return, per output column, what :func:`list_patterns` needs to cut its pattern out.

    These are the place in the input row where the window begins, by how many bits it begins
    outside the map, the mask of the inputs inside, and the number of its first pattern.
    """
    offset, base = np.zeros(g.out_w, dtype=np.int64), np.zeros(g.out_w, dtype=np.int64)
    lead, inside = np.zeros(g.out_w, dtype=np.uint64), np.zeros(g.out_w, dtype=np.uint64)
    bits = g.kernel_x * g.in_c
    patterns = 1 << min(bits, piece_bits)
    if bits > piece_bits:
        patterns += 1 << (bits - piece_bits)
    for x in range(g.out_w):
        base[x] = x * patterns
        left = x * g.stride_x - g.pad_x
        from_x, to_x = max(left, 0), min(left + g.kernel_x, g.in_w)
        if from_x < to_x:
            offset[x] = from_x * g.in_c
            lead[x] = (from_x - left) * g.in_c
            inside[x] = (ONE << np.uint64((to_x - from_x) * g.in_c)) - ONE
    return offset, lead, inside, base


@allocating
def count_spikes(fan_out: Any, spikes: Any, first: Any, steps: Any, channels: Any) -> int:
    """Count the synaptic operations of spikes that are not listed."""
    inputs = fan_out.shape[0] * channels
    counts = np.zeros(inputs, dtype=np.int32)
    for t in range(max(first, 0), first + steps):
        now = spikes[t * inputs : (t + 1) * inputs]
        for j in range(inputs):
            counts[j] += now[j]
    synops = 0
    for p in range(fan_out.shape[0]):
        for c in range(channels):
            synops += counts[p * channels + c] * fan_out[p]
    return synops


@compiled
def count_synops(fan_out: Any, starts: Any, steps: Any) -> int:
    """Count the synaptic operations of listed events."""
    synops = 0
    for t in range(steps):
        for p in range(fan_out.shape[0]):
            synops += np.int64(starts[t, p + 1] - starts[t, p]) * fan_out[p]
    return synops
