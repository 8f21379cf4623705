"""Triton kernels over CUBA neurons, backwards in time; tiles are those of the forward kernels."""

import triton
import triton.language as tl


@triton.jit
def backward(
    gradient,
    voltage,
    current,
    keep_u,
    keep_v,
    gate,
    out,
    sums,
    level,
    slope,
    height,
    rows,
    channels,
    size,
    last,
    STEPS: tl.constexpr,
    THROUGH_CURRENT: tl.constexpr,
    LEARN_CURRENT: tl.constexpr,
    LEARN_VOLTAGE: tl.constexpr,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Go backwards through spike, voltage and current; the reset is not differentiated.

    ::

        d[t] = height exp(-|v[t] - level| slope) gate gradient[t]
        dv[t] = keep_v dv[t+1] + d[t]
        du[t] = keep_u du[t+1] + dv[t]

    Where a batch mean was subtracted, its share must be added to ``dv`` before the last line, and
    is known only after all of ``dv``: then this stops there, and :func:`current_backward` goes on.

    Parameters
    ----------
    gradient, voltage, current : float32 [T, rows, C]
        With respect to the gated spikes; before reset; before the norm, read if its decay learns.
    keep_u, keep_v, gate : float32 (C,)
        1 minus the decays; factor of the spikes.
    out : float32 [T, rows, C], output
        ``du`` or ``dv``.
    sums : float32 [tiles, 4, C], output
        Of ``dv``; of the gradient where the neuron spiked, which is that of the gate; and, where
        they learn, of ``dv[t+1] v[t]`` and ``du[t+1] u[t]``, which are those of the decays.
    level, slope, height : float
        Threshold and surrogate.
    rows, channels, size, last : int
        Samples times places; C; their product; where the last step begins.
    """
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    channel = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
    there = channel < channels
    inside = tl.expand_dims(row < rows, 1) & tl.expand_dims(there, 0)
    place = tl.expand_dims(row * channels, 1) + tl.expand_dims(channel, 0)
    kept_u = tl.expand_dims(tl.load(keep_u + channel, mask=there, other=0.0), 0)
    kept_v = tl.expand_dims(tl.load(keep_v + channel, mask=there, other=0.0), 0)
    factor = tl.expand_dims(tl.load(gate + channel, mask=there, other=0.0), 0)
    dv = tl.zeros((ROWS, WIDTH), tl.float32)
    du = tl.zeros((ROWS, WIDTH), tl.float32)
    total = tl.zeros((ROWS, WIDTH), tl.float32)
    spiked = tl.zeros((ROWS, WIDTH), tl.float32)
    of_voltage = tl.zeros((ROWS, WIDTH), tl.float32)
    of_current = tl.zeros((ROWS, WIDTH), tl.float32)
    step = place.to(tl.int64) + last
    for _ in range(STEPS):
        g = tl.load(gradient + step, mask=inside, other=0.0)
        v = tl.load(voltage + step, mask=inside, other=0.0)
        distance = v - level
        if LEARN_VOLTAGE:
            of_voltage += dv * v
        rise = height * tl.exp(-tl.abs(distance) * slope)
        dv = kept_v * dv + rise * g * factor
        total += dv
        spiked += tl.where(distance >= 0.0, g, 0.0)
        if THROUGH_CURRENT:
            if LEARN_CURRENT:
                of_current += du * tl.load(current + step, mask=inside, other=0.0)
            du = kept_u * du + dv
            tl.store(out + step, du, mask=inside)
        else:
            tl.store(out + step, dv, mask=inside)
        step -= size
    base = tl.program_id(0) * 4 * channels + channel
    tl.store(sums + base, tl.sum(total, axis=0), mask=there)
    tl.store(sums + base + channels, tl.sum(spiked, axis=0), mask=there)
    tl.store(sums + base + 2 * channels, tl.sum(of_voltage, axis=0), mask=there)
    tl.store(sums + base + 3 * channels, tl.sum(of_current, axis=0), mask=there)


@triton.jit
def current_backward(
    gradient,
    keep_u,
    shift,
    current,
    sums,
    rows,
    channels,
    size,
    last,
    STEPS: tl.constexpr,
    LEARN_CURRENT: tl.constexpr,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Go backwards through norm and current, in place.

    ``out[t] = keep_u out[t+1] + gradient[t] + shift``

    Parameters
    ----------
    gradient : float32 [T, rows, C], input and output
        With respect to the normed current, then to the weighted spikes.
    keep_u, shift : float32 (C,)
        1 minus the current decay; share of the norm's mean in the gradient.
    current : float32 [T, rows, C]
        Before the norm, read if the decay learns.
    sums : float32 [tiles, C], output
        Of ``out[t+1] u[t]``, the gradient of the current decay.
    rows, channels, size, last
        As in :func:`backward`.
    """
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    channel = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
    there = channel < channels
    inside = tl.expand_dims(row < rows, 1) & tl.expand_dims(there, 0)
    place = tl.expand_dims(row * channels, 1) + tl.expand_dims(channel, 0)
    keep = tl.expand_dims(tl.load(keep_u + channel, mask=there, other=0.0), 0)
    added = tl.expand_dims(tl.load(shift + channel, mask=there, other=0.0), 0)
    carry = tl.zeros((ROWS, WIDTH), tl.float32)
    of_decay = tl.zeros((ROWS, WIDTH), tl.float32)
    step = place.to(tl.int64) + last
    for _ in range(STEPS):
        g = tl.load(gradient + step, mask=inside, other=0.0)
        if LEARN_CURRENT:
            of_decay += carry * tl.load(current + step, mask=inside, other=0.0)
        carry = keep * carry + g + added
        tl.store(gradient + step, carry, mask=inside)
        step -= size
    if LEARN_CURRENT:
        base = tl.program_id(0) * channels + channel
        tl.store(sums + base, tl.sum(of_decay, axis=0), mask=there)
