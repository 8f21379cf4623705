"""Triton kernels over CUBA neurons, forwards in time.

What :mod:`loihi_sca.slayer.dynamics.forward` does on a CPU, to the bit: int32 in units of 1/4096,
and sums that are integers too, so that their order does not matter. A program takes a tile of
neurons through all T steps, ``ROWS`` samples and places by ``WIDTH`` channels, with their state in
registers; sums per channel are written by tile and added up afterwards, never by atomics.

Triton reads annotations, so this module has no postponed ones, and literals where others have
names: 1073741824 is ``VOLTAGE_LIMIT``, 0.000244140625 is 1/4096. Products of floats and powers of
two are exact, so that it does not matter whether a compiler contracts them.
"""

import triton
import triton.language as tl


@triton.jit
def _integer(value):
    """Convert to units, towards zero; what does not fit, or is no number, becomes the limit."""
    scaled = value * 4096.0
    scaled = tl.where(scaled < 1073741824.0, scaled, 1073741824.0)
    scaled = tl.where(scaled > -1073741824.0, scaled, -1073741824.0)
    return scaled.to(tl.int32)


@triton.jit
def _decayed(state, keep):
    """Return ``trunc(state * keep / 4096)`` without leaving 32 bits, for keep in 0..4096."""
    size = tl.abs(state)
    kept = (size >> 12) * keep + (((size & 4095) * keep) >> 12)
    return tl.where(state > 0, kept, -kept)


@triton.jit
def _visible(union):
    """Return a bitwise or whose sign bit, that of -2^31 without a sign, is a large number too."""
    return tl.where(union < 0, 2147483647, union)


@triton.jit
def sum_current(
    weighted,
    keep_u,
    sums,
    peaks,
    rows,
    channels,
    size,
    STEPS: tl.constexpr,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Integrate the current and add it up per channel.

    Parameters
    ----------
    weighted : float32 [T, rows, C]
        Weighted spikes.
    keep_u : int32 (C,)
        4096 minus the current decay.
    sums : int64 [tiles, C], output
        Of the current.
    peaks : int32 [tiles, C], output
        Numbers that reach a power of two if any ``|u|`` does.
    rows, channels, size : int
        Samples times places; C; their product.
    """
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    channel = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
    there = channel < channels
    inside = tl.expand_dims(row < rows, 1) & tl.expand_dims(there, 0)
    place = tl.expand_dims(row * channels, 1) + tl.expand_dims(channel, 0)
    keep = tl.expand_dims(tl.load(keep_u + channel, mask=there, other=0), 0)
    current = tl.zeros((ROWS, WIDTH), tl.int32)
    union = tl.zeros((ROWS, WIDTH), tl.int32)
    total = tl.zeros((ROWS, WIDTH), tl.int64)
    step = place.to(tl.int64)
    for _ in range(STEPS):
        added = _integer(tl.load(weighted + step, mask=inside, other=0.0))
        current = _decayed(current, keep) + added
        union = union | tl.abs(current)
        total += current.to(tl.int64)
        step += size
    base = tl.program_id(0) * channels + channel
    tl.store(sums + base, tl.sum(total, axis=0), mask=there)
    tl.store(peaks + base, tl.max(_visible(union), axis=0), mask=there)


@triton.jit
def forward(
    weighted,
    keep_u,
    keep_v,
    offset,
    gate,
    voltage,
    spikes,
    current_out,
    sums,
    peaks,
    level,
    rows,
    channels,
    size,
    STEPS: tl.constexpr,
    KEEP_CURRENT: tl.constexpr,
    WATCH: tl.constexpr,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Compute current, norm bias, voltage, spike and reset of a tile of neurons.

    Parameters
    ----------
    weighted, keep_u, rows, channels, size
        As in :func:`sum_current`.
    keep_v, offset : int32 (C,)
        4096 minus the voltage decay; what the norm subtracts from the current.
    gate : float32 (C,)
        Factor of the spikes.
    voltage, spikes, current_out : float32 [T, rows, C], output
        Voltage before reset, gated spikes, and, if wanted, the current before the norm.
    sums : int64 [tiles, 4, C], output
        If wanted: spikes, ``|v|``, ``max(v, 0)``, and ``min(|v|, level)`` without a spike.
    peaks : int32 [tiles, 2, C], output
        Numbers that reach a power of two if any ``|u|``, and any ``|v|``, does.
    level : int
        Threshold in units.
    """
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    channel = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
    there = channel < channels
    inside = tl.expand_dims(row < rows, 1) & tl.expand_dims(there, 0)
    place = tl.expand_dims(row * channels, 1) + tl.expand_dims(channel, 0)
    kept_u = tl.expand_dims(tl.load(keep_u + channel, mask=there, other=0), 0)
    kept_v = tl.expand_dims(tl.load(keep_v + channel, mask=there, other=0), 0)
    shift = tl.expand_dims(tl.load(offset + channel, mask=there, other=0), 0)
    factor = tl.expand_dims(tl.load(gate + channel, mask=there, other=0.0), 0)
    u = tl.zeros((ROWS, WIDTH), tl.int32)
    v = tl.zeros((ROWS, WIDTH), tl.int32)
    union_u = tl.zeros((ROWS, WIDTH), tl.int32)
    union_v = tl.zeros((ROWS, WIDTH), tl.int32)
    count = tl.zeros((ROWS, WIDTH), tl.int64)
    magnitude = tl.zeros((ROWS, WIDTH), tl.int64)
    positive = tl.zeros((ROWS, WIDTH), tl.int64)
    resting = tl.zeros((ROWS, WIDTH), tl.int64)
    step = place.to(tl.int64)
    for _ in range(STEPS):
        added = _integer(tl.load(weighted + step, mask=inside, other=0.0))
        u = _decayed(u, kept_u) + added
        new = _decayed(v, kept_v) + u - shift
        fired = new >= level
        union_u = union_u | tl.abs(u)
        union_v = union_v | tl.abs(new)
        if KEEP_CURRENT:
            tl.store(current_out + step, u.to(tl.float32) * 0.000244140625, mask=inside)
        tl.store(voltage + step, new.to(tl.float32) * 0.000244140625, mask=inside)
        tl.store(spikes + step, tl.where(fired, factor, 0.0), mask=inside)
        if WATCH:
            wide = new.to(tl.int64)
            count += fired.to(tl.int64)
            magnitude += tl.abs(wide)
            positive += tl.where(wide > 0, wide, 0)
            resting += tl.where(fired, 0, tl.where(tl.abs(wide) < level, tl.abs(wide), level))
        v = tl.where(fired, 0, new)
        step += size
    base = tl.program_id(0) * 2 * channels + channel
    tl.store(peaks + base, tl.max(_visible(union_u), axis=0), mask=there)
    tl.store(peaks + base + channels, tl.max(_visible(union_v), axis=0), mask=there)
    if WATCH:
        base += tl.program_id(0) * 2 * channels
        tl.store(sums + base, tl.sum(count, axis=0), mask=there)
        tl.store(sums + base + channels, tl.sum(magnitude, axis=0), mask=there)
        tl.store(sums + base + 2 * channels, tl.sum(positive, axis=0), mask=there)
        tl.store(sums + base + 3 * channels, tl.sum(resting, axis=0), mask=there)
