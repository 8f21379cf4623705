"""Comparing sigma-delta models with their networks: in whose units, and on which clock."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from loihi_sca.compiler.compare import assert_same_spikes
from loihi_sca.engine import fast, reference
from loihi_sca.errors import InputError
from loihi_sca.frontend.recording import record
from loihi_sca.model.route import Route
from loihi_sca.model.walk import Model
from loihi_sca.network import IntArray, Network, Sigma
from loihi_sca.network.fixed_point import MESSAGE, VALUE

RATE = 0.3
"""Of changes per value and step of a random video."""

BETWEEN = "the model with delay_shift=True, behind a silent step, and the network on a cold start"


def random_video(
    network: Network, size: tuple[int, ...], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return values (N, *in_shape, T) that stay for some steps, or messages that are mostly zero.

    They are whole in what the model rounds to: even 1/64, or 1/4096 for messages.
    """
    changes = np.where(rng.random(size) < RATE, rng.integers(-32, 33, size), 0)
    if not network.takes_mantissas:
        return (changes / MESSAGE * VALUE).astype(np.float32)
    return (changes.cumsum(axis=-1).clip(-64, 64) * 2 / VALUE).astype(np.float32)


def as_taken(block: Any, network: Network, inputs: npt.NDArray[Any]) -> IntArray:
    """Return what the network takes where the model takes these inputs.

    Values are rounded as the Input block rounds them, to even 1/64; messages have to be whole.

    Raises
    ------
    InputError
        Messages are not whole 1/4096.
    """
    values = torch.from_numpy(np.asarray(inputs, dtype=np.float32))
    encodes = network.takes_mantissas
    exact = (block.pre_hook_fx(values) * VALUE if encodes else values * MESSAGE).detach().numpy()
    whole: IntArray = np.rint(exact).astype(np.int32)
    if not np.array_equal(whole, exact):
        what = "values in whole 1/64" if encodes else "messages in whole 1/4096"
        raise InputError(f"proof_data must be {what}.")
    return whole


def prove_cold(
    model: Model,
    route: Route,
    source: Network,
    compiled: Network,
    inputs: npt.NDArray[Any],
    values: IntArray,
) -> int:
    """Compare a biased model with its network on the cold schedule, which is Lava's; count values.

    There a bias acts from the first step on, before messages have arrived. So it does in the model
    where its blocks shift their output by a step and the first step is silent; what it sends then
    counts from its second step on. An Output is not shifted.

    Raises
    ------
    NotBitExact
        Names the block, sample, neuron, timestep and both values.
    """
    behind = np.pad(inputs, [*[(0, 0)] * (np.ndim(inputs) - 1), (1, 0)])
    sent = record(model, route, behind, shifts=True).sent
    expected = {
        name: (x[..., :-1] if isinstance(source[name].neuron, Sigma) else x[..., 1:])
        for name, x in sent.items()
    }
    traces = reference.run(source, values, schedule="cold", record=list(expected)).traces
    actual = {n: traces[n].spikes.reshape(x.shape) for n, x in expected.items()}
    assert_same_spikes(expected, actual, BETWEEN)
    name, last = list(expected.items())[-1]
    run = fast.run if len(values) > 1 else reference.run
    given = run(compiled, values, schedule="cold").spikes.reshape(last.shape)
    assert_same_spikes({name: last}, {name: given}, BETWEEN)
    return sum(x.size for x in expected.values()) + last.size
