"""Turn layers that send messages into what their kernels read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.fast.graded_table import (
    DELTA,
    LANES,
    PASS_ON,
    SIGMA,
    SIGMA_DELTA,
    WIDEST,
    GradedTable,
)
from loihi_sca.engine.fast.layout import INT16_MAX
from loihi_sca.engine.fast.rows import channels_last, delay_rows, geometry_of, weight_rows
from loihi_sca.engine.fast.table import GROUPED, Geometry
from loihi_sca.engine.result import Schedule
from loihi_sca.network import (
    Conv,
    Delta,
    Dense,
    Input,
    IntArray,
    Layer,
    Network,
    Pool,
    Shape,
    Sigma,
    SigmaDelta,
    Window,
)
from loihi_sca.network.fixed_point import GRADED_ALIGN_BITS

KINDS = {Delta: DELTA, SigmaDelta: SIGMA_DELTA, Sigma: SIGMA}


def lay_out_graded(network: Network, schedule: Schedule) -> tuple[GradedTable, ...]:
    """Return the tables of all layers."""
    tables, arriving = [], network.in_shape
    for layer in network:
        tables.append(_table(layer, arriving, schedule))
        arriving = layer.out_shape
    return tuple(tables)


def _table(layer: Layer, arriving: Shape, schedule: Schedule) -> GradedTable:
    neuron, g = layer.neuron, geometry_of(layer)
    threshold = neuron.threshold if isinstance(neuron, Delta | SigmaDelta) else 0
    bias = layer.bias if isinstance(layer, Conv | Dense) else None
    each = np.zeros(1, dtype=np.int32) if bias is None else bias << GRADED_ALIGN_BITS
    rows = weight_rows(layer, GROUPED, arriving)
    gathers = can_gather(layer, rows)
    if isinstance(layer, Pool):  # as many groups of one channel
        rows = rows.reshape(-1, 1)
    return GradedTable(
        kind=PASS_ON if neuron is None else KINDS[type(neuron)],
        g=g,
        pairs=pair_rows(rows, g) if gathers else np.zeros(0, dtype=np.int32),
        weight=(rows[:0] if gathers else rows).astype(np.int32),
        delay=delay_rows(layer, arriving),
        fan_out=channels_last(layer.fan_out())[:: g.in_c].copy(),
        bias=np.tile(np.broadcast_to(each, (g.out_c,)), g.out_h * g.out_w),
        threshold=threshold << GRADED_ALIGN_BITS,
        wraps=isinstance(layer, Window),
        lag=1 if schedule == "cold" and not isinstance(layer, Input) else 0,
    )


def can_gather(layer: Layer, rows: npt.NDArray[np.int64]) -> bool:
    """Tell whether messages to a layer can be weighed in pairs, given its rows of weights.

    That takes weights of 16 bits, one group, and windows without horizontal gaps.
    """
    if isinstance(layer, Dense):
        plain = layer.delay is None
    else:
        plain = isinstance(layer, Conv) and layer.groups == 1 and layer.dilation[1] == 1
    return plain and int(np.abs(rows).max()) <= INT16_MAX


def pair_rows(weight: npt.NDArray[np.int64], g: Geometry) -> IntArray:
    """Return weight rows (taps * inputs, outputs) in pairs, as gathering kernels read them.

    Outputs are padded with zeros to whole vectors, and cut into stripes of :data:`WIDEST`. Within a
    stripe there is a row per tap and pair of inputs; a number holds the weights of both inputs
    of a pair. Rows begin at whole cache lines.
    """
    taps, outputs = g.kernel_y * g.kernel_x, weight.shape[1]
    pairs, padded = -(-g.in_c // 2), -(-outputs // LANES) * LANES
    rows = np.zeros((taps, 2 * pairs, padded), dtype=np.int16)
    rows[:, : g.in_c, :outputs] = weight.reshape(taps, g.in_c, outputs)
    both = rows.reshape(taps * pairs, 2, padded).transpose(0, 2, 1)
    stripes = [both[:, j : j + WIDEST].reshape(-1) for j in range(0, padded, WIDEST)]
    memory = np.empty(taps * pairs * padded + LANES, dtype=np.int32)
    begin = -memory.ctypes.data // memory.itemsize % LANES
    found = memory[begin : begin + taps * pairs * padded]
    found[:] = np.concatenate(stripes).view(np.int32)
    return found
