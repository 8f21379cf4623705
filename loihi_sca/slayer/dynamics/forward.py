"""Compiled loops over CUBA neurons, forwards in time.

Voltages and currents are int32 in units of 1/4096, as lava-dl's are int64. The kernels report the
largest magnitude they met (as a bitwise or); the caller checks it against the range within which
int32, and the float32 that lava-dl passes between its two integrators, are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from loihi_sca.network.fixed_point import STATE_LIMIT
from loihi_sca.slayer.dynamics.jit import entry_point, inlined
from loihi_sca.slayer.dynamics.tiles import (
    PAD,
    Array,
    add_up,
    add_up_widely,
    tile_range,
    tiled,
)
from loihi_sca.slayer.dynamics.watch import observe

CURRENT_LIMIT = STATE_LIMIT
"""Below it currents are exact in the float32 that goes from one integrator to the next."""

VOLTAGE_LIMIT = 1 << 30
"""Below it a voltage and its next value fit into int32."""

_STEPS_IN_INT32 = 1 << 7  # currents below their limit add up to less than 2^30

_FOLDABLE = 1 << 14  # currents below it, of 2^7 steps and 2^10 neurons, add up to less than 2^31

_UNITS = np.float32(4096)
_PER_UNIT = np.float32(1 / 4096)
_INPUT_LIMIT = np.float32(VOLTAGE_LIMIT)
_ZERO = np.float32(0)


@inlined
def _integer(value: Any) -> Any:
    """Convert to units, towards zero; what does not fit, or is no number, becomes the limit."""
    scaled = value * _UNITS
    scaled = scaled if scaled < _INPUT_LIMIT else _INPUT_LIMIT
    scaled = scaled if scaled > -_INPUT_LIMIT else -_INPUT_LIMIT
    return np.int32(scaled)


@inlined
def _decayed(state: Any, keep: Any) -> Any:
    """Return ``trunc(state * keep / 4096)`` without leaving 32 bits, for keep in 0..4096."""
    size = np.int32(abs(state))
    high = np.int32(np.int32(size >> 12) * keep)
    low = np.int32(np.int32(np.int32(size & 4095) * keep) >> 12)
    kept = np.int32(high + low)
    return kept if state > 0 else np.int32(-kept)


@inlined
def _peak(union: Array, used: int) -> Any:
    """Return the bitwise or of a tile."""
    peak = np.int32(0)
    for j in range(used):
        peak |= union[j]
    return peak


@entry_point
def sum_current(sources: str) -> Callable[..., None]:
    """Return the kernel that adds up currents."""

    def sum_current(
        first: int,
        last: int,
        weighted: Array,
        keep_u: Array,
        memoryless: bool,
        length: int,
        current_out: Array,
        sums: Array,
        magnitudes: Array,
        bits: Array,
    ) -> None:
        """Integrate the current and add it up per channel.

        Parameters
        ----------
        first, last : int
            Chunks to do, of ``len(sums)``.
        weighted : float32 array [T, P]
            Weighted spikes.
        keep_u : int32 array (C,)
            4096 minus the current decay.
        memoryless : bool
            Whether ``keep_u`` is zero everywhere.
        length : int
            Neurons per tile, a multiple of C.
        current_out : float32 array [T, P] or [0, 0], output
            Current in lava-dl's scale, if wanted.
        sums, magnitudes, bits : int64 arrays (chunks, C), output
            Per channel: sum of the current, sum of its absolute value, bitwise or of the latter.
        """
        _ = sources
        steps, size = weighted.shape
        chunks = len(sums)
        tiles = -(-size // length)
        keep = tiled(keep_u, length)
        current = np.empty(length, np.int32)
        total = np.empty(length, np.int32)
        magnitude = np.empty(length, np.int32)
        union = np.empty(length, np.int32)
        channels = sums.shape[1]
        for chunk in range(first, last):
            begin, end = tile_range(chunk, chunks, tiles)
            for start in range(begin * length, min(end * length, size), length):
                used = min(length, size - start)
                current[:] = 0
                union[:] = 0
                for begin_t in range(0, steps, _STEPS_IN_INT32):
                    total[:] = 0
                    magnitude[:] = 0
                    for t in range(begin_t, min(begin_t + _STEPS_IN_INT32, steps)):
                        row = weighted[t, start : start + used]
                        if memoryless:
                            for j in range(used):
                                current[j] = _integer(row[j])
                        else:
                            for j in range(used):
                                current[j] = np.int32(
                                    _decayed(current[j], keep[j]) + _integer(row[j])
                                )
                        for j in range(used):
                            size_j = np.int32(abs(current[j]))
                            total[j] += current[j]
                            magnitude[j] += size_j
                            union[j] |= size_j
                        if len(current_out):
                            for j in range(used):
                                current_out[t, start + j] = np.float32(current[j]) * _PER_UNIT
                    if _peak(union, used) < _FOLDABLE:
                        add_up(total, used, sums[chunk])
                        add_up(magnitude, used, magnitudes[chunk])
                    else:
                        add_up_widely(total, used, sums[chunk])
                        add_up_widely(magnitude, used, magnitudes[chunk])
                for begin_row in range(0, used, channels):
                    for c in range(channels):
                        bits[chunk, c] |= union[begin_row + c]

    return sum_current


@entry_point
def forward(sources: str) -> Callable[..., None]:
    """Return the kernel that runs a batch forwards."""

    def forward(
        first: int,
        last: int,
        weighted: Array,
        keep_u: Array,
        keep_v: Array,
        memoryless: bool,
        offset: Array,
        threshold: int,
        gate: Array,
        length: int,
        voltage: Array,
        spikes: Array,
        current_out: Array,
        sums: Array,
        peaks: Array,
    ) -> None:
        """Compute current, norm bias, voltage, spike and reset of all neurons in one scan.

        ::

            u[t] = trunc(u[t-1] keep_u / 4096) + trunc(4096 weighted[t])
            v[t] = trunc(v[t-1] keep_v / 4096) + u[t] - offset
            s[t] = v[t] >= threshold;  v[t] = 0 where s[t], for the next step only

        Parameters
        ----------
        first, last, weighted, keep_u, memoryless, length
            As in :func:`sum_current`.
        keep_v : int32 array (C,)
            4096 minus the voltage decay.
        offset : int32 array (C,)
            What the norm subtracts from the current.
        threshold : int
            In units.
        gate : float32 array (C,)
            Factor of the spikes.
        voltage, spikes : float32 arrays [T, P], output
            Voltage before reset, in lava-dl's scale, and gated spikes.
        current_out : float32 array [T, P] or [0, 0], output
            Current before the norm, if wanted.
        sums : float64 array (chunks, 4, C) or (chunks, 0, C), output
            If wanted, the sums of :mod:`loihi_sca.slayer.dynamics.watch` over time, samples and
            places, ungated.
        peaks : int64 array (chunks, 2), output
            Bitwise or of all ``|u|`` and of all ``|v|``.
        """
        _ = sources
        steps, size = weighted.shape
        chunks = len(peaks)
        tiles = -(-size // length)
        tile_u, tile_v = tiled(keep_u, length), tiled(keep_v, length)
        shift, factor = tiled(offset, length), tiled(gate, length)
        u, v = np.empty(length, np.int32), np.empty(length, np.int32)
        counts = np.empty((4, length + PAD), np.float32)
        recent = np.empty((4, length + PAD), np.float32)
        level = np.int32(threshold)
        for chunk in range(first, last):
            begin, end = tile_range(chunk, chunks, tiles)
            counts[:] = 0
            peak_u, peak_v = np.int32(0), np.int32(0)
            for start in range(begin * length, min(end * length, size), length):
                used = min(length, size - start)
                u[:] = 0
                v[:] = 0
                for t in range(steps):
                    row = weighted[t, start : start + used]
                    if memoryless:
                        for j in range(used):
                            u[j] = _integer(row[j])
                    else:
                        for j in range(used):
                            u[j] = np.int32(_decayed(u[j], tile_u[j]) + _integer(row[j]))
                    if len(current_out):
                        for j in range(used):
                            current_out[t, start + j] = np.float32(u[j]) * _PER_UNIT
                    voltage_t = voltage[t, start : start + used]
                    spikes_t = spikes[t, start : start + used]
                    for j in range(used):
                        new = np.int32(_decayed(v[j], tile_v[j]) + u[j] - shift[j])
                        peak_u |= np.int32(abs(u[j]))
                        peak_v |= np.int32(abs(new))
                        voltage_t[j] = np.float32(new) * _PER_UNIT
                        spikes_t[j] = factor[j] if new >= level else _ZERO
                        v[j] = np.int32(0) if new >= level else new
                    if sums.shape[1]:
                        for j in range(used):
                            recent[t % 4, j] = voltage_t[j]
                        observe(recent, t, steps, used, np.float32(level) * _PER_UNIT, counts)
            if sums.shape[1]:
                # once per chunk: float32 is good enough for a score, and folding is not free
                for k in range(4):
                    add_up(counts[k], length, sums[chunk, k])
            peaks[chunk, 0] = np.int64(peak_u)
            peaks[chunk, 1] = np.int64(peak_v)

    return forward
