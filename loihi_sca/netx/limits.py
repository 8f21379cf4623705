"""What the netx and Lava software can hold and how it changes what it cannot.

These are facts of lava-dl 0.6.0 and lava-nc 0.10.0, not of the chip; the chip's limits are in the
hardware profiles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.network import Cuba, Dense, IntArray, Recurrent
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

ROUNDING = 1e-3
"""Far more than mantissas of resonators are rounded by on their way through netx."""


def tables_as_loaded(tables: Sequence[IntArray]) -> list[IntArray] | None:
    """Return the weights of a dense layer that Lava multiplies with, given those in the file.

    netx shifts the weights up to use all bits (``optimize_weight_bits``), both tables of a
    recurrent layer by one exponent (``create_dense``). Lava's Dense clips and truncates each of
    them by the sign it finds (``proc/dense/models.py``) and shifts the sum down again. The two
    disagree on what an all-negative matrix is.

    Parameters
    ----------
    tables : sequence of int array (N_out, n)
        One, or of a recurrent layer two, see :func:`tables_of`.

    Returns
    -------
    list of int array like ``tables``, or None
        None where loading fails, or where the sum is not that of any weights.
    """
    weight = np.concatenate(tables, axis=1)
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
    ends = np.cumsum([table.shape[1] for table in tables])[:-1]
    stored = [_stored(part << up, bits) for part in np.split(values, ends, axis=1)]
    found = [x for x in stored if x is not None and not (x % (1 << up)).any()]
    return [(x >> up).astype(np.int32) for x in found] if len(found) == len(stored) else None


def mantissas_to_store(decay: int | IntArray) -> npt.NDArray[np.float64]:
    """Return what has to stand in a file so that mantissas of resonators load: half a step more.

    netx makes a period and a decay of them (``slayer/neuron/rf.py``, ``neuron_params``), Lava makes
    mantissas of those again and truncates (``proc/rf/process.py``). There and back is the same
    number but for rounding, which differs between processors, and of pairs of whole mantissas about
    four in ten come out one too small.
    """
    return np.asarray(decay, dtype=np.float64) + 0.5


def mantissas_load(*stored: npt.NDArray[Any]) -> bool:
    """Tell whether no rounding can change what the mantissas in a file are truncated to."""
    parts = [np.mod(values, 1) for values in stored]
    return all(bool(((x > ROUNDING) & (x < 1 - ROUNDING)).all()) for x in parts)


def tables_of(layer: Dense) -> list[IntArray]:
    """Return the synapse tables that share an exponent: one, or two of a recurrent layer."""
    return [layer.weight, layer.feedback] if isinstance(layer, Recurrent) else [layer.weight]


def loads_as_it_is(layer: Dense) -> bool:
    """Tell whether Lava multiplies with the weights of the layer that are in the file."""
    return tables_load(tables_of(layer))


def tables_load(tables: Sequence[IntArray]) -> bool:
    """Tell it of tables that share an exponent."""
    loaded = tables_as_loaded(tables)
    return loaded is not None and all(map(np.array_equal, loaded, tables))


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
