"""What the kernels are told about a layer that sends messages, and what they count."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.fast.table import Geometry
from loihi_sca.network import IntArray

DELTA, SIGMA_DELTA, SIGMA, PASS_ON = range(4)
"""What the neurons of a layer do; an Input without neurons passes messages on."""

MESSAGES, SYNOPS, BITS, PEAK_MESSAGE, WIDE_MESSAGES, PEAK_SIGMA, WIDE_SIGMAS, WRAPS = range(8)
"""Places in the array of counts."""

COUNTS = 8
OF_MESSAGES = (MESSAGES, BITS, PEAK_MESSAGE, WIDE_MESSAGES)
PEAKS = (PEAK_MESSAGE, PEAK_SIGMA)


LANES = 16
"""Outputs that share a vector; weights in pairs are padded to whole vectors."""

WIDEST = 4 * LANES
"""Outputs that are summed at once: their sums stay in registers."""


SEGMENT = 8
"""Timesteps that a block of neurons lives through before the next one starts: its state stays in
the second-level cache."""

LISTED = 1 << 19
"""Pairs of messages that are listed at a time, of as many timesteps, but of one at least."""


class GradedTable(NamedTuple):
    """One layer as the kernels take it.

    Attributes
    ----------
    kind : int
        What its neurons do.
    g : Geometry
    pairs : int32 array or empty
        Weights for :mod:`loihi_sca.engine.fast.graded_gather`, laid
        out by :func:`loihi_sca.engine.fast.graded_layout.pair_rows`.
    weight : int32 array (taps * inputs, outputs of a group), or empty
        One row per input of a window, for :mod:`loihi_sca.engine.fast.graded_scatter`, which
        weighs what the former does not.
    delay : int32 array, of the shape of ``weight`` or empty
        Synaptic delays.
    fan_out : int64 array (in_h * in_w,)
        Synapses that a message at a position reaches.
    bias : int32 array (neurons,)
        Aligned to the state.
    threshold : int
        The same.
    wraps : bool
        Whether what arrives wraps to 24 bits.
    lag : int
        Timesteps by which messages arrive late.
    """

    kind: int
    g: Geometry
    pairs: IntArray
    weight: IntArray
    delay: IntArray
    fan_out: npt.NDArray[np.int64]
    bias: IntArray
    threshold: int
    wraps: bool
    lag: int
