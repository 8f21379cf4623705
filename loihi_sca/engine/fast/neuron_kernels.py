"""The compiled loops over neurons: integrate, spike, count what left its range."""

from __future__ import annotations

from typing import Any

import numpy as np

from loihi_sca.engine.fast.jit import compiled, inlined
from loihi_sca.network.fixed_point import STATE_LIMIT

I32 = np.int32
LIMIT = I32(STATE_LIMIT - 1)
MASK = I32(2 * STATE_LIMIT - 1)

SPIKES, SYNOPS, PEAK, WRAPS, SATURATIONS = range(5)
"""Places in the array of counts."""


@inlined
def _decayed(state: Any, keep: Any) -> Any:
    """Return ``trunc(state * keep / 4096)`` for ``|state| <= 2^23`` without leaving int32.

    With ``state = 4096 high + low``, ``0 <= low < 4096``, it is ``high * keep`` plus ``low * keep /
    4096`` rounded down, or up for a negative state. Each product stays below 2^25.
    """
    high, low = I32(state >> 12), I32(state & I32(4095))
    upwards = I32(I32(state >> 31) & I32(4095))
    return I32(I32(high * keep) + I32(I32(I32(low * keep) + upwards) >> 12))


@inlined
def _wrapped(current: Any) -> Any:
    """Wrap to 24 bit: (-2^23, 2^23]."""
    return I32(I32(I32(current + LIMIT) & MASK) - LIMIT)


@inlined
def _free_voltage(voltage: Any, keep: Any, current: Any, bias: Any) -> Any:
    """Integrate; the result may leave the 24 bit, and is clipped by the caller."""
    return I32(I32(_decayed(voltage, keep) + current) + bias)


@compiled
def update(
    u: Any, v: Any, keep_u: Any, keep_v: Any, bias: Any, threshold: int, out: Any, counts: Any
) -> None:
    """Advance a block by one step; ``u`` holds the current and leaves as what is left of it."""
    own, limit = u.dtype.type, I32(threshold)  # in 64 bits vectors would hold half as many
    spikes, wraps, saturations, peak = I32(0), I32(0), I32(0), own(0)
    for j in range(out.shape[0]):
        whole = u[j]
        current = _wrapped(whole)
        free = _free_voltage(v[j], keep_v[j], current, bias[j])
        voltage = min(max(free, I32(-LIMIT)), LIMIT)
        spike = voltage > limit
        peak = max(peak, own(abs(whole)))
        wraps = I32(wraps + I32(whole != current))
        saturations = I32(saturations + I32(free != voltage))
        spikes = I32(spikes + I32(spike))
        out[j] = spike
        v[j] = I32(0) if spike else voltage
        u[j] = _decayed(current, keep_u[j])
    counts[SPIKES] += spikes
    counts[WRAPS] += wraps
    counts[SATURATIONS] += saturations
    counts[PEAK] = max(counts[PEAK], peak)


@compiled
def trace(u: Any, v: Any, keep_v: Any, bias: Any, trace_u: Any, trace_v: Any) -> None:
    """Write down what :func:`update` is about to compute: current, and voltage before reset."""
    for j in range(trace_u.shape[0]):
        trace_u[j] = _wrapped(u[j])
        free = _free_voltage(v[j], keep_v[j], trace_u[j], bias[j])
        trace_v[j] = min(max(free, I32(-LIMIT)), LIMIT)
