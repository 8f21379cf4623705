"""From weights as floats to mantissas: one scale per layer, found or chosen.

A layer's scale multiplies weights, biases and threshold alike, which changes no spike. So what is
left to choose is how fine the grid is on which they are rounded: weights to even integers from -254
to 254, biases to integers.

* Weights that already lie on a binary grid (multiples of a power of two, not too many of them) are
  exact, whatever quantiser made them.
* Weights on another uniform grid keep their values, but sums in floats are not exact there.
* All others are rounded, with the largest scale at which everything fits the chip.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loihi_sca.network import IntArray
from loihi_sca.network.fixed_point import (
    MAX_BIAS,
    MAX_DECAY,
    MAX_THRESHOLD,
    MAX_WEIGHT,
    MIN_BIAS,
    MIN_WEIGHT,
)

Floats = npt.NDArray[np.float64]

FINEST = 40
"""Binary grids are looked for from 2**-FINEST to 2**FINEST."""

NEAR = 1e-5
"""How far, in steps of a grid, a float may be off and still count as on it."""


@dataclass(frozen=True)
class Quantised:
    """Numbers of one layer as mantissas.

    Attributes
    ----------
    scale : float
    weight : int array
    bias : int array or None
    threshold : int
        The neuron fires above it.
    is_binary : bool
        Whether weights and biases are what they were, on a binary grid.
    """

    scale: float
    weight: IntArray
    bias: IntArray | None
    threshold: int
    is_binary: bool


def quantise(
    weight: Floats, bias: Floats | None, threshold: float, *, scale: float | None = None,
    leaks: bool = False, above: bool = False,
) -> Quantised:  # fmt: skip
    """Round the numbers of a layer.

    Parameters
    ----------
    weight : float array
    bias : float array (C_out,) or None
    threshold : float
        Positive.
    scale : float, optional
        The one that the neurons compute in, if they do.
    leaks : bool
        Whether voltages take values between mantissas, so that a finer grid is a better one.
    above : bool
        Whether the model fires above the threshold, as the chip does, and not at it.
    """
    if scale is None:
        limit = _limit(weight, bias, threshold)
        scale = (
            _binary_scale(weight, bias, limit, leaks)
            or _uniform_scale(weight, bias, limit, leaks)
            or _fitting(limit, threshold)
        )
    mantissas = np.clip(2 * np.rint(weight * scale / 2), MIN_WEIGHT, MAX_WEIGHT)
    biases = None if bias is None else np.clip(np.rint(bias * scale), MIN_BIAS, MAX_BIAS)
    same = np.array_equal(mantissas, weight * scale)
    same = same and (bias is None or np.array_equal(biases, bias * scale))  # type: ignore[arg-type]
    is_binary = bool(same) and math.frexp(scale)[0] == 0.5
    fires, near = threshold * scale, 0.0 if is_binary else NEAR
    return Quantised(
        scale=scale, weight=mantissas.astype(np.int32),
        bias=None if biases is None or not biases.any() else biases.astype(np.int32),
        threshold=math.floor(fires + near) if above else max(math.ceil(fires - near) - 1, 0),
        is_binary=is_binary,
    )  # fmt: skip


def decay_of(leak: float) -> int:
    """Return a leak, the share that is lost per timestep, in 1/4096."""
    return round(leak * MAX_DECAY)


def _binary_scale(weight: Floats, bias: Floats | None, limit: float, leaks: bool) -> float | None:
    """Return a power of two at which all is whole, or None: the smallest, with a leak the largest.

    Without a leak a larger one adds nothing but the risk of leaving 24 bits.
    """
    powers = range(-FINEST, math.floor(math.log2(limit)) + 1) if weight.any() else range(0)
    for power in reversed(powers) if leaks else powers:
        scale = 2.0**power
        if _all(_is_whole, weight * (scale / 2)) and (bias is None or _is_whole(bias * scale)):
            return scale
    return None


def _is_whole(values: Floats) -> bool:
    return np.array_equal(values, np.rint(values))


def _all(holds: Callable[[Floats], bool], values: Floats) -> bool:
    """Tell whether something holds for all values; some are nearly always enough to tell."""
    return holds(values.flat[:64]) and holds(values)


def _limit(weight: Floats, bias: Floats | None, threshold: float) -> float:
    """Return the largest scale at which everything fits."""
    largest = [(MAX_THRESHOLD - 1) / threshold]
    for peak, most in (
        (weight.max(), MAX_WEIGHT), (-weight.min(), -MIN_WEIGHT),
        (0 if bias is None else np.abs(bias).max(), MAX_BIAS),
    ):  # fmt: skip
        if peak > 0:
            largest.append(most / float(peak))
    return min(largest)


def _fitting(limit: float, threshold: float) -> float:
    """Return the largest scale within a limit at which the threshold is whole, if there is one."""
    whole = math.floor(threshold * limit)
    return whole / threshold if whole else limit


def _uniform_scale(weight: Floats, bias: Floats | None, limit: float, leaks: bool) -> float | None:
    """Return a scale of weights that lie on a grid of at most 127 steps to each side, or None."""
    peak = float(np.abs(weight).max())
    for steps in range(1, MAX_WEIGHT // 2 + 1) if peak else ():
        scale = 2 * steps / peak
        if scale > limit * (1 + NEAR):
            break
        if _all(is_near, weight * (scale / 2)):
            scale *= max(1, int(limit / scale)) if leaks else 1
            return scale if bias is None or is_near(bias * scale) else None
    return None


def is_near(values: Floats) -> bool:
    """Tell whether values are whole, but for what floats round."""
    return bool((np.abs(values - np.rint(values)) < NEAR * np.maximum(1, np.abs(values))).all())
