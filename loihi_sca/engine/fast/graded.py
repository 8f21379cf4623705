"""Run networks of sigma-delta neurons: the fast engine, where messages take the place of spikes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.fast.graded_memory import Buffers, bytes_per_step, sending
from loihi_sca.engine.fast.graded_table import (
    COUNTS,
    DELTA,
    LISTED,
    OF_MESSAGES,
    PASS_ON,
    PEAKS,
    SEGMENT,
    GradedTable,
)
from loihi_sca.engine.fast.threads import each_done
from loihi_sca.engine.result import (
    RunResult,
    Trace,
    check_shape,
    check_values,
    with_constant,
)
from loihi_sca.errors import InputError
from loihi_sca.network import IntArray, Layer, Network, Shape
from loihi_sca.network.activity import GradedActivity, LayerActivity
from loihi_sca.network.fixed_point import MAX_VALUE

KINDS_READ = (np.dtype(np.int32), np.dtype(np.int64))
"""What kernels read data as; others, whose values have been checked, are copied to the first."""


@dataclass(frozen=True)
class PreparedGraded:
    """A sigma-delta network that is laid out; made by :func:`loihi_sca.engine.fast.prepare`.

    Attributes
    ----------
    network : Network
    tables : tuple of GradedTable
        Layer by layer, what the kernels read.
    memory_budget, threads : int
        As there. What a run has used of the memory is kept for the next one, and for which types
        of data the kernels have been compiled.
    """

    network: Network
    tables: tuple[GradedTable, ...]
    memory_budget: int
    threads: int
    _idle: list[Buffers] = field(default_factory=list, repr=False, compare=False)
    _compiled: set[np.dtype[Any]] = field(default_factory=set, repr=False, compare=False)

    def run(
        self,
        data: npt.NDArray[np.integer[Any]],
        *,
        record: Sequence[str] = (),
        on_progress: Callable[[int, int], None] | None = None,
    ) -> RunResult:
        """Run the network; see :meth:`loihi_sca.engine.fast.Prepared.run`."""
        network = self.network
        data = check_shape(network, data)
        recorded = {name: network[name] for name in record}
        samples, steps = data.shape[0], data.shape[-1]
        threads = self._threads_in_budget(samples, steps, data.dtype)
        out = np.empty((samples, *network.out_shape, steps), dtype=np.int32)
        self._compile_for(data.dtype if data.dtype.kind in "biu" else np.dtype(np.int64))
        started = time.perf_counter()
        traces = {name: _empty_trace(layer, samples, steps) for name, layer in recorded.items()}

        def work(i: int) -> npt.NDArray[np.int64]:
            values = data[i : i + 1]
            if not self._checks_as_it_reads(data.dtype):
                values = check_values(network, values)
            sample, buffers = with_constant(network, values)[0], self._take_buffers(steps)
            traced = {name: _sample(x, i) for name, x in traces.items()}
            found = _run_sample(self, sample, buffers, traced, out[i])
            self._idle.append(buffers)
            return found

        counts = np.zeros((len(self.tables), COUNTS), dtype=np.int64)
        for done, more in enumerate(each_done(threads, work, range(samples)), start=1):
            for peak in PEAKS:
                more[:, peak] = np.maximum(more[:, peak], counts[:, peak])
                counts[:, peak] = 0
            counts += more
            if on_progress is not None:
                on_progress(done, samples)
        activity = tuple(
            _activity(layer, row, samples * steps)
            for layer, row in zip(network, counts, strict=True)
        )
        return RunResult(out, activity, traces, time.perf_counter() - started)

    def _compile_for(self, kind: np.dtype[Any]) -> None:
        """Have what data of a type need compiled, or its code loaded: run no steps of them."""
        if kind not in self._compiled:
            nothing = np.zeros((*self.network.in_shape, 0), dtype=kind)
            out = np.empty((*self.network.out_shape, 0), dtype=np.int32)
            _run_sample(self, nothing, Buffers(self.network, 0), {}, out)
            self._compiled.add(kind)

    def _checks_as_it_reads(self, kind: np.dtype[Any]) -> bool:
        """Tell whether values are checked when they are encoded, which saves reading them twice."""
        return self.tables[0].kind == DELTA and kind in KINDS_READ

    def _take_buffers(self, steps: int) -> Buffers:
        try:
            buffers = self._idle.pop()
        except IndexError:
            return Buffers(self.network, steps)
        return buffers if buffers.steps == steps else Buffers(self.network, steps)

    def _threads_in_budget(self, samples: int, steps: int, kind: np.dtype[Any]) -> int:
        """Return how many samples can be run at a time."""
        sizes = [math.prod(shape) for shape in sending(self.network)]
        # the data once as they are, and once as whole numbers; the states of a layer and its input
        held = steps * (bytes_per_step(self.network) + (kind.itemsize + 8) * sizes[0])
        held += 32 * max(sizes) + 16 * min(LISTED, SEGMENT * max(sizes))
        if held > self.memory_budget:
            raise InputError(
                f"one sample of {steps} timesteps takes {held / 2**20:.1f} MiB, the memory "
                f"budget is {self.memory_budget / 2**20:.1f} MiB. Raise it, or cut the samples "
                "shorter."
            )
        return max(1, min(self.threads, self.memory_budget // held, samples))


def _run_sample(
    ready: PreparedGraded,
    sample: npt.NDArray[np.integer[Any]],
    buffers: Buffers,
    traces: Mapping[str, Trace],
    out: IntArray,
) -> npt.NDArray[np.int64]:
    """Run one sample (*in_shape, T) through all layers; return the counts (layers, COUNTS)."""
    from loihi_sca.engine.fast import graded_kernels as kernels  # loads numba
    from loihi_sca.engine.fast.graded_encode import encode_values

    counts = np.zeros((len(ready.tables), COUNTS), dtype=np.int64)
    steps = sample.shape[-1]
    place = 0
    messages, tally = buffers.of(place, ready.network.in_shape)
    if ready.tables[0].kind != DELTA:  # whose values are no messages
        _copy_time_major(sample, messages)
        kernels.tally_messages(messages, tally)
    for layer, table, count in zip(ready.network, ready.tables, counts, strict=True):
        trace = traces.get(layer.name)
        if table.kind != PASS_ON:
            place, arriving, heard = place + 1, messages, tally
            messages, tally = buffers.of(place, layer.out_shape)
            sigma = np.empty((0 if trace is None else steps, layer.neurons), dtype=np.int32)
            if table.kind == DELTA:
                if not encode_values(
                    _by_position(sample), table.threshold, MAX_VALUE, messages, tally, count
                ):
                    check_values(ready.network, sample[None])  # which raises
                sigma[:] = 0
            else:
                kernels.run_graded(table, arriving, heard, messages, tally, sigma, count)
            if layer.axon_delay is not None:
                kernels.complete_messages(messages, tally)
                _delay(messages, layer.axon_delay)
                kernels.tally_messages(messages, tally)
                count[list(OF_MESSAGES)] = 0  # what is late beyond the last step is lost
            if trace is not None and trace.sigma is not None:
                trace.sigma[...] = _as_sample(sigma, layer.out_shape)
        if table.kind == PASS_ON or layer.axon_delay is not None:
            kernels.count_messages(messages, tally, count)
        if trace is not None:
            kernels.complete_messages(messages, tally)
            trace.spikes[...] = _as_sample(messages, layer.out_shape)
    kernels.complete_messages(messages, tally)
    out[...] = _as_sample(messages, ready.network.out_shape)
    return counts


def _copy_time_major(sample: npt.NDArray[np.integer[Any]], messages: IntArray) -> None:
    """Copy a sample (C, H, W, T) or (N, T) to ``messages`` (T, positions * channels)."""
    from loihi_sca.engine.fast.events import time_major

    channels, steps = sample.shape[0], sample.shape[-1]
    positions = messages.shape[1] // channels
    time_major(_by_position(sample)[None], messages.reshape(1, steps, positions, channels))


def _by_position(sample: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.integer[Any]]:
    """Return a sample (C, H, W, T) or (N, T) as (C, positions, T)."""
    positions = math.prod(sample.shape[1:-1])
    if sample.dtype not in KINDS_READ:  # few, so that all kernels can be compiled ahead
        sample = sample.astype(np.int32)
    return np.ascontiguousarray(sample).reshape(len(sample), positions, sample.shape[-1])


def _as_sample(values: IntArray, shape: Shape) -> IntArray:
    """Turn (T, positions * channels) into (*shape, T)."""
    return np.moveaxis(values.reshape(len(values), *shape[1:], shape[0]), (0, -1), (-1, 0))


def _delay(messages: IntArray, delay: IntArray) -> None:
    """Make the messages (T, positions * channels) of each channel late, in place."""
    steps = len(messages)
    by_channel = messages.reshape(steps, messages.shape[1] // len(delay), len(delay))
    for late in np.unique(delay[delay > 0]):
        channels = np.flatnonzero(delay == late)
        moved = np.zeros_like(by_channel[..., channels])
        moved[late:] = by_channel[: max(steps - late, 0), :, channels]
        by_channel[..., channels] = moved


def _empty_trace(layer: Layer, samples: int, steps: int) -> Trace:
    shape = (samples, *layer.out_shape, steps)
    sigma = None if layer.neuron is None else np.empty(shape, dtype=np.int32)
    return Trace(np.empty(shape, dtype=np.int32), sigma=sigma)


def _sample(trace: Trace, i: int) -> Trace:
    return Trace(trace.spikes[i], sigma=None if trace.sigma is None else trace.sigma[i])


def _activity(layer: Layer, count: npt.NDArray[np.int64], updates: int) -> LayerActivity:
    messages, synops, *graded = (int(n) for n in count)
    runs = layer.neuron is not None
    neurons = layer.neurons if runs else 0
    return LayerActivity(
        layer.name, neurons, messages, synops, neurons * updates, 0, 0, 0,
        layer.neurons, GradedActivity(*graded) if runs else None,
    )  # fmt: skip
