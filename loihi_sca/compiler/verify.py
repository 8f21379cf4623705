"""Prove that two executions of a network agree, spike for spike."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca import netx
from loihi_sca.compiler.compare import (
    assert_same_activity,
    assert_same_spikes,
    assert_same_values,
    layer_spikes,
)
from loihi_sca.compiler.random_data import random_data
from loihi_sca.compiler.silence import explain_silence
from loihi_sca.compiler.verification import Verification
from loihi_sca.engine import fast, lava_cpu, reference
from loihi_sca.engine.result import (
    RunResult,
    Schedule,
    check_runnable,
    check_schedule,
    check_shape,
    check_values,
)
from loihi_sca.engine.windows import State, as_stream, check_state
from loihi_sca.errors import ConfigError
from loihi_sca.hdf5_files import path_of
from loihi_sca.network import IntArray, Network, Shape
from loihi_sca.whole import check_seed

ENGINES = ("reference", "fast", "lava")

TRACE_BYTES = 1 << 28
"""Samples are compared so many bytes of recorded state at a time."""

BYTES_PER_STATE = 64
"""What the reference engine keeps of one neuron at one timestep."""

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the engine, and what it has done of how much."""


def verify(
    network: Network | str | os.PathLike[str],
    *,
    engines: Sequence[str] = ENGINES,
    data: npt.NDArray[Any] | None = None,
    samples: int = 6,
    steps: int | None = None,
    seed: int = 0,
    schedule: Schedule = "pipelined",
    state: State = "fresh",
    input_shape: Shape | None = None,
    timeout_s: float | None = None,
    on_progress: Progress | None = None,
) -> Verification:
    """Run a network on several engines and compare every layer.

    The spikes of every layer are compared, between reference and fast also currents, voltages and
    activity counts. The spikes of an Input with neurons are not computed by Lava and are left out
    there.

    Parameters
    ----------
    network : Network or path
        Of a file, Lava runs the very file.
    engines : sequence of str
        Of ``reference``, ``fast`` and ``lava``, at least two; the first is compared with the rest.
    data : int array (N, *data_shape, T), optional
        By default random spikes of several rates, or random values for an Input with neurons.
    samples, steps, seed : int
        Of random data; ``steps`` is by default what the network says, or 16.
    schedule : {"pipelined", "cold"}
        See :data:`loihi_sca.engine.result.Schedule`.
    state : {"fresh", "carried"}
        See :data:`loihi_sca.engine.windows.State`.
    input_shape : tuple of int, optional
        Where a file does not say it.
    timeout_s : float, optional
        For the Lava run.
    on_progress : callable, optional
        Called with the engine, and what it has done of how much.

    Returns
    -------
    Verification
        What was compared; a difference raises.

    Raises
    ------
    NotBitExact
        Names layer, neuron, timestep, sample and both values.
    UnsupportedLayer
        The network has blocks or neurons that are not simulated, or that Lava would get wrong.
    BackendError
        Lava failed.

    Examples
    --------
    >>> import numpy as np
    >>> import loihi_sca
    >>> from loihi_sca.network import Cuba, Dense, Network
    >>> output = Dense("output", (2,), np.array([[64, -2]]), neuron=Cuba(4096, 0, 60))
    >>> network = Network("tiny", (output,), timesteps=4)
    >>> loihi_sca.verify(network, engines=("reference", "fast"), samples=3).mismatches
    0
    """
    _check_engines(engines)
    check_schedule(schedule)
    check_state(state)
    check_seed(seed)
    path = None if isinstance(network, Network) else path_of(network)
    if not isinstance(network, Network):
        network = netx.read(network, input_shape=input_shape)
    check_runnable(network)
    if "lava" in engines:
        netx.require_runnable(network)
        if network.wiring.is_chain:
            netx.require_loadable(network)
    origin = "given"
    if data is None:
        origin = f"random, seed {seed}"
        steps = network.timesteps or 16 if steps is None else steps
        data = random_data(network, samples, steps, seed)
    values = check_values(network, check_shape(network, data)).astype(np.int32)
    tell = on_progress or (lambda engine, done, total: None)
    given = values.shape
    values = as_stream(values) if state == "carried" else values
    runs = _Runs(network, path, values, schedule, timeout_s, tell)
    found = _compare(network, engines, values, schedule, origin, runs)
    return replace(found, state=state, samples=given[0], timesteps=given[-1])


