"""From a SLAYER model to a network that runs on the chip, in one call."""

from __future__ import annotations

from typing import Any

import numpy as np

from loihi_sca.compiler.compare import assert_same_spikes
from loihi_sca.compiler.pipeline import PASSES, compile_with_report, run_passes
from loihi_sca.compiler.refuse import find_problems
from loihi_sca.engine import reference
from loihi_sca.errors import ConfigError
from loihi_sca.frontend.export import DelayShift, convert, to_network
from loihi_sca.frontend.recording import spikes_of
from loihi_sca.frontend.walk import blocks_of, has_own_forward
from loihi_sca.model.blocks import ValueInput
from loihi_sca.network import Input, Network, Shape
from loihi_sca.problems import Problem

PROOF_RATE = 0.2
PROOF_STEPS = 16


def compile_slayer(
    model: Any,
    input_shape: Shape,
    timesteps: int | None,
    *,
    name: str = "network",
    delay_shift: DelayShift = "exact",
    unroll_delays: bool = False,
    profile: str = "loihi2",
    proof_samples: int | None = None,
    seed: int = 0,
) -> Network:
    """Compile a model of lava-dl CUBA blocks, or of ours, to an integer network.

    Parameters
    ----------
    model : module or list of modules
        A Sequential, a ModuleList, a module with a ModuleList ``blocks``, or a list of blocks. It
        is not changed.
    input_shape : tuple of int
        ``(C, H, W)`` or ``(N,)``.
    timesteps : int or None
        Steps T per sample.
    name : str
        Name of the network.
    delay_shift : {"exact", "drop"}
        What to do about blocks with ``delay_shift=True``; see :mod:`loihi_sca.frontend.export`.
    unroll_delays : bool
        Make convolutions that take delayed spikes dense instead of refusing them.
    profile : str
        The chip whose ranges hold.
    proof_samples : int, optional
        Random samples on which the model's own forward pass is compared with the network. By
        default 1 where the model has a forward pass of its own, which might do anything, and 0
        otherwise.
    seed : int
        Of those samples.

    Returns
    -------
    Network
        Compiled; its metadata tell what each pass did (``compiler``) and, where the model shifts
        its output in time, by how many steps (``output_shift``).

    Raises
    ------
    UnsupportedLayer, DoesNotFit
        Something cannot be exact, or breaks a limit of the chip; all of it is listed.
    NotBitExact
        The model's forward pass gives other spikes.
    """
    if delay_shift not in ("exact", "drop"):
        raise ConfigError(f"delay_shift={delay_shift!r}: exact or drop.")
    exported = to_network(
        model, timesteps=timesteps, name=name, input_shape=input_shape, delay_shift=delay_shift
    )
    compiled = compile_with_report(exported, unroll_delays=unroll_delays, profile=profile)
    metadata = {
        **exported.metadata, "compiler": compiled.as_text(), "source_digest": exported.digest(),
    }  # fmt: skip
    network = compiled.network.replace(metadata=metadata)
    if proof_samples is None:
        proof_samples = int(has_own_forward(model) and delay_shift == "exact")
    if proof_samples:
        _prove(model, network, proof_samples, seed)
    return network


def check_slayer(
    model: Any,
    input_shape: Shape | None,
    *,
    delay_shift: DelayShift = "exact",
    profile: str = "loihi2",
) -> tuple[Problem, ...]:
    """Return all that keeps a model from being compiled, trained or not; empty if nothing does."""
    exported, found = convert(model, input_shape=input_shape, delay_shift=delay_shift)
    if exported is None:
        return found
    return find_problems(run_passes(exported, PASSES).network, profile)


def _prove(model: Any, network: Network, samples: int, seed: int) -> None:
    """Compare the model's forward pass with the network, on random input."""
    rng = np.random.default_rng(seed)
    size = (samples, *network.in_shape, network.timesteps or PROOF_STEPS)
    values = (rng.random(size) < PROOF_RATE).astype(np.int32)
    first = network.layers[0]
    inputs = values.astype(np.float32)
    if isinstance(first, Input) and first.neuron is not None:
        # an even number, which the block's quantiser keeps and which gives whole mantissas
        inputs = values * np.float32(2)
        values = values * 2 * first.weight + first.bias
        if isinstance(blocks_of(model)[0][1], ValueInput):  # takes the mantissas themselves
            inputs = values.astype(np.float32)
    late = int(network.metadata.get("output_shift", 0))
    expected = list(spikes_of(model, inputs).values())[-1][..., late:]
    actual = reference.run(network, values).spikes
    actual = actual[..., : actual.shape[-1] - late].reshape(expected.shape)
    last = network.layers[-1].name
    assert_same_spikes({last: expected}, {last: actual}, "the model's forward pass and the network")
