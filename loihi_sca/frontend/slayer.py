"""SLAYER models: what compiles them to a network, and tells before what is in the way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy.typing as npt

from loihi_sca.compiler.pipeline import compile_with_report, problems_of
from loihi_sca.compiler.report import Compiled, Proof, remember
from loihi_sca.errors import ConfigError, NetworkError, NotBitExact, UnsupportedLayer
from loihi_sca.frontend.export import Conversion, DelayShift, convert
from loihi_sca.frontend.proof import check_samples, prove, random_input
from loihi_sca.frontend.ripen import can_ripen, ripened, with_folded_norms
from loihi_sca.model.route import Route
from loihi_sca.model.states import without_state
from loihi_sca.model.walk import Model, is_row
from loihi_sca.network import Network, Shape
from loihi_sca.problems import Findings, Problem
from loihi_sca.whole import check_seed


def compile_slayer(
    model: Model,
    input_shape: Shape | None = None,
    timesteps: int | None = None,
    *,
    name: str = "network",
    delay_shift: DelayShift = "exact",
    unroll_delays: bool = False,
    relay: bool = False,
    reset: bool = False,
    profile: str = "loihi2",
    proof_samples: int | None = None,
    proof_data: npt.NDArray[Any] | None = None,
    seed: int = 0,
) -> Compiled:
    """Compile a model of lava-dl CUBA or sigma-delta blocks, or of ours, to an integer network.

    Parameters
    ----------
    model, input_shape, timesteps, name, profile, proof_data, seed
        As for :func:`loihi_sca.compile`. Data of a sigma-delta model without an Input block are
        messages in whole 1/4096.
    delay_shift : {"exact", "drop"}
        What to do about blocks with ``delay_shift=True``; see :mod:`loihi_sca.frontend.export`.
    unroll_delays : bool
        Make convolutions that take delayed spikes dense instead of refusing them.
    relay : bool
        Of sigma-delta models: make biases weights of a constant channel, so that the model is met
        on Lava's clock as well, with layer ``k`` later by ``k`` steps
        (:mod:`loihi_sca.compiler.passes.relay_biases`).
    reset : bool
        Compile neurons with ``persistent_state=True`` as if they had none: the chip starts every
        sample afresh. What is compared is the model without.
    proof_samples : int, optional
        Random samples on which what the model's own forward pass returns is compared with what the
        network gives. By default 1 where the model has a forward pass of its own, which might do
        anything, or sigma-delta neurons, whose sums SLAYER's float32 rounds from 64 on, and 0
        otherwise.

    Returns
    -------
    Compiled
        As of :func:`loihi_sca.compile`. The network's metadata tell what was done as well
        (``compiler``) and, where the model shifts its output in time, by how many steps
        (``output_shift``).

    Raises
    ------
    UnsupportedLayer, DoesNotFit, NotBitExact
        As of :func:`loihi_sca.compile`.

    Examples
    --------
    >>> import loihi_sca
    >>> from lava.lib.dl import slayer
    >>> neuron = {"threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.1}
    >>> block = slayer.block.cuba.Dense(neuron, 4, 2, weight_scale=8)  # shifts its output
    >>> compiled = loihi_sca.compile_slayer([block], (4,), 16, delay_shift="drop")
    >>> compiled.out_shape
    (2,)
    """
    check_seed(seed)
    check_samples(proof_samples)
    model = _as_meant(model, delay_shift, reset)
    converted = convert(
        model, timesteps=timesteps, name=name, input_shape=input_shape, delay_shift=delay_shift
    )
    source, route = converted.exact(), converted.route
    compiled = compile_with_report(
        source, unroll_delays=unroll_delays, relay=relay, profile=profile
    )
    proof: Proof | None = None
    if proof_samples is None:
        proof_samples = int(not is_row(model) or source.is_graded)
    if proof_data is not None or proof_samples:
        data, origin = proof_data, "given"
        if data is None:
            data, origin = random_input(route, source, proof_samples, seed), f"random, seed {seed}"
        proof = prove(
            model, route, source, compiled, data, origin=origin,
            drop_shifts=delay_shift == "drop",
        )  # fmt: skip
    return remember(compiled, proof, route.notes)


def check_slayer(
    model: Model,
    input_shape: Shape | None = None,
    *,
    timesteps: int | None = None,
    delay_shift: DelayShift = "exact",
    unroll_delays: bool = False,
    relay: bool = False,
    reset: bool = False,
    profile: str = "loihi2",
) -> Findings:
    """Return all that keeps a model from being compiled, now or after training.

    What training can bring counts as there: a norm becomes a bias, a delay may be one step, decays
    per channel differ. What it cannot tell before, because it depends on values, are notes.

    Parameters
    ----------
    model, input_shape, timesteps, delay_shift, unroll_delays, relay, reset, profile
        As for :func:`compile_slayer`.

    Returns
    -------
    Findings
        The problems; empty if nothing is in the way. Notes are beside them.
    """
    model = with_folded_norms(_as_meant(model, delay_shift, reset))
    options: dict[str, Any] = {
        "input_shape": input_shape, "timesteps": timesteps, "delay_shift": delay_shift,
    }  # fmt: skip
    chosen: dict[str, Any] = {"unroll_delays": unroll_delays, "relay": relay, "profile": profile}

    def judge(version: Model) -> tuple[Conversion, tuple[Problem, ...]]:
        converted = convert(version, **options)
        if converted.network is None:
            return converted, converted.problems
        try:
            return converted, problems_of(converted.network, **chosen)
        except UnsupportedLayer as error:
            return converted, (Problem(converted.network.name, error.reason, error.instead),)

    converted, now = judge(model)
    route = converted.route
    if not now and converted.network is not None and not is_row(model):
        now = tuple(_disproved(model, route, converted.network, delay_shift == "drop"))
    if not can_ripen(model):
        return Findings(now, route.notes)
    _, small = judge(ripened(model))
    later = _new(small, now)
    _, large = judge(ripened(model, far=True))
    values = [f"after training, depending on values: {p}" for p in _new(large, (*now, *later))]
    return Findings((*now, *later), (*route.notes, *values))


def _as_meant(model: Model, delay_shift: DelayShift, reset: bool) -> Model:
    """Return the model that is to be compiled.

    Raises
    ------
    ConfigError
        There is no such way to treat shifts.
    """
    if delay_shift not in ("exact", "drop"):
        raise ConfigError(f"delay_shift={delay_shift!r}: exact or drop.")
    return without_state(model) if reset else model


def _new(found: Iterable[Problem], known: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return what is not known yet; figures in a reason do not make another problem of it."""
    seen = {(problem.layer, problem.instead) for problem in known}
    return tuple(problem for problem in found if (problem.layer, problem.instead) not in seen)


def _disproved(model: Model, route: Route, source: Network, drop_shifts: bool) -> Iterable[Problem]:
    """Yield a problem where a sample already shows that the model does something else."""
    try:
        data = random_input(route, source, 1, 0)
        prove(model, route, source, source, data, origin="random", drop_shifts=drop_shifts)
    except (NotBitExact, NetworkError) as error:
        yield Problem(
            source.name, str(error).rstrip("."), "Compile what its forward pass really computes."
        )
    except UnsupportedLayer as error:
        yield Problem(source.name, error.reason, error.instead)
