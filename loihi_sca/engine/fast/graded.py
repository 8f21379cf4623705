"""Run networks of sigma-delta neurons: the fast engine, where messages take the place of spikes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.fast.layout import channels_last, delay_rows, geometry_of, weight_rows
from loihi_sca.engine.fast.table import GROUPED
from loihi_sca.engine.fast.threads import pool_of
from loihi_sca.engine.result import (
    RunResult,
    Schedule,
    Trace,
    check_shape,
    check_values,
    with_constant,
)
from loihi_sca.errors import InputError
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
from loihi_sca.network.activity import GradedActivity, LayerActivity
from loihi_sca.network.fixed_point import GRADED_ALIGN_BITS

CACHED = 256
"""Positions that are turned at a time, few enough for all their steps to stay in the cache."""


@dataclass(frozen=True)
class PreparedGraded:
    """A sigma-delta network that is laid out; made by :func:`loihi_sca.engine.fast.prepare`.

    Attributes
    ----------
    network : Network
    tables : tuple of GradedTable
        Layer by layer, what the kernels read.
    memory_budget, threads : int
        As there.
    """

    network: Network
    tables: tuple[Any, ...]
    memory_budget: int
    threads: int

    def run(
        self,
        data: npt.NDArray[np.integer[Any]],
        *,
        record: Sequence[str] = (),
        on_progress: Callable[[int, int], None] | None = None,
    ) -> RunResult:
        """Run the network; see :meth:`loihi_sca.engine.fast.Prepared.run`."""
        from loihi_sca.engine.fast import graded_kernels as kernels  # loads numba

        network = self.network
        data = check_shape(network, data)
        recorded = {name: network[name] for name in record}
        samples, steps = data.shape[0], data.shape[-1]
        threads = self._threads_in_budget(samples, steps, data.dtype)
        _run_sample(self, np.zeros((*network.in_shape, 1), dtype=np.int32), {}, None)  # compiles
        started = time.perf_counter()
        out = np.empty((samples, *network.out_shape, steps), dtype=np.int32)
        traces = {name: _empty_trace(layer, samples, steps) for name, layer in recorded.items()}

        def work(i: int) -> npt.NDArray[np.int64]:
            sample = with_constant(network, check_values(network, data[i : i + 1]))[0]
            return _run_sample(self, sample, {n: _sample(x, i) for n, x in traces.items()}, out[i])

        counts = np.zeros((len(self.tables), kernels.COUNTS), dtype=np.int64)
        with pool_of(threads) as pool:
            futures = [pool.submit(work, i) for i in range(samples)]
            for done, future in enumerate(as_completed(futures), start=1):
                more = future.result()
                for peak in kernels.PEAKS:
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

    def _threads_in_budget(self, samples: int, steps: int, kind: np.dtype[Any]) -> int:
        """Return how many samples can be run at a time."""
        sizes = [int(np.prod(self.network.in_shape)), *(x.neurons for x in self.network)]
        widest = max(a + b for a, b in pairwise(sizes))
        held = 5 * steps * widest + (kind.itemsize + 8) * steps * sizes[0] + 24 * max(sizes)
        if held > self.memory_budget:
            raise InputError(
                f"one sample of {steps} timesteps takes {held / 2**20:.1f} MiB, the memory "
                f"budget is {self.memory_budget / 2**20:.1f} MiB. Raise it, or cut the samples "
                "shorter."
            )
        return max(1, min(self.threads, self.memory_budget // held, samples))


def lay_out_graded(network: Network, schedule: Schedule) -> tuple[Any, ...]:
    """Return the tables of all layers."""
    tables, arriving = [], network.in_shape
    for layer in network:
        tables.append(_table(layer, arriving, schedule))
        arriving = layer.out_shape
    return tuple(tables)


def _table(layer: Layer, arriving: Shape, schedule: Schedule) -> Any:
    from loihi_sca.engine.fast import graded_kernels as kernels

    kinds = {Delta: kernels.DELTA, SigmaDelta: kernels.SIGMA_DELTA, Sigma: kernels.SIGMA}
    neuron, g = layer.neuron, geometry_of(layer)
    threshold = neuron.threshold if isinstance(neuron, Delta | SigmaDelta) else 0
    bias = layer.bias if isinstance(layer, Conv | Dense) else None
    each = np.zeros(1, dtype=np.int32) if bias is None else bias << GRADED_ALIGN_BITS
    weight = weight_rows(layer, GROUPED, arriving).astype(np.int32)
    return kernels.GradedTable(
        kind=kinds.get(type(neuron), kernels.PASS_ON),
        g=g,
        # a pool is as many groups of one channel
        weight=weight.reshape(-1, 1) if isinstance(layer, Pool) else weight,
        delay=delay_rows(layer, arriving),
        fan_out=channels_last(layer.fan_out())[:: g.in_c].copy(),
        bias=np.tile(np.broadcast_to(each, (g.out_c,)), g.out_h * g.out_w),
        threshold=threshold << GRADED_ALIGN_BITS,
        wraps=isinstance(layer, Window),
        lag=1 if schedule == "cold" and not isinstance(layer, Input) else 0,
    )


def _run_sample(
    ready: PreparedGraded,
    sample: npt.NDArray[np.integer[Any]],
    traces: Mapping[str, Trace],
    out: IntArray | None,
) -> npt.NDArray[np.int64]:
    """Run one sample (*in_shape, T) through all layers; return the counts (layers, COUNTS)."""
    from loihi_sca.engine.fast import graded_kernels as kernels

    counts = np.zeros((len(ready.tables), kernels.COUNTS), dtype=np.int64)
    steps = sample.shape[-1]
    messages = _time_major(sample)
    busy = np.empty((steps, _positions(ready.network.in_shape)), dtype=np.uint8)
    if ready.tables[0].kind != kernels.DELTA:  # whose values are no messages
        kernels.mark_busy(messages, busy)
    for layer, table, count in zip(ready.network, ready.tables, counts, strict=True):
        trace = traces.get(layer.name)
        if table.kind != kernels.PASS_ON:
            arriving, messages = messages, np.empty((steps, layer.neurons), dtype=np.int32)
            heard, busy = busy, np.empty((steps, _positions(layer.out_shape)), dtype=np.uint8)
            sigma = np.empty((0 if trace is None else steps, layer.neurons), dtype=np.int32)
            kernels.run_graded(table, arriving, heard, messages, busy, sigma, count)
            if layer.axon_delay is not None:
                _delay(messages, layer.axon_delay)
                kernels.mark_busy(messages, busy)
            if trace is not None and trace.sigma is not None:
                trace.sigma[...] = _as_sample(sigma, layer.out_shape)
        kernels.count_messages(messages, busy, count)
        if trace is not None:
            trace.spikes[...] = _as_sample(messages, layer.out_shape)
    if out is not None:
        out[...] = _as_sample(messages, ready.network.out_shape)
    return counts


def _time_major(sample: npt.NDArray[np.integer[Any]]) -> IntArray:
    """Turn a sample (C, H, W, T) or (N, T) into (T, positions * channels)."""
    channels, steps = sample.shape[0], sample.shape[-1]
    by_channel = sample.reshape(channels, -1, steps)
    found = np.empty((steps, by_channel.shape[1], channels), dtype=np.int32)
    for first in range(0, by_channel.shape[1], CACHED):  # a quarter of the time of all at once
        part = slice(first, first + CACHED)
        for c in range(channels):
            found[:, part, c] = by_channel[c, part].T
    return found.reshape(steps, -1)


def _positions(shape: Shape) -> int:
    return int(np.prod(shape[1:]))


def _as_sample(values: IntArray, shape: Shape) -> IntArray:
    """Turn (T, positions * channels) into (*shape, T)."""
    return np.moveaxis(values.reshape(len(values), *shape[1:], shape[0]), (0, -1), (-1, 0))


def _delay(messages: IntArray, delay: IntArray) -> None:
    """Make the messages (T, positions * channels) of each channel late, in place."""
    steps = len(messages)
    by_channel = messages.reshape(steps, -1, len(delay))
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
