"""Turn layers into the flat arrays that the kernels read, with proven integer widths.

Everything inside the fast engine is channels-last: position-major, channel-minor. A spike at
``(y, x, c)`` then finds its weights to all output channels in one contiguous row, and the spikes
that one row of a window sees are one contiguous piece of the event list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.fast.rows import (
    channels_last,
    delay_rows,
    dense_rows,
    feedback_rows,
    geometry_of,
    pattern_geometry,
    pattern_pieces,
    pattern_rows,
    weight_rows,
    whole_vectors,
)
from loihi_sca.engine.fast.table import (
    DELAYED,
    DEPTHWISE,
    DRIVEN,
    GATHER,
    GROUPED,
    PATTERN,
    RESONATING,
    SHAPE_ONLY,
    Geometry,
    Table,
)
from loihi_sca.engine.result import Schedule
from loihi_sca.network import (
    ComplexDense,
    Conv,
    Cuba,
    Dense,
    Input,
    IntArray,
    Layer,
    Network,
    Pool,
    Resonator,
    Shape,
)
from loihi_sca.network.fixed_point import ALIGN, MAX_DECAY, STATE_LIMIT
from loihi_sca.network.wiring import Link

BLOCK_NEURONS = 2048
"""Neurons whose state and constants stay in the first-level cache while timesteps go by."""

SEGMENT_EVENTS = 1 << 20
"""Spikes that are listed at once, if every input spiked: 4 MiB."""

PATTERN_BITS = 16
"""A window row of at most so many inputs is looked up as a pattern. A few lookups always take the
same time, whereas a few spikes come as one, two or three, which no processor can foresee."""

BIAS_LIMIT = 1 << 26
"""An aligned bias beyond this saturates the voltage whatever the state, and can be clipped to it:
the remembered voltage and the current together stay below 2^25."""

INT16_MAX = (1 << 15) - 1


@dataclass(frozen=True)
class LaidOut:
    """A layer, its table, and who it hears.

    Attributes
    ----------
    layer : Layer
    table : Table
    source : int or None
        Place of the layer that it hears, None for the input.
    added : tuple of (int or None, Table)
        Source and table of further synapses.
    ended : tuple of int or None
        Layers, or the input, whose spikes are not needed any more once this one has run.
    """

    layer: Layer
    table: Table
    source: int | None
    added: tuple[tuple[int | None, Table], ...]
    ended: tuple[int | None, ...]


def lay_out(network: Network, schedule: Schedule) -> list[LaidOut]:
    """Lay all layers out for the kernels."""
    layout, wiring = [], network.wiring
    for layer, links, ended in zip(network, wiring.links, wiring.ended, strict=True):
        own, *added = _tables(network, links, schedule)
        sources = [link.source for link in links]
        further = tuple(zip(sources[1:], added, strict=True))
        layout.append(LaidOut(layer, _in_whole_vectors(own), sources[0], further, ended))
    return layout


def _in_whole_vectors(table: Table) -> Table:
    """Return the table of a dense layer with more columns, which reach no neurons."""
    if table.kind != GATHER or table.g.out_h * table.g.out_w > 1:
        return table
    return table._replace(
        weight=whole_vectors(table.weight), feedback=whole_vectors(table.feedback)
    )


def _tables(network: Network, links: Sequence[Link], schedule: Schedule) -> list[Table]:
    """Lay out the tables of a layer, whose sums meet in currents of one width."""
    arriving = [
        network.in_shape if link.source is None else network.layers[link.source].out_shape
        for link in links
    ]
    pairs = list(zip(links, arriving, strict=True))
    tables = [_table(link, shape, schedule) for link, shape in pairs]
    if len(tables) == 1:
        return tables
    rows = (weight_rows(link.table, _kind(link.table), shape) for link, shape in pairs)
    narrow = all(table.zero.dtype == np.int32 for table in tables)
    if narrow and _currents_fit(sum(map(largest_sum, rows))):
        return tables
    return [_table(link, shape, schedule, wide=True) for link, shape in pairs]


def _table(link: Link, arriving: Shape, schedule: Schedule, *, wide: bool = False) -> Table:
    """Lay a table out; ``arriving`` is the shape that its source gives."""
    layer = link.table
    if isinstance(layer, ComplexDense):
        return _resonator_table(layer, arriving, schedule)
    source = geometry_of(layer)
    kind, g, piece_bits = _kind(layer), source, 0
    neuron = layer.neuron if isinstance(layer.neuron, Cuba) else Cuba(MAX_DECAY, MAX_DECAY, 0)
    weight = weight_rows(layer, kind, arriving)
    feedback = feedback_rows(layer)
    narrow, safe_sum = _widths(np.concatenate((weight, feedback)) if feedback.size else weight)
    narrow = narrow and not wide
    most_events = source.in_h * source.in_w * source.in_c
    if kind == PATTERN:
        pieces = pattern_pieces(source)
        piece_bits = pieces[0]
        weight = pattern_rows(weight, source, pieces)
        g = pattern_geometry(source, pieces)
        most_events = g.in_h * g.in_w * len(pieces)
        narrow = narrow and int(np.abs(weight).max()) <= INT16_MAX
    block_rows = min(max(1, BLOCK_NEURONS // (g.out_w * g.out_c)), g.out_h)
    positions = block_rows * g.out_w
    integers = np.int16 if narrow else np.int64
    return Table(
        kind=kind,
        g=g,
        source=source,
        piece_bits=piece_bits,
        weight=weight.astype(integers, order="C"),
        delay=delay_rows(layer, arriving),
        fan_out=channels_last(layer.fan_out())[:: source.in_c].copy(),
        keep_u=_per_neuron(MAX_DECAY - neuron.current_decay, g, positions),
        keep_v=_per_neuron(MAX_DECAY - neuron.voltage_decay, g, positions),
        bias=_per_neuron(_aligned_bias(layer), g, positions),
        threshold=min(ALIGN * neuron.threshold, STATE_LIMIT),
        zero=np.zeros(1, dtype=np.int32 if narrow else np.int64),
        safe_rows=0 if safe_sum or not narrow else INT16_MAX // _largest(weight, feedback),
        block_rows=block_rows,
        most_events=most_events,
        segment=max(1, SEGMENT_EVENTS // most_events),
        lag=1 + link.hold if schedule == "cold" and not isinstance(layer, Input) else 0,
        feedback=_with_arrivals(weight, feedback).astype(integers, order="C"),
    )


def _with_arrivals(
    weight: npt.NDArray[np.int64], feedback: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return one table of what arrives and of what is fed back: both are summed at once."""
    return np.concatenate((weight, feedback)) if feedback.size else feedback


