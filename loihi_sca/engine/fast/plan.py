"""Turn layers into the flat arrays that the kernels read, with proven integer widths.

Everything inside the fast engine is channels-last: position-major, channel-minor. A spike at
``(y, x, c)`` then finds its weights to all output channels in one contiguous row, and the spikes
that one row of a window sees are one contiguous piece of the event list.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.reference import ALIGN, STATE_LIMIT
from loihi_sca.engine.result import Schedule
from loihi_sca.layers import MAX_DECAY
from loihi_sca.network import (
    Conv,
    Cuba,
    Dense,
    Input,
    IntArray,
    Layer,
    Network,
    Pool,
    Shape,
    Window,
)

GATHER, GROUPED, DEPTHWISE, DELAYED, DRIVEN, SHAPE_ONLY = range(6)
"""How a layer collects its input, see :mod:`loihi_sca.engine.fast.kernels`."""

BLOCK_NEURONS = 2048
"""Neurons whose state and constants stay in the first-level cache while timesteps go by."""

SEGMENT_EVENTS = 1 << 20
"""Spikes that are listed at once, if every input spiked: 4 MiB."""

BIAS_LIMIT = 1 << 26
"""An aligned bias beyond this saturates the voltage whatever the state, and can be clipped to it:
the remembered voltage and the current together stay below 2^25."""

PADDING = 64
"""Bytes behind the spikes of a sample that may be read, since they are read in whole vectors."""

INT16_MAX = (1 << 15) - 1


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
    weight : int16 or int64 array (rows, columns)
        One row per input of a window, one column per output channel (of a group).
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
    segment : int
        Timesteps whose spikes are listed at once.
    lag : int
        Timesteps by which spikes arrive late.
    """

    kind: int
    g: Geometry
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
    segment: int
    lag: int


@dataclass(frozen=True)
class Plan:
    """A layer and its table."""

    layer: Layer
    table: Table


def plan_network(network: Network, schedule: Schedule) -> list[Plan]:
    """Lay all layers out for the kernels."""
    plans, arriving = [], network.in_shape
    for layer in network:
        plans.append(Plan(layer, _table(layer, arriving, schedule)))
        arriving = layer.out_shape
    return plans


