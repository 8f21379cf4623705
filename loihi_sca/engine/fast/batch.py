"""Run some samples through all layers; the unit of work of a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.fast import kernels
from loihi_sca.engine.fast.events import time_major
from loihi_sca.engine.fast.layout import LaidOut
from loihi_sca.engine.fast.neuron_kernels import PEAK, SATURATIONS, SPIKES, SYNOPS, WRAPS
from loihi_sca.engine.fast.resonator_kernels import run_resonators
from loihi_sca.engine.fast.table import DRIVEN, PADDING, RESONATING, SHAPE_ONLY
from loihi_sca.engine.result import SpikeArray, Trace
from loihi_sca.network import IntArray, Layer, Shape
from loihi_sca.network.activity import LayerActivity
from loihi_sca.network.fixed_point import ALIGN

COUNTS = 5
"""Numbers that the kernels count per layer."""

NOTHING = np.zeros((0, 0, 0), dtype=np.int32)


def run_batch(
    layout: Sequence[LaidOut],
    data: npt.NDArray[np.integer[Any]],
    out: SpikeArray,
    traces: Mapping[str, Trace],
) -> npt.NDArray[np.int64]:
    """Run samples (n, *in_shape, T) through all layers and return the counts (layers, COUNTS).

    ``out`` (n, *out_shape, T), of the last layer, and ``traces`` are written.
    """
    counts = np.zeros((len(layout), COUNTS), dtype=np.int64)
    given, drive = _arrange(layout[0], data)
    sent: dict[int | None, _Spikes] = {None: given}
    for index, (laid, count) in enumerate(zip(layout, counts, strict=True)):
        trace = traces.get(laid.layer.name)
        u = v = NOTHING
        spikes = sent[laid.source]
        if laid.table.kind != SHAPE_ONLY:
            added = _sum_added(laid, sent, count)
            heard, spikes = spikes, _Spikes(len(data), data.shape[-1], laid.layer.neurons)
            if trace is not None:
                u, v = (np.empty(spikes.steps.shape, dtype=np.int32) for _ in range(2))
            if laid.table.kind == RESONATING:
                run_resonators(laid.table, heard.padded, spikes.steps, u, v, count)
            else:
                kernels.run_layer(laid.table, heard.padded, drive, added, spikes.steps, u, v, count)
            drive = NOTHING
        if laid.table.kind == SHAPE_ONLY or laid.layer.axon_delay is not None:
            _delay(spikes.steps, laid.layer)
            count[SPIKES] = np.count_nonzero(spikes.steps)
        if trace is not None:
            _write(spikes.steps, laid.layer.out_shape, trace.spikes)
            if trace.current is not None and trace.voltage is not None:
                _write(u, laid.layer.out_shape, trace.current)
                _write(v, laid.layer.out_shape, trace.voltage)
        sent[index] = spikes
        for done in laid.ended:
            del sent[done]
    _write(spikes.steps, layout[-1].layer.out_shape, out)
    return counts


def _sum_added(
    laid: LaidOut, sent: Mapping[int | None, _Spikes], count: npt.NDArray[np.int64]
) -> npt.NDArray[Any]:
    """Return what further synapses add to the currents (n, T, neurons), empty without any."""
    if not laid.added:
        return NOTHING
    samples, steps = sent[laid.source].steps.shape[:2]
    added = np.zeros((samples, steps, laid.layer.neurons), dtype=laid.table.zero.dtype)
    for source, table in laid.added:
        kernels.sum_arrivals(table, sent[source].padded, added, count)
    return added


def add_counts(total: npt.NDArray[np.int64], more: npt.NDArray[np.int64]) -> None:
    """Add the counts of a batch; of the peaks, keep the larger."""
    peaks = np.maximum(total[:, PEAK], more[:, PEAK])
    total += more
    total[:, PEAK] = peaks


def activity_of(layer: Layer, count: npt.NDArray[np.int64], updates: int) -> LayerActivity:
    """Name the counts of a layer; ``updates`` are those of one neuron."""
    neurons = layer.neurons if layer.neuron is not None else 0
    return LayerActivity(
        name=layer.name,
        neurons=neurons,
        outputs=layer.neurons,
        spikes=int(count[SPIKES]),
        synops=int(count[SYNOPS]),
        updates=neurons * updates,
        peak_current=int(count[PEAK]),
        current_wraps=int(count[WRAPS]),
        voltage_saturations=int(count[SATURATIONS]),
    )


class _Spikes:
    """Spikes of some samples, with room behind the last one for reads in whole vectors.

    Attributes
    ----------
    steps : uint8 array (n, T, neurons)
    padded : uint8 array (n, T * neurons)
        The same memory, of which each row may be read beyond its end.
    """

    def __init__(self, samples: int, steps: int, neurons: int) -> None:
        memory = np.empty(samples * steps * neurons + PADDING, dtype=np.uint8)
        memory[-PADDING:] = 0
        self.steps = memory[:-PADDING].reshape(samples, steps, neurons)
        self.padded = self.steps.reshape(samples, steps * neurons)


def _arrange(laid: LaidOut, data: npt.NDArray[np.integer[Any]]) -> tuple[_Spikes, IntArray]:
    """Bring data (n, *shape, T) into the order of the kernels, as spikes or as aligned bias."""
    samples, steps, channels = len(data), data.shape[-1], data.shape[1]
    by_position = data.reshape(samples, channels, -1, steps)
    inputs = channels * by_position.shape[2]
    ordered = (samples, steps, by_position.shape[2], channels)
    if laid.table.kind == DRIVEN:
        drive = np.empty(ordered, dtype=np.int32)
        time_major(by_position.astype(np.int32) * ALIGN, drive)
        return _Spikes(samples, steps, 0), drive.reshape(samples, steps, inputs)
    spikes = _Spikes(samples, steps, inputs)
    time_major(np.ascontiguousarray(by_position, dtype=np.uint8), spikes.steps.reshape(ordered))
    return spikes, NOTHING


def _delay(spikes: SpikeArray, layer: Layer) -> None:
    """Make the spikes (n, T, neurons) of each channel late, in place; the last ones are lost."""
    if layer.axon_delay is None or layer.neuron is None:
        return
    steps = spikes.shape[1]
    by_channel = spikes.reshape(len(spikes), steps, -1, layer.out_shape[0])
    for delay in np.unique(layer.axon_delay[layer.axon_delay > 0]):
        channels = np.flatnonzero(layer.axon_delay == delay)
        late = np.zeros_like(by_channel[..., channels])
        late[:, delay:] = by_channel[:, : max(steps - delay, 0), :, channels]
        by_channel[..., channels] = late


def _write(values: npt.NDArray[Any], shape: Shape, out: npt.NDArray[Any]) -> None:
    """Write values (n, T, positions * channels) to ``out`` (n, *shape, T)."""
    samples, steps = values.shape[:2]
    ordered = values.reshape(samples, steps, *shape[1:], shape[0])
    out[...] = np.moveaxis(ordered, (1, -1), (-1, 1))
