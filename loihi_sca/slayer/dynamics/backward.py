"""Compiled loops over CUBA neurons, backwards in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from loihi_sca.slayer.dynamics.jit import entry_point, inlined
from loihi_sca.slayer.dynamics.tiles import Array, add_up, tile_range, tiled

_ZERO = np.float32(0)
_HALF = np.float32(0.5)
_LOWEST = np.float32(-87)  # below it exp is no normal float32, and counts as zero
_LOG2_E = np.float32(1.44269504088896341)
_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(-2.12194440e-4)


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


@entry_point
def backward(sources: str) -> Callable[..., None]:
    """Return the kernel that goes backwards through spike and voltage."""

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
            Sums per channel: of ``out``; of the gradient where the neuron spiked, which is that of
            the gate; of ``out[t+1] v[t]``, which is that of the voltage decay.
        """
        _ = sources
        steps, size = gradient.shape
        chunks = len(sums)
        tiles = -(-size // length)
        keep, factor = tiled(keep_v, length), tiled(gate, length)
        carry = np.empty(length, np.float32)
        total = np.empty((3, length), np.float32)
        for chunk in range(first, last):
            begin, end = tile_range(chunk, chunks, tiles)
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
                    add_up(total[k], used, sums[chunk, k])

    return backward


@entry_point
def current_backward(sources: str) -> Callable[..., None]:
    """Return the kernel that goes backwards through norm and current."""

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
        _ = sources
        steps, size = gradient.shape
        chunks = len(sums)
        tiles = -(-size // length)
        keep, tile_shift = tiled(keep_u, length), tiled(shift, length)
        carry = np.empty(length, np.float32)
        total = np.empty(length, np.float32)
        for chunk in range(first, last):
            begin, end = tile_range(chunk, chunks, tiles)
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
                add_up(total, used, sums[chunk])

    return current_backward