def _table(layer: Layer, arriving: Shape, schedule: Schedule) -> Table:
    """Lay a layer out; ``arriving`` is the shape that the layer before it gives."""
    kind, g = _kind(layer), _geometry(layer)
    neuron = layer.neuron if isinstance(layer.neuron, Cuba) else Cuba(MAX_DECAY, MAX_DECAY, 0)
    block_rows = min(max(1, BLOCK_NEURONS // (g.out_w * g.out_c)), g.out_h)
    positions = block_rows * g.out_w
    weight = _weight_rows(layer, kind, arriving)
    narrow, safe_rows = _widths(weight, g)
    return Table(
        kind=kind,
        g=g,
        weight=weight.astype(np.int16 if narrow else np.int64, order="C"),
        delay=_delay_rows(layer, arriving),
        fan_out=_channels_last(layer.fan_out())[:: g.in_c].copy(),
        keep_u=_per_neuron(MAX_DECAY - neuron.current_decay, g, positions),
        keep_v=_per_neuron(MAX_DECAY - neuron.voltage_decay, g, positions),
        bias=_per_neuron(_aligned_bias(layer), g, positions),
        threshold=min(ALIGN * neuron.threshold, STATE_LIMIT),
        zero=np.zeros(1, dtype=np.int32 if narrow else np.int64),
        safe_rows=safe_rows,
        block_rows=block_rows,
        segment=max(1, SEGMENT_EVENTS // (g.in_h * g.in_w * g.in_c)),
        lag=1 if schedule == "cold" and not isinstance(layer, Input) else 0,
    )


def _kind(layer: Layer) -> int:
    if isinstance(layer, Input):
        return SHAPE_ONLY if layer.neuron is None else DRIVEN
    if isinstance(layer, Pool):
        return DEPTHWISE
    if isinstance(layer, Conv):
        if layer.groups == layer.in_shape[0] == layer.out_channels:
            return DEPTHWISE
        return GROUPED if layer.groups > 1 or layer.dilation[1] > 1 else GATHER
    return DELAYED if isinstance(layer, Dense) and layer.delay is not None else GATHER


def _geometry(layer: Layer) -> Geometry:
    if isinstance(layer, Window):
        (in_c, in_h, in_w), (out_c, out_h, out_w) = layer.in_shape, layer.out_shape
        groups = layer.groups if isinstance(layer, Conv) else in_c
        window = (*layer.kernel, *layer.stride, *layer.padding, *layer.dilation, groups)
        return Geometry(in_h, in_w, in_c, out_h, out_w, out_c, *window)
    if isinstance(layer, Input):
        in_c, in_h, in_w = (*layer.in_shape, 1, 1)[:3]
        return Geometry(in_h, in_w, in_c, in_h, in_w, in_c)
    return Geometry(1, 1, math.prod(layer.in_shape), 1, 1, layer.out_shape[0])


def _widths(weight: npt.NDArray[np.int64], g: Geometry) -> tuple[bool, int]:
    """Prove how wide sums must be: (int16 weights and int32 currents do, safe rows in int16).

    Spikes are 0 or 1, so that no sum of weights, whole or partial, exceeds that of the positive or
    of the negative weights of an output. The largest current is what is left of the one before, at
    most 2^23, plus the aligned sum over the fan-in. Rows of a grouped layer belong to different
    outputs, so summing all of them only makes the bound larger than it need be.
    """
    positive, negative = np.maximum(weight, 0).sum(axis=0), np.maximum(-weight, 0).sum(axis=0)
    largest_sum = int(max(positive.max(), negative.max()))
    largest_weight = int(np.abs(weight).max())
    narrow = largest_weight <= INT16_MAX and STATE_LIMIT + ALIGN * largest_sum < 1 << 31
    if not narrow or largest_sum <= INT16_MAX:
        return narrow, 0
    return True, INT16_MAX // largest_weight


def _weight_rows(layer: Layer, kind: int, arriving: Shape) -> npt.NDArray[np.int64]:
    """Return the weights as rows (taps * inputs, outputs); see :class:`Table`."""
    if isinstance(layer, Conv):
        # (groups, columns, c_in / groups, ky, kx) -> (ky, kx, groups, c_in / groups, columns)
        grouped = layer.weight.reshape(layer.groups, -1, *layer.weight.shape[1:])
        rows = grouped.transpose(3, 4, 0, 2, 1)
    elif isinstance(layer, Pool):
        rows = np.broadcast_to(layer.weight[..., None], (*layer.kernel, layer.out_channels))
    elif isinstance(layer, Dense):
        rows = _dense_rows(layer.weight, arriving)
    else:
        return np.zeros((1, 1), dtype=np.int64)
    columns = layer.out_shape[0] if kind == DEPTHWISE else rows.shape[-1]
    return rows.reshape(-1, columns).astype(np.int64, order="C")


def _dense_rows(table: IntArray, arriving: Shape) -> IntArray:
    """Return a table (N_out, N_in) as rows (N_in, N_out), the inputs in channels-last order."""
    if len(arriving) == 1:
        return table.T
    return table.reshape(-1, *arriving).transpose(2, 3, 1, 0).reshape(table.shape[::-1])


def _delay_rows(layer: Layer, arriving: Shape) -> IntArray:
    if isinstance(layer, Dense) and layer.delay is not None:
        return np.ascontiguousarray(_dense_rows(layer.delay, arriving))
    return np.zeros((0, 0), dtype=np.int32)


def _aligned_bias(layer: Layer) -> npt.NDArray[np.int64]:
    bias = layer.bias if isinstance(layer, Conv | Dense) else None
    mantissa = np.zeros(1, dtype=np.int64) if bias is None else bias.astype(np.int64)
    return np.clip(mantissa * ALIGN, -BIAS_LIMIT, BIAS_LIMIT)


def _per_neuron(value: Any, g: Geometry, positions: int) -> IntArray:
    """Repeat one value, or one per channel, over the neurons of a block."""
    return np.tile(np.broadcast_to(np.asarray(value, dtype=np.int32), (g.out_c,)), positions)


def _channels_last(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return values of shape (C, H, W) or (N,), flat and channels-last."""
    return values.transpose(1, 2, 0).ravel() if values.ndim == 3 else values.ravel()
