"""The fast engine: bit-exact with the reference, on whole data sets, in bounded memory.

Spikes are sparse, so it visits spikes and not synapses. :mod:`loihi_sca.engine.fast.layout` lays a
network out and proves which integers are wide enough, :mod:`loihi_sca.engine.fast.kernels` runs a
layer, :mod:`loihi_sca.engine.fast.batch` a few samples through all layers, and this module all
samples, in threads; networks that send messages go through :mod:`loihi_sca.engine.fast.graded`.
Laying a network out takes as long as a few samples do: who runs one more than
once prepares it, and runs that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.fast.graded import PreparedGraded
from loihi_sca.engine.fast.graded_layout import lay_out_graded
from loihi_sca.engine.fast.layout import LaidOut, lay_out
from loihi_sca.engine.fast.memory import samples_at_once
from loihi_sca.engine.fast.threads import each_done, usable_threads
from loihi_sca.engine.result import (
    RunResult,
    Schedule,
    SpikeArray,
    Trace,
    check_runnable,
    check_schedule,
    check_shape,
    check_values,
    with_constant,
)
from loihi_sca.network import Layer, Network

__all__ = ["Prepared", "prepare", "run"]

MEMORY_BUDGET = 1 << 30
"""Bytes of working memory of a run, unless told otherwise."""


def run(
    network: Network,
    data: npt.NDArray[np.integer[Any]],
    *,
    schedule: Schedule = "pipelined",
    record: Sequence[str] = (),
    memory_budget: int = MEMORY_BUDGET,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> RunResult:
    """Run a network once: :func:`prepare` it, and :meth:`Prepared.run` it on the data.

    Raises
    ------
    ConfigError, UnsupportedLayer, NetworkError, InputError
        As these two.
    """
    ready = prepare(network, schedule=schedule, memory_budget=memory_budget, threads=threads)
    return ready.run(data, record=record, on_progress=on_progress)


def prepare(
    network: Network,
    *,
    schedule: Schedule = "pipelined",
    memory_budget: int = MEMORY_BUDGET,
    threads: int | None = None,
) -> Prepared | PreparedGraded:
    """Lay a network out, so that it can be run often.

    Parameters
    ----------
    network : Network
        Its neurons must all be CUBA, or all of the sigma-delta family.
    schedule : {"pipelined", "cold"}
        See :data:`loihi_sca.engine.result.Schedule`.
    memory_budget : int
        Bytes of working memory of a run, whatever N is. The data, the network and the result,
        traces included, come on top.
    threads : int, optional
        Samples are shared among so many threads; by default one per available processor.

    Raises
    ------
    ConfigError
        There is no such schedule.
    UnsupportedLayer
        The network has a neuron whose dynamics are not defined here.
    InputError
        There are no threads.
    """
    check_schedule(schedule)
    check_runnable(network)
    count = usable_threads(threads)
    if network.is_graded:
        return PreparedGraded(network, lay_out_graded(network, schedule), memory_budget, count)
    return Prepared(network, tuple(lay_out(network, schedule)), memory_budget, count)


@dataclass(frozen=True)
class Prepared:
    """A network that is laid out.

    Attributes
    ----------
    network : Network
    layout : tuple of LaidOut
        Layer by layer, what the kernels read.
    memory_budget, threads : int
        See :func:`prepare`.
    """

    network: Network
    layout: tuple[LaidOut, ...]
    memory_budget: int
    threads: int

    def run(
        self,
        data: npt.NDArray[np.integer[Any]],
        *,
        record: Sequence[str] = (),
        on_progress: Callable[[int, int], None] | None = None,
    ) -> RunResult:
        """Run the network.

        Parameters
        ----------
        data : int array (N, *in_shape, T)
            As the reference engine takes them. Read a few samples at a time, so that it can be a
            memory map.
        record : sequence of str
            Names of layers whose spikes, currents and voltages are returned step by step.
        on_progress : callable, optional
            Called with the number of samples done and N, from the calling thread.

        Raises
        ------
        NetworkError
            ``record`` names a layer that there is not.
        InputError
            The data do not fit the network, or one sample does not fit the budget.
        """
        network, layout = self.network, self.layout
        data = check_shape(network, data)
        recorded = {name: network[name] for name in record}
        step, threads = samples_at_once(layout, data, recorded, self.memory_budget, self.threads)

        from loihi_sca.engine.fast.batch import COUNTS, activity_of, add_counts  # loads numba

        run_batch = self._run_batch
        samples, steps = data.shape[0], data.shape[-1]
        started = time.perf_counter()
        out = _spikes(network, samples, steps)
        traces = {name: _empty_trace(layer, samples, steps) for name, layer in recorded.items()}

        def work(first: int) -> tuple[int, npt.NDArray[np.int64]]:
            here = slice(first, first + step)
            part = with_constant(network, check_values(network, data[here]))
            return len(part), run_batch(
                layout,
                part,
                out[here],
                {name: _some_samples(x, here) for name, x in traces.items()},
            )

        counts, done = np.zeros((len(layout), COUNTS), dtype=np.int64), 0
        for finished, more in each_done(threads, work, range(0, samples, step)):
            add_counts(counts, more)
            done += finished
            if on_progress is not None:
                on_progress(done, samples)
        activity = tuple(
            activity_of(layer, row, samples * steps)
            for layer, row in zip(network, counts, strict=True)
        )
        return RunResult(out, activity, traces, time.perf_counter() - started)

    @cached_property
    def _run_batch(self) -> Callable[..., npt.NDArray[np.int64]]:
        """What runs a batch, once all that it needs is compiled, or its code is loaded."""
        from loihi_sca.engine.fast.batch import run_batch

        silence = np.zeros((1, *self.network.in_shape, 1), dtype=np.uint8)
        run_batch(self.layout, silence, _spikes(self.network, 1, 1), {})
        return run_batch


def _spikes(network: Network, samples: int, steps: int) -> SpikeArray:
    return np.empty((samples, *network.out_shape, steps), dtype=np.uint8)


def _empty_trace(layer: Layer, samples: int, steps: int) -> Trace:
    shape = (samples, *layer.out_shape, steps)
    spikes = np.empty(shape, dtype=np.uint8)
    if layer.neuron is None:  # an Input that only names a shape
        return Trace(spikes)
    return Trace(spikes, np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.int32))


def _some_samples(trace: Trace, here: slice) -> Trace:
    if trace.current is None or trace.voltage is None:
        return Trace(trace.spikes[here])
    return Trace(trace.spikes[here], trace.current[here], trace.voltage[here])
