"""What the netx and Lava software can hold and how it changes what it cannot.

These are facts of lava-dl 0.6.0 and lava-nc 0.10.0, not of the chip; the chip's limits are in the
hardware profiles.
"""

from __future__ import annotations

import math

import numpy as np

from loihi_sca.network import Cuba, IntArray
from loihi_sca.network.fixed_point import (
    MAX_DECAY,
    MAX_THRESHOLD,
    MAX_WEIGHT,
    MIN_WEIGHT,
    WEIGHT_BITS,
)

MAX_DELAY = 62
"""Longer synaptic delays are clamped (``netx/hdf5.py``, ``create_dense``)."""

MAX_CONV_INTEGER = 127
"""Groups, kernel, stride, padding and dilation are 8 bit with sign (``proc/conv/models.py``)."""

DEFAULT_NEURON = Cuba(current_decay=0, voltage_decay=MAX_DECAY, threshold=MAX_THRESHOLD)
"""What a dense layer without a neuron gets (``create_dense``: ``1 << 18 - 1``): its threshold is
above what a voltage can reach, so that it never spikes. It is there to have its voltage read."""

MAX_RIGHT_SHIFT = 31


def weight_as_loaded(weight: IntArray) -> IntArray | None:
    """Return the weights of a dense layer that Lava multiplies with, given those in the file.

    netx shifts the weights up to use all bits (``optimize_weight_bits``); Lava's Dense clips and
    truncates them by the sign it finds (``proc/dense/models.py``) and shifts the sum down again.
    The two disagree on what an all-negative matrix is.

    Returns
    -------
    int array like ``weight``, or None
        None where loading fails, or where the sum is not that of any weights.
    """
    high, low = int(weight.max()), int(weight.min())
    values = weight.astype(np.int64)
    if (high > MAX_WEIGHT and low < 0) or (low < MIN_WEIGHT and high > 0):
        values = np.clip(values, MIN_WEIGHT, MAX_WEIGHT)
        high, low = int(values.max()), int(values.min())
    if high == low == 0:
        return None  # OverflowError
    mixed = high >= 0 and low < 0
    up = _shift_up(high, low) + mixed
    if not 0 <= up <= MAX_RIGHT_SHIFT:
        return None
    precision = next((n for n in range(WEIGHT_BITS, 0, -1) if not (values % 2**n).any()), 0)
    bits = WEIGHT_BITS - up - (precision - mixed)
    stored = _stored(values << up, bits)
    if stored is None or (stored % (1 << up)).any():
        return None
    return (stored >> up).astype(np.int32)


def loads_as_it_is(weight: IntArray) -> bool:
    """Tell whether Lava multiplies with the weights that are in the file."""
    loaded = weight_as_loaded(weight)
    return loaded is not None and np.array_equal(loaded, weight)


def _shift_up(high: int, low: int) -> int:
    """Return the exponent that netx finds; ``high`` and ``low`` are not both zero."""
    if high < 0:
        scale = -256 / low
    elif low >= 0:
        scale = 255 / high
    else:
        scale = min(127 / high if high else math.inf, -128 / low)
    return math.floor(math.log2(scale))


def _stored(values: np.ndarray, bits: int) -> np.ndarray | None:  # type: ignore[type-arg]
    """Clip and truncate shifted weights as Lava's Dense does."""
    inhibitory = values.min() < 0 and values.max() <= 0
    mixed = values.min() < 0 < values.max()
    values = -values if inhibitory else values
    values = np.clip(values, -256 if mixed else 0, 255)
    dropped = WEIGHT_BITS - bits + mixed
    if not 0 <= dropped <= MAX_RIGHT_SHIFT:
        return None
    values = (values >> dropped) << dropped
    return -values if inhibitory else values
