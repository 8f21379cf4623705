"""Compiled loops over CUBA neurons, forwards and backwards in time.

All arrays are time-first, ``[T, P]`` with P = samples x places x channels and the channel varying
fastest: neighbouring neurons at one timestep lie side by side, so the inner loops are vector
instructions. A kernel walks over *tiles* of about a thousand neurons; their state lives in the
first-level cache for all T steps. Tiles are grouped into a fixed number of *chunks*, the unit of
parallel work: sums are kept per chunk and added in order, so no result depends on the number of
threads or on who was faster.

Voltages and currents are int32 in units of 1/4096, as lava-dl's are int64. The kernels report the
largest magnitude they met (as a bitwise or); the caller checks it against the range within which
int32, and the float32 that lava-dl passes between its two integrators, are exact.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.slayer.dynamics.jit import compiled, inlined

Array: TypeAlias = npt.NDArray[Any]

TILE = 1024
"""Neurons per tile, rounded up to whole rows of channels."""

CURRENT_LIMIT = 1 << 23
"""Below it currents are exact in the float32 that goes from one integrator to the next."""

VOLTAGE_LIMIT = 1 << 30
"""Below it a voltage and its next value fit into int32."""

SPIKES, MAGNITUDE, POSITIVE, RESTING = range(4)
"""Rows of the sums that :func:`forward` keeps."""

_STEPS_IN_INT32 = 1 << 7  # currents below their limit add up to less than 2^30

_UNITS = np.float32(4096)
_PER_UNIT = np.float32(1 / 4096)
_INPUT_LIMIT = np.float32(VOLTAGE_LIMIT)
_ZERO = np.float32(0)
_HALF = np.float32(0.5)
_LOWEST = np.float32(-87)  # below it exp is no normal float32, and counts as zero
_LOG2_E = np.float32(1.44269504088896341)
_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(-2.12194440e-4)


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
def _tiled(values: Array, length: int) -> Array:
    """Repeat a value per channel along a tile."""
    channels = len(values)
    tile = np.empty(length, values.dtype)
    for start in range(0, length, channels):
        tile[start : start + channels] = values
    return tile


@inlined
def _add_up(tile: Array, used: int, sums: Array) -> None:
    """Add the accumulators of a tile to the sums per channel."""
    channels = len(sums)
    for start in range(0, used, channels):
        for c in range(channels):
            sums[c] += tile[start + c]


@inlined
def _tile_range(chunk: int, chunks: int, tiles: int) -> tuple[int, int]:
    """Return the tiles of a chunk."""
    return chunk * tiles // chunks, (chunk + 1) * tiles // chunks


@compiled
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
    steps, size = weighted.shape
    chunks = len(sums)
    tiles = -(-size // length)
    keep = _tiled(keep_u, length)
    current = np.empty(length, np.int32)
    total = np.empty(length, np.int32)
    magnitude = np.empty(length, np.int32)
    union = np.empty(length, np.int32)
    channels = sums.shape[1]
    for chunk in range(first, last):
        begin, end = _tile_range(chunk, chunks, tiles)
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
                            current[j] = np.int32(_decayed(current[j], keep[j]) + _integer(row[j]))
                    for j in range(used):
                        size_j = np.int32(abs(current[j]))
                        total[j] += current[j]
                        magnitude[j] += size_j
                        union[j] |= size_j
                    if len(current_out):
                        for j in range(used):
                            current_out[t, start + j] = np.float32(current[j]) * _PER_UNIT
                _add_up(total, used, sums[chunk])
                _add_up(magnitude, used, magnitudes[chunk])
            for begin_row in range(0, used, channels):
                for c in range(channels):
                    bits[chunk, c] |= union[begin_row + c]


@compiled
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
    """Compute current, norm bias, voltage, spike and reset of all neurons in one sweep.

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
        If wanted, sums over time, samples and places of ungated spikes, ``|v|``, ``max(v, 0)`` and
        ``|v|`` of the neurons that did not spike.
    peaks : int64 array (chunks, 2), output
        Bitwise or of all ``|u|`` and of all ``|v|``.
    """
    steps, size = weighted.shape
    chunks = len(peaks)
    tiles = -(-size // length)
    tile_u, tile_v = _tiled(keep_u, length), _tiled(keep_v, length)
    shift, factor = _tiled(offset, length), _tiled(gate, length)
    u, v = np.empty(length, np.int32), np.empty(length, np.int32)
    counts = np.empty((4, length), np.float32)
    level = np.int32(threshold)
    for chunk in range(first, last):
        begin, end = _tile_range(chunk, chunks, tiles)
        peak_u, peak_v = np.int32(0), np.int32(0)
        for start in range(begin * length, min(end * length, size), length):
            used = min(length, size - start)
            u[:] = 0
            v[:] = 0
            counts[:] = 0
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
                        value = voltage_t[j]
                        size_j = abs(value)
                        fired = v[j] == 0 and value > 0
                        counts[SPIKES, j] += np.float32(1) if fired else _ZERO
                        counts[MAGNITUDE, j] += size_j
                        counts[POSITIVE, j] += value if value > 0 else _ZERO
                        counts[RESTING, j] += _ZERO if fired else size_j
            if sums.shape[1]:
                for k in range(4):
                    _add_up(counts[k], used, sums[chunk, k])
        peaks[chunk, 0] = np.int64(peak_u)
        peaks[chunk, 1] = np.int64(peak_v)


@inlined
def _exponential(x: Any) -> Any:
    """Return ``exp(x)`` for ``x <= 0`` to 1 ulp, as plain arithmetic that vectorises (Cephes)."""
    vanished = x < _LOWEST
    x = _LOWEST if vanished else x
    n = np.int32(x * _LOG2_E - _HALF)  # towards zero: the nearest integer, as x is not positive
    whole = np.float32(n)
    x = np.float32(np.float32(x - whole * _LN2_HIGH) - whole * _LN2_LOW)
    p = np.float32(1.9875691500e-4)
    p = np.float32(p * x + np.float32(1.3981999507e-3))
    p = np.float32(p * x + np.float32(8.3334519073e-3))
    p = np.float32(p * x + np.float32(4.1665795894e-2))
    p = np.float32(p * x + np.float32(1.6666665459e-1))
    p = np.float32(p * x + np.float32(5.0000001201e-1))
    mantissa = np.float32(np.float32(p * x * x + x) + np.float32(1))
    power = np.int32(np.int32(n + np.int32(127)) << np.int32(23)).view(np.float32)
    return _ZERO if vanished else np.float32(mantissa * power)


@compiled
def backward(
    first: int,
    last: int,
    gradient: Array,
    voltage: Array,
    keep_v: Array,
    level: Any,
    slope: Any,
    height: Any,
    gate: Array,
    learn_decay: bool,
    length: int,
    out: Array,
    sums: Array,
) -> None:
    """Go backwards through spike and voltage; the reset is not differentiated.

    ::

        d[t] = height exp(-|v[t] - level| slope) gate gradient[t]
        out[t] = keep_v out[t+1] + d[t]

    Parameters
    ----------
    first, last, length
        As in :func:`forward`.
    gradient, voltage : float32 arrays [T, P]
        With respect to the gated spikes; before reset.
    keep_v : float32 array (C,)
        1 minus the voltage decay.
    level, slope, height : float32
        Threshold and surrogate.
    gate : float32 array (C,)
        Factor of the spikes.
    learn_decay : bool
        Whether the third sum is wanted.
    out : float32 array [T, P], output
        With respect to the input of the voltage integrator.
    sums : float64 array (chunks, 3, C), output
        Sums per channel: of ``out``; of the gradient where the neuron spiked, which is that of the
        gate; of ``out[t+1] v[t]``, which is that of the voltage decay.
    """
    steps, size = gradient.shape
    chunks = len(sums)
    tiles = -(-size // length)
    keep, factor = _tiled(keep_v, length), _tiled(gate, length)
    carry = np.empty(length, np.float32)
    total = np.empty((3, length), np.float32)
    for chunk in range(first, last):
        begin, end = _tile_range(chunk, chunks, tiles)
        for start in range(begin * length, min(end * length, size), length):
            used = min(length, size - start)
            carry[:] = 0
            total[:] = 0
            for t in range(steps - 1, -1, -1):
                gradient_t = gradient[t, start : start + used]
                voltage_t = voltage[t, start : start + used]
                out_t = out[t, start : start + used]
                if learn_decay:
                    for j in range(used):
                        total[2, j] += carry[j] * voltage_t[j]
                for j in range(used):
                    distance = np.float32(voltage_t[j] - level)
                    spiked = gradient_t[j] if distance >= _ZERO else _ZERO
                    rise = height * _exponential(-abs(distance) * slope)
                    new = np.float32(keep[j] * carry[j] + rise * gradient_t[j] * factor[j])
                    carry[j] = new
                    out_t[j] = new
                    total[0, j] += new
                    total[1, j] += spiked
            for k in range(3):
                _add_up(total[k], used, sums[chunk, k])


@compiled
def current_backward(
    first: int,
    last: int,
    gradient: Array,
    keep_u: Array,
    shift: Array,
    current: Array,
    length: int,
    sums: Array,
) -> None:
    """Go backwards through norm and current, in place.

    ``out[t] = keep_u out[t+1] + gradient[t] + shift``

    Parameters
    ----------
    first, last, length
        As in :func:`forward`.
    gradient : float32 array [T, P], input and output
        With respect to the normed current, then to the weighted spikes.
    keep_u, shift : float32 arrays (C,)
        1 minus the current decay; share of the norm's mean in the gradient.
    current : float32 array [T, P] or [0, 0]
        Before the norm, if the decay learns.
    sums : float64 array (chunks, C), output
        Sums of ``out[t+1] u[t]``, the gradient of the current decay.
    """
    steps, size = gradient.shape
    chunks = len(sums)
    tiles = -(-size // length)
    keep, tile_shift = _tiled(keep_u, length), _tiled(shift, length)
    carry = np.empty(length, np.float32)
    total = np.empty(length, np.float32)
    for chunk in range(first, last):
        begin, end = _tile_range(chunk, chunks, tiles)
        for start in range(begin * length, min(end * length, size), length):
            used = min(length, size - start)
            carry[:] = 0
            total[:] = 0
            for t in range(steps - 1, -1, -1):
                row = gradient[t, start : start + used]
                if len(current):
                    for j in range(used):
                        total[j] += carry[j] * current[t, start + j]
                for j in range(used):
                    carry[j] = np.float32(keep[j] * carry[j] + row[j] + tile_shift[j])
                    row[j] = carry[j]
            _add_up(total, used, sums[chunk])
