"""What the kernels are told about a layer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loihi_sca.network import IntArray

GATHER, PATTERN, GROUPED, DEPTHWISE, DELAYED, DRIVEN, SHAPE_ONLY, RESONATING = range(8)
"""How a layer collects its input, see :mod:`loihi_sca.engine.fast.kernels`."""

PADDING = 64
"""Bytes behind the spikes of a sample that may be read, since they are read in whole vectors."""


class Geometry(NamedTuple):
    """Which inputs an output position sees; a dense layer is a single position."""

    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    kernel_y: int = 1
    kernel_x: int = 1
    stride_y: int = 1
    stride_x: int = 1
    pad_y: int = 0
    pad_x: int = 0
    dilation_y: int = 1
    dilation_x: int = 1
    groups: int = 1


class Table(NamedTuple):
    """One layer as the kernels take it.

    Attributes
    ----------
    kind : int
        How it collects its input.
    g : Geometry
        Positions and windows.
    source : Geometry
        The same, except for patterns: there ``g`` is that of the map of patterns.
    piece_bits : int
        Inputs in a piece of a pattern, 0 without patterns.
    weight : int16 or int64 array (rows, columns)
        One row per input of a window, one column per output channel (of a group). Where there is
        a single position, there may be more columns, of zeros.
    delay : int32 array, of the shape of ``weight`` or empty
        Synaptic delays.
    fan_out : int64 array (in_h * in_w,)
        Synapses that a spike at a position reaches.
    keep_u, keep_v, bias : int32 array (neurons of a block,)
        ``4096 - decay`` of current and voltage, and the aligned bias.
    threshold : int
        Aligned, and clipped to what no voltage exceeds.
    zero : int32 or int64 array (1,)
        A zero of the type of the currents.
    safe_rows : int
        So many rows of ``weight`` can be summed in its own type; 0 where any sum can.
    block_rows : int
        Rows of output positions in a block.
    most_events : int
        That can be listed for one timestep.
    segment : int
        Timesteps whose spikes are listed at once.
    lag : int
        Timesteps by which spikes arrive late.
    feedback : array (inputs + outputs, columns) of the type of ``weight``, or empty
        ``weight``, and one row per neuron whose spikes come back one timestep later.
    """

    kind: int
    g: Geometry
    source: Geometry
    piece_bits: int
    weight: npt.NDArray[Any]
    delay: IntArray
    fan_out: npt.NDArray[np.int64]
    keep_u: IntArray
    keep_v: IntArray
    bias: IntArray
    threshold: int
    zero: npt.NDArray[Any]
    safe_rows: int
    block_rows: int
    most_events: int
    segment: int
    lag: int
    feedback: npt.NDArray[Any]