def _resonator_table(layer: ComplexDense, arriving: Shape, schedule: Schedule) -> Table:
    """Lay out resonators: columns of weights to the real parts, then those to the imaginary ones.

    For :mod:`loihi_sca.engine.fast.resonator_kernels`, where ``keep_u`` is the sine and ``keep_v``
    the cosine, and ``safe_rows`` may be 0 only where there is no need for chunks.
    """
    weight = np.concatenate([dense_rows(w, arriving) for w in (layer.real, layer.imag)], axis=1)
    weight = weight.astype(np.int64)
    neuron, empty = layer.neuron, np.zeros((0, 0), dtype=np.int64)
    if not isinstance(neuron, Resonator):
        raise TypeError(f"{layer.name} has no resonators")  # refused before
    narrow, safe_sum = _widths(weight)
    integers = np.int16 if narrow else np.int64
    g = geometry_of(layer)
    sin, cos = (_per_neuron(decay, g, 1) for decay in neuron.decays)
    return Table(
        kind=RESONATING, g=g, source=g, piece_bits=0, weight=weight.astype(integers, order="C"),
        delay=empty.astype(np.int32), fan_out=channels_last(layer.fan_out())[:1].copy(),
        keep_u=sin, keep_v=cos, bias=np.full(1, neuron.izhikevich, dtype=np.int32),
        threshold=min(ALIGN * neuron.threshold, STATE_LIMIT),
        zero=np.zeros(1, dtype=np.int32 if narrow else np.int64),
        safe_rows=len(weight) if safe_sum or not narrow else INT16_MAX // _largest(weight),
        block_rows=1, most_events=g.in_c, segment=max(1, SEGMENT_EVENTS // g.in_c),
        lag=1 if schedule == "cold" else 0, feedback=empty.astype(integers),
    )  # fmt: skip


def _kind(layer: Layer) -> int:
    if isinstance(layer, Input):
        return SHAPE_ONLY if layer.neuron is None else DRIVEN
    if isinstance(layer, Pool):
        return DEPTHWISE
    if isinstance(layer, Conv):
        if layer.groups == layer.in_shape[0] == layer.out_channels:
            return DEPTHWISE
        if layer.groups > 1 or layer.dilation[1] > 1:
            return GROUPED
        return PATTERN if layer.kernel[1] * layer.in_shape[0] <= PATTERN_BITS else GATHER
    return DELAYED if isinstance(layer, Dense) and layer.delay is not None else GATHER


def _widths(weight: npt.NDArray[np.int64]) -> tuple[bool, bool]:
    """Prove how wide sums must be: (int16 weights and int32 currents do, int16 holds any sum).

    Spikes are 0 or 1, so that no sum of weights, whole or partial, exceeds that of the positive or
    of the negative weights of an output. The largest current is what is left of the one before, at
    most 2^23, plus the aligned sum over the fan-in. Rows of a grouped layer belong to different
    outputs, so summing all of them only makes the bound larger than it need be.
    """
    largest = largest_sum(weight)
    narrow = int(np.abs(weight).max()) <= INT16_MAX and _currents_fit(largest)
    return narrow, largest <= INT16_MAX


def largest_sum(weight: npt.NDArray[np.int64]) -> int:
    """Return the largest sum of weights, whole or partial, that spikes can make of some rows."""
    positive, negative = np.maximum(weight, 0).sum(axis=0), np.maximum(-weight, 0).sum(axis=0)
    return int(max(positive.max(), negative.max()))


def _currents_fit(largest: int) -> bool:
    """Tell whether 32 bits hold any current to which so large a sum is added."""
    return STATE_LIMIT + ALIGN * largest < 1 << 31


def _largest(*tables: npt.NDArray[np.int64]) -> int:
    return max(int(np.abs(table).max(initial=0)) for table in tables)


def _aligned_bias(layer: Layer) -> npt.NDArray[np.int64]:
    bias = layer.bias if isinstance(layer, Conv | Dense) else None
    mantissa = np.zeros(1, dtype=np.int64) if bias is None else bias.astype(np.int64)
    return np.clip(mantissa * ALIGN, -BIAS_LIMIT, BIAS_LIMIT)


def _per_neuron(value: Any, g: Geometry, positions: int) -> IntArray:
    """Repeat one value, or one per channel, over the neurons of a block."""
    return np.tile(np.broadcast_to(np.asarray(value, dtype=np.int32), (g.out_c,)), positions)
