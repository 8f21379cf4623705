"""Running a network on spikes, on whichever engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy.typing as npt

from loihi_sca import netx
from loihi_sca.compiler.compare import assert_same_spikes
from loihi_sca.engine import fast, lava_cpu, reference
from loihi_sca.engine.result import RunResult, Schedule, check_schedule, check_shape
from loihi_sca.engine.windows import State, as_stream, check_state, cut_result
from loihi_sca.errors import ConfigError
from loihi_sca.hdf5_files import path_of
from loihi_sca.network import Network, Shape

ENGINES = ("fast", "reference", "lava")

AnyEngine: TypeAlias = Literal["fast", "reference", "lava"]


def run(
    network: Network | str | os.PathLike[str],
    data: npt.NDArray[Any],
    engine: AnyEngine = "fast",
    *,
    schedule: Schedule = "pipelined",
    state: State = "fresh",
    record: Sequence[str] = (),
    input_shape: Shape | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> RunResult:
    """Run a network on spikes and count what every layer does.

    Parameters
    ----------
    network : Network or path
        Of a file, Lava runs the very file.
    data : int array (N, *data_shape, T)
        Spikes of 0 and 1, or bias mantissas where the network starts with neurons.
    engine : {"fast", "reference", "lava"}
        All give the same spikes. Lava does not count: its counts are those of the fast engine,
        whose spikes are compared with Lava's.
    schedule : {"pipelined", "cold"}
        See :data:`loihi_sca.engine.result.Schedule`.
    state : {"fresh", "carried"}
        Whether every sample starts at rest, or where the one before has ended: see
        :data:`loihi_sca.engine.windows.State`.
    record : sequence of str
        Layers whose spikes, and where the engine tells them currents and voltages, are kept.
    input_shape : tuple of int, optional
        Where a file does not say it.
    on_progress : callable, optional
        Called with samples (of Lava: timesteps) done and of all; not by the reference.

    Returns
    -------
    RunResult
        Output spikes, uint8 (N, *out_shape, T), counts per layer, and what was recorded.

    Raises
    ------
    ConfigError
        There is no such engine, schedule or state.
    InputError
        The data do not fit the network.
    UnsupportedLayer
        Its dynamics are not simulated.
    NotBitExact, BackendError
        Lava gives other spikes, or failed.

    Examples
    --------
    >>> import numpy as np
    >>> import loihi_sca
    >>> from loihi_sca.network import Cuba, Dense, Input, Network
    >>> neuron = Cuba(current_decay=4096, voltage_decay=0, threshold=60)
    >>> output = Dense("output", (2,), np.array([[64, -2]]), neuron=neuron)
    >>> network = Network("tiny", (Input("input", (2,)), output))
    >>> data = np.array([[[1, 0, 1, 0], [0, 0, 0, 1]]])  # (N, inputs, T)
    >>> loihi_sca.run(network, data, "reference").spikes
    array([[[1, 0, 1, 0]]], dtype=uint8)
    """
    if engine not in ENGINES:
        raise ConfigError(f"engine {engine!r}: one of {', '.join(ENGINES)}.")
    check_schedule(schedule)
    check_state(state)
    path = None if isinstance(network, Network) else path_of(network)
    if not isinstance(network, Network):
        network = netx.read(network, input_shape=input_shape)
    windows = 0
    if state == "carried":
        data = check_shape(network, data)
        windows, data = len(data), as_stream(data)
    if engine == "lava":
        result = _run_on_lava(network, path, data, schedule, record, on_progress)
    elif engine == "fast":
        result = fast.run(network, data, schedule=schedule, record=record, on_progress=on_progress)
    else:
        result = reference.run(network, data, schedule=schedule, record=record)
    result = cut_result(result, windows) if windows else result
    return replace(result, network=network.name, engine=engine)


def _run_on_lava(
    network: Network,
    path: Path | None,
    data: npt.NDArray[Any],
    schedule: Schedule,
    record: Sequence[str],
    on_progress: Callable[[int, int], None] | None,
) -> RunResult:
    """Run on Lava; counts come from our engine, whose spikes must be the same."""
    options: dict[str, Any] = {
        "schedule": schedule, "record": list(record), "on_progress": on_progress,
    }  # fmt: skip
    if path is None:
        on_lava = lava_cpu.run(network, data, **options)
    else:
        on_lava = lava_cpu.run_file(path, data, input_shape=network.in_shape, **options)
    counted = fast.run(network, data, schedule=schedule)
    assert_same_spikes(
        {"output": counted.spikes}, {"output": on_lava.spikes}, "our engine and Lava"
    )
    return replace(on_lava, activity=counted.activity)
