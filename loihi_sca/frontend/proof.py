"""Comparing a trained model with the network that it became."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.compiler.compare import assert_same_spikes
from loihi_sca.compiler.report import Proof
from loihi_sca.engine import fast, reference
from loihi_sca.engine.result import Schedule
from loihi_sca.errors import ConfigError, InputError, NotBitExact
from loihi_sca.frontend import sigma_delta
from loihi_sca.frontend.recording import Recording, record
from loihi_sca.model.batch_norm import MANTISSA
from loihi_sca.model.blocks import ValueInput
from loihi_sca.model.graded_blocks import FrameInput
from loihi_sca.model.outputs import of_kind
from loihi_sca.model.route import STEPS, Route
from loihi_sca.model.walk import Model
from loihi_sca.network import Input, IntArray, Network
from loihi_sca.network.graded import is_biased, unit_of
from loihi_sca.whole import is_whole

RATE = 0.2
"""Of random spikes."""

BETWEEN = "the model's forward pass and the network"


def random_input(
    route: Route, network: Network, samples: int, seed: int
) -> npt.NDArray[np.float32]:
    """Return random input (N, *in_shape, T) for the model that became a network."""
    rng = np.random.default_rng(seed)
    size = (samples, *network.data_shape, network.timesteps or STEPS)
    if network.is_graded:
        video = sigma_delta.random_video(network, size, rng)
        takes_mantissas = isinstance(route.calls[0].block, FrameInput)
        return video * MANTISSA if takes_mantissas else video
    if network.takes_mantissas:
        # values that the quantiser of an Input block keeps, which clips at 254/64, and that are
        # whole mantissas; of both signs, so that a forward pass that drops the sign shows
        return rng.choice(np.array([-2, -2, 0, 2, 2, 3], dtype=np.float32), size)
    return (rng.random(size) < RATE).astype(np.float32)


def check_samples(samples: int | None) -> None:
    """Raise :class:`ConfigError` unless a model can be compared on so many samples."""
    if samples is not None and not is_whole(samples, 0):
        raise ConfigError(f"proof_samples={samples!r}: a whole number, 0 for none.")


def prove(
    model: Model,
    route: Route,
    source: Network,
    compiled: Network,
    inputs: npt.NDArray[Any],
    *,
    origin: str,
    drop_shifts: bool = False,
) -> Proof:
    """Run a model's own forward pass, and compare all it returns with what its network gives.

    Parameters
    ----------
    model : module or list of modules
    route : Route
        Through it.
    source, compiled : Network
        Before the passes, one layer per block, and after them.
    inputs : array (N, *in_shape, T)
        What the model takes.
    origin : str
        Of the inputs, for the record.
    drop_shifts : bool
        Compare with the model as if all its blocks had ``delay_shift=False``.

    Raises
    ------
    NotBitExact
        Names the block, sample, neuron, timestep and both values.
    InputError
        The inputs are not of that shape, or not what the network can take.
    """
    inputs = np.asarray(inputs)
    if inputs.shape[1:-1] != source.data_shape or not inputs.size:
        raise InputError(
            f"proof_data has shape {inputs.shape}, expected (N, *{source.data_shape}, T) with at "
            "least one sample and timestep."
        )
    recording = record(model, route, inputs, shifts=False if drop_shifts else None)
    values = _for_network(route, source, inputs)
    late = 0 if drop_shifts else int(source.metadata.get("output_shift", 0))
    late = min(late, inputs.shape[-1])  # what comes after the sample is not compared
    shifts = [getattr(call.block, "delay_shift", False) is True for call in route.calls]
    layers = {} if any(shifts) and not drop_shifts else recording.sent
    if layers:  # without shifts both have the same time
        traces = reference.run(source, values, record=list(layers)).traces
        # a layer may have a channel more, which hands a constant on
        sent = {n: traces[n].spikes[:, : s.shape[1]].reshape(s.shape) for n, s in layers.items()}
        assert_same_spikes(layers, sent, BETWEEN)
    # machine code for a network pays off from the second sample on
    run = fast.run if len(values) > 1 else reference.run
    name, expected = list(recording.sent.items())[-1]
    heads = tuple(dict.fromkeys((*(h for h in route.heads if h in recording.sent), name)))
    result = run(compiled, values, record=heads[:-1])
    given = result.spikes
    sent_by = {**{head: result.traces[head].spikes for head in heads[:-1]}, name: given}
    wanted = {head: recording.sent[head][..., late:] for head in heads}
    assert_same_spikes(
        wanted,
        {h: sent_by[h][..., : given.shape[-1] - late].reshape(x.shape) for h, x in wanted.items()},
        BETWEEN,
    )
    units = {head: sent_by[head] / unit_of(compiled[head]) for head in heads}
    returned = _compare_returned(route, recording, name, units, late)
    compared = sum(s.size for s in layers.values()) + sum(x.size for x in wanted.values())
    schedules: tuple[Schedule, ...] = ("pipelined",)
    if any(is_biased(layer) for layer in compiled):
        compared += sigma_delta.prove_cold(model, route, source, compiled, inputs, values)
        schedules = ("pipelined", "cold")
    elif any(is_biased(layer) for layer in source):  # relayed
        late_by = compiled.wiring.depths[-1]
        cold = run(compiled, values, schedule="cold").spikes[..., late_by:]
        local = given[..., : cold.shape[-1]]
        assert_same_spikes({name: local}, {name: cold}, "the network on local time and Lava's")
        compared += cold.size
        schedules = ("pipelined", "cold") if cold.size else schedules
    return Proof(
        data=origin, samples=len(values), timesteps=values.shape[-1],
        outputs=returned or (name,), layers=tuple(layers),
        compared=compared, spikes=int(np.count_nonzero(expected)), schedules=schedules,
    )  # fmt: skip


def _compare_returned(
    route: Route,
    recording: Recording,
    last: str,
    given: Mapping[str, npt.NDArray[np.float64]],
    late: int,
) -> tuple[str, ...]:
    """Compare what the forward pass returns, not only what its blocks send."""
    if route.calls[-1].name != last:  # a read-out: what is returned is what the host computes
        return tuple(out.path for out in route.outputs)
    for output in route.outputs:
        sent = given[output.block]
        ours = np.zeros(sent.shape, dtype=np.float64)
        ours[..., late:] = sent[..., : sent.shape[-1] - late]
        theirs = recording.returned.get(output.path)
        wanted = of_kind(output.kind, ours)
        if theirs is None or theirs.size != wanted.size:
            raise NotBitExact(f"{BETWEEN}: {output.path} is not what it was on random bits.")
        wrong = ~np.isclose(theirs.reshape(wanted.shape), wanted, rtol=1e-5, atol=1e-6)
        if output.kind == "spikes":
            wrong[..., :late] = False  # the network's time starts with its first spike
        if wrong.any():
            raise NotBitExact(
                f"{BETWEEN} differ in {int(wrong.sum())} of {wrong.size} values of {output.path}, "
                f"the {output.kind} of {output.block}."
            )
    return tuple(f"{out.path}: {out.kind} of {out.block}" for out in route.outputs)


def _for_network(route: Route, network: Network, inputs: npt.NDArray[Any]) -> IntArray:
    """Return what the network takes where the model takes these inputs."""
    if network.is_graded:
        return sigma_delta.as_taken(route.calls[0].block, network, inputs)
    first = network.layers[0]
    values = np.asarray(inputs, dtype=np.float64)
    stock = isinstance(first, Input) and first.neuron is not None
    if isinstance(first, Input) and stock and not isinstance(route.calls[0].block, ValueInput):
        values = values * first.weight + first.bias
    whole = np.rint(values).astype(np.int32)
    if not np.array_equal(whole, values):
        raise InputError("proof_data must be whole: spikes, or values that are whole mantissas.")
    return whole