class _Runs:
    """Runs engines on slices of the data; Lava, which is slow to start, only once."""

    def __init__(
        self, network: Network, path: Path | None, values: IntArray, schedule: Schedule,
        timeout_s: float | None, tell: Progress,
    ) -> None:  # fmt: skip
        self.network, self.path, self.values, self.schedule = network, path, values, schedule
        self.timeout_s, self.tell = timeout_s, tell
        self.seconds: dict[str, float] = {}
        self._lava: RunResult | None = None

    def run(self, engine: str, part: slice) -> RunResult:
        """Return what an engine does with some of the samples, every layer recorded."""
        if engine == "lava":
            return self._run_lava(part)
        run = reference.run if engine == "reference" else fast.run
        names = [layer.name for layer in self.network]
        result = run(self.network, self.values[part], schedule=self.schedule, record=names)
        self.seconds[engine] = self.seconds.get(engine, 0.0) + result.wall_time_s
        self.tell(engine, part.stop, len(self.values))
        return result

    def _run_lava(self, part: slice) -> RunResult:
        if self._lava is None:
            self._lava = self._start_lava()
            self.seconds["lava"] = self._lava.wall_time_s
        whole = self._lava
        traces = {name: type(trace)(trace.spikes[part]) for name, trace in whole.traces.items()}
        return RunResult(whole.spikes[part], (), traces)

    def _start_lava(self) -> RunResult:
        options: dict[str, Any] = {
            "schedule": self.schedule,
            "record": [layer.name for layer in self.network.synapse_layers],
            "timeout_s": self.timeout_s,
            "on_progress": lambda done, total: self.tell("lava", done, total),
        }
        if self.path is None:
            return lava_cpu.run(self.network, self.values, **options)
        shape = self.network.in_shape
        spatial = shape if len(shape) == 3 else None
        return lava_cpu.run_file(self.path, self.values, input_shape=spatial, **options)


def _compare(
    network: Network,
    engines: Sequence[str],
    values: IntArray,
    schedule: str,
    origin: str,
    runs: _Runs,
) -> Verification:
    spikes: dict[str, int] = {}
    compared, counts = 0, [0, 0]
    for part in _parts(network, values):
        expected = runs.run(engines[0], part)
        sent = layer_spikes(network, expected)
        for name, array in sent.items():
            spikes[name] = spikes.get(name, 0) + int(np.count_nonzero(array))
            compared += array.size
        counts[0] += sum(a.current_wraps for a in expected.activity)
        counts[1] += sum(a.voltage_saturations for a in expected.activity)
        for engine in engines[1:]:
            _compare_runs(network, (engines[0], expected), (engine, runs.run(engine, part)), part)
    return Verification(
        network=network.name, digest=network.digest(), engines=tuple(engines), schedule=schedule,
        state="fresh",
        samples=len(values), timesteps=values.shape[-1], data=origin, layers=tuple(spikes),
        compared=compared, spikes=spikes, mismatches=0, current_wraps=counts[0],
        voltage_saturations=counts[1], wall_time_s=runs.seconds,
        notes=(*netx.notes_of(network), *explain_silence(network, spikes)),
    )  # fmt: skip


def _parts(network: Network, values: IntArray) -> Iterator[slice]:
    neurons = sum(layer.neurons for layer in network)
    size = max(1, TRACE_BYTES // (neurons * values.shape[-1] * BYTES_PER_STATE))
    for start in range(0, len(values), size):
        yield slice(start, min(start + size, len(values)))


def _compare_runs(
    network: Network, left: tuple[str, RunResult], right: tuple[str, RunResult], part: slice
) -> None:
    between = f"{left[0]} and {right[0]}"
    expected, actual = layer_spikes(network, left[1]), layer_spikes(network, right[1])
    common = {n: s for n, s in expected.items() if n in actual} if "lava" in between else expected
    assert_same_spikes(common, actual, between, first_sample=part.start)
    if "lava" in between:
        return
    for name, trace in left[1].traces.items():
        other = right[1].traces[name]
        for what in ("current", "voltage", "sigma"):
            one, two = getattr(trace, what), getattr(other, what)
            if one is not None and two is not None:
                assert_same_values(name, one, two, between, f"{what}s", part.start)
    assert_same_activity(left[1].activity, right[1].activity, between)


def _check_engines(engines: Sequence[str]) -> None:
    unknown = [engine for engine in engines if engine not in ENGINES]
    if unknown or len(set(engines)) != len(engines) or len(engines) < 2:
        raise ConfigError(
            f"engines {','.join(engines) or 'none'}: give at least two of {', '.join(ENGINES)}."
        )
