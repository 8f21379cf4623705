"""The Lava engine: run a network on the Lava CPU backend, in a supervised child process.

Lava takes seconds to import, hangs on many an error, and may live in another Python
(:mod:`loihi_sca.lava_python`). So nothing of it enters this process: a worker
(:mod:`loihi_sca.engine.lava_worker`) runs it in a process group of its own, and whatever happens
here or there, that group, its shared memory and its folder are gone when :func:`run` returns or
raises.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca import netx
from loihi_sca.engine import reference
from loihi_sca.engine.lava_job import Limits, Progress, job_folder, prepared, supervise
from loihi_sca.engine.lava_start import check_start
from loihi_sca.engine.lava_windows import Windows, lay_out
from loihi_sca.engine.lava_worker import Job
from loihi_sca.engine.result import (
    RunResult,
    Schedule,
    SpikeArray,
    Trace,
    check_data,
    check_runnable,
    check_schedule,
)
from loihi_sca.network import (
    ComplexDense,
    Dense,
    Input,
    Layer,
    Network,
    Recurrent,
    Shape,
)

SHM_PREFIX = "loihi_sca_"

SYNAPSES_PER_S = 1e7
"""Far below what Lava does, on any machine."""

DELAY_SLOTS = 63
"""Lava multiplies the weights of a layer with delays once for every delay there could be."""


def run(
    network: Network,
    data: npt.NDArray[np.integer[Any]],
    *,
    schedule: Schedule = "pipelined",
    record: Sequence[str] = (),
    timeout_s: float | None = None,
    on_progress: Progress | None = None,
) -> RunResult:
    """Run a network on Lava.

    Parameters
    ----------
    network : Network
        Lowered to what a netx file can say: Input, Conv and Dense with CUBA neurons, or all with
        sigma-delta ones. One that is no chain must have its branches held, as the compiler does.
    data : int array (N, *in_shape, T)
        Binary spikes, or bias mantissas where the first layer is an Input with a neuron. The spikes
        of such a layer come from the reference engine; Lava runs from the next layer on.
    schedule : {"pipelined", "cold"}
        See :data:`loihi_sca.engine.result.Schedule`. Lava has no reset for sigma-delta neurons:
        pipelined, each sample is a build of its own, and the state of each layer is set to zero
        when its first messages are due, so that a bias has not acted before.
    record : sequence of str
        Names of layers whose spikes are returned step by step.
    timeout_s : float, optional
        Limit for the whole call. By default there is only a limit for standing still, which
        grows with the network.
    on_progress : callable, optional
        Called now and then with ``(timesteps done, timesteps in all)``.

    Returns
    -------
    RunResult
        ``activity`` is empty, traces have spikes only, and ``wall_time_s`` leaves out importing and
        building.

    Raises
    ------
    ConfigError, UnsupportedLayer, InputError
        There is no such schedule, the network cannot be written for Lava, or the data do not fit.
    BackendError
        No Python here can run Lava, or Lava failed, hung or died.
    """
    with job_folder() as folder:
        path = folder / "network.net"
        netx.save(network, path)
        return _run(
            folder, network, path, data,
            schedule=schedule, record=record, timeout_s=timeout_s, on_progress=on_progress,
        )  # fmt: skip


def run_file(
    path: str | os.PathLike[str],
    data: npt.NDArray[np.integer[Any]],
    *,
    input_shape: Shape | None = None,
    schedule: Schedule = "pipelined",
    record: Sequence[str] = (),
    timeout_s: float | None = None,
    on_progress: Progress | None = None,
) -> RunResult:
    """Run a netx file on Lava, the very file, whoever wrote it, or one of ours.

    Parameters
    ----------
    path : path-like
        The file. One that stock netx makes another network of without a word, by passing over
        layers of type ``recurrent`` or by rounding mantissas of resonators, is written anew.
    input_shape : tuple of int, optional
        ``(C, H, W)``, where the file does not say it.

    Other parameters, result and errors are those of :func:`run`.

    Raises
    ------
    NetworkError
        The file does not hold a network.
    """
    path = Path(path).resolve()
    network = netx.read(path, input_shape=input_shape)
    with job_folder() as folder:
        if network.wiring.is_chain and netx.stock_differs(path):
            path = folder / "network.net"
            netx.write(network, path)
        return _run(
            folder, network, path, data,
            schedule=schedule, record=record, timeout_s=timeout_s, on_progress=on_progress,
        )  # fmt: skip


def _run(
    folder: Path,
    network: Network,
    path: Path,
    data: npt.NDArray[np.integer[Any]],
    *,
    schedule: Schedule,
    record: Sequence[str],
    timeout_s: float | None,
    on_progress: Progress | None,
) -> RunResult:
    check_schedule(schedule)
    check_runnable(network)
    netx.require_runnable(network)
    if schedule == "pipelined":
        check_start(network)
    spikes: SpikeArray = check_data(network, data)
    first, layers = network.layers[0], network.synapse_layers
    if isinstance(first, Input) and first.neuron is not None:
        spikes = reference.run(Network(first.name, (first,)), data, schedule=schedule).spikes
    spikes = spikes if network.is_graded else spikes.astype(np.uint8)
    heard = isinstance(first, Input) and first.name in record
    traces = {first.name: Trace(spikes)} if heard else {}
    if not layers:
        return RunResult(spikes, (), traces, 0.0)

    graph = not network.wiring.is_chain
    flat = isinstance(layers[0], Dense | ComplexDense) and not graph
    arriving = spikes.reshape(len(spikes), -1, spikes.shape[-1]) if flat else spikes
    depths = [
        d for d, x in zip(network.wiring.depths, network, strict=True) if not isinstance(x, Input)
    ]
    windows = lay_out(layers, max(depths), arriving, schedule)
    with prepared():
        np.save(folder / "source.npy", windows.to_lava(arriving))
    recorded = [i for i, layer in enumerate(layers) if layer.name in record]
    sinks = [len(layers) - 1, *recorded]
    job = Job(
        net=str(path),
        parent=os.getpid(),
        shm_prefix=f"{SHM_PREFIX}{secrets.token_hex(8)}_",
        skip_layers=int(isinstance(first, Input) and first.neuron is not None),
        input_shape=None if flat else list(layers[0].in_shape[::-1]),
        reset_interval=None if windows.cold or network.is_graded else windows.timesteps,
        sinks=sinks,
        graded=network.is_graded,
        zeroed=network.is_graded and not windows.cold,
        depths=list(network.wiring.depths) if graph else None,
    )
    seconds = supervise(job, folder, _limits(windows, layers, timeout_s), on_progress)
    cut = [
        windows.from_lava(np.load(folder / f"sink-{n}.npy", mmap_mode="r"), depths[layer])
        for n, layer in enumerate(sinks)
    ]
    traces |= {layers[i].name: Trace(s) for i, s in zip(recorded, cut[1:], strict=True)}
    return RunResult(cut[0], (), traces, seconds)


def _limits(windows: Windows, layers: Sequence[Layer], timeout_s: float | None) -> Limits:
    """Allow a generous time for each step of a large network."""
    visited = 0
    for layer in (table for x in layers for table in x.tables):
        delayed = isinstance(layer, Dense) and layer.delay is not None
        visited += int(layer.fan_out().sum()) * (DELAY_SLOTS if delayed else 1)
        visited += layer.feedback.size if isinstance(layer, Recurrent) else 0
    return Limits(windows.runs * windows.steps, visited / SYNAPSES_PER_S, timeout_s)
