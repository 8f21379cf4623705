"""The order in which a SpikingJelly model runs its modules, and that nothing acts between them.

As in :mod:`loihi_sca.model.route`, a copy is run once and every module's output is replaced by
random numbers. The next module has to be given the very same, in any shape. Neurons give random
bits, all others numbers of both signs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from loihi_sca.frontend.spikingjelly.modules import (
    NO_OPS,
    as_row,
    fresh_copy,
    kind_of,
    step_mode_of,
    units_of,
)
from loihi_sca.frontend.spikingjelly.neurons import NEURONS
from loihi_sca.model.precision import types_besides_float32
from loihi_sca.network import Shape
from loihi_sca.problems import Problem

SAMPLES, STEPS = 8, 4
"""Of the run that is watched; in step mode ``s`` all are samples. No two neurons send the same."""

IN_A_ROW = "Only modules in a row can be compiled, each fed with what the one before it gives."

FORWARD = (
    "Give the row of modules (such as model.conv_fc) instead, or a forward pass that takes spikes "
    "(T, N, *shape) in step mode 'm' and (N, *shape) in 's', and runs each module once."
)

LIKE_BITS = ("MaxPool2d", "Flatten", "BlockContainer", *NEURONS)
"""Kinds that give spikes where they are given spikes."""


@dataclass(frozen=True)
class Call:
    """A module that runs.

    Attributes
    ----------
    name : str
    module : module
        Of the model itself, not of a copy.
    shape : tuple of int or None
        Of what it gives at one timestep; None where the forward pass fails.
    """

    name: str
    module: Any
    shape: Shape | None = None


@dataclass(frozen=True)
class Route:
    """The modules in the order in which they run.

    Attributes
    ----------
    calls : tuple of Call
        Without those that do nothing.
    step_mode : str
        ``m`` or ``s``.
    problems : tuple of Problem
    notes : tuple of str
    failed : bool
        Whether the forward pass failed, so that the calls are all modules, as registered.
    """

    calls: tuple[Call, ...]
    step_mode: str
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    failed: bool = False


def find_route(model: Any, shape: Shape) -> Route:
    """Find out which modules run in which order.

    Parameters
    ----------
    model : module or list of modules
        Not changed.
    shape : tuple of int
        Of one timestep of input.

    Raises
    ------
    UnsupportedLayer
        Its neurons are in different step modes.
    """
    module = as_row(model)
    units = [(name, unit) for name, unit in units_of(module) if kind_of(unit) not in NO_OPS]
    mode = step_mode_of(module)
    if types := types_besides_float32(module):
        told = ", ".join(types)
        problem = Problem(
            type(module).__name__, f"its parameters are {told}, and spikes come as torch.float32",
            "Call model.float().",
        )  # fmt: skip
        return Route(tuple(Call(*unit) for unit in units), mode, (problem,), failed=True)
    replica = fresh_copy(module)
    originals = dict(zip(replica.modules(), module.modules(), strict=True))
    watch = _Watch()
    for _, unit in units_of(replica):
        if kind_of(unit) not in NO_OPS:
            unit.register_forward_hook(watch.replace, prepend=True)
    size = (STEPS, SAMPLES, *shape) if mode == "m" else (STEPS * SAMPLES, *shape)
    given = watch.bits(size)
    try:
        with torch.no_grad():
            returned = replica(given.clone())
    except Exception as error:  # the user's own code: anything may happen there
        said = f"{type(error).__name__}: {error}".rstrip(". \n").partition("\n")[0]
        problem = Problem(
            type(module).__name__,
            f"its forward pass fails on input of shape {size} in step mode {mode!r}: {said}",
            FORWARD,
        )
        calls = tuple(Call(name, unit) for name, unit in units)
        return Route(calls, mode, (problem,), failed=True)
    names = {unit: name for name, unit in units}
    ran = [
        Call(names[originals[unit]], originals[unit], _per_step(flow.shape, mode))
        for unit, _, flow in watch.seen
    ]
    problems = [*watch.misfed([call.name for call in ran], given), *_lost(units, ran)]
    problems += [] if mode == "s" else watch.timeless([call.name for call in ran])
    notes: tuple[str, ...] = ()
    if not problems and watch.seen:
        problems, notes = _judge_output(ran[-1].name, returned, watch.seen[-1][2], mode)
    return Route(tuple(ran), mode, tuple(problems), notes)


@dataclass
class _Watch:
    """What is seen while the copy runs."""

    seen: list[tuple[torch.nn.Module, torch.Tensor | None, torch.Tensor]] = field(
        default_factory=list
    )
    random: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))

    def bits(self, size: tuple[int, ...]) -> torch.Tensor:
        """Return random spikes."""
        return torch.randint(0, 2, size, generator=self.random).float()

    def replace(self, unit: torch.nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        """Note what a module was given, and let it give random numbers."""
        given = next((x for x in args if isinstance(x, torch.Tensor)), None)
        if not isinstance(output, torch.Tensor):
            self.seen.append((unit, given, torch.empty(0)))
            return None
        size = tuple(output.shape)
        spikes = kind_of(unit) in LIKE_BITS
        flow = self.bits(size) if spikes else torch.randn(size, generator=self.random)
        self.seen.append((unit, given, flow))
        return flow.clone().to(output.dtype)

    def misfed(self, names: list[str], first: torch.Tensor) -> Iterator[Problem]:
        """Yield the modules that are not fed with what the one before them gives."""
        units = [unit for unit, _, _ in self.seen]
        again = next((i for i, unit in enumerate(units) if unit in units[:i]), None)
        if again is not None:  # in a loop over time, or twice in a row: nothing else counts then
            yield Problem(
                names[again], "the model's forward pass runs it more than once", FORWARD
            )  # fmt: skip
            return
        sources = [("the input", first)]
        for name, (_, given, flow) in zip(names, self.seen, strict=True):
            before, wanted = sources[-1]
            if given is None or not _is_same(given, wanted):
                other = (n for n, x in sources if given is not None and _is_same(given, x))
                told = next((f"what {n} gives" for n in other), "something else")
                yield Problem(
                    name,
                    f"the model's forward pass does not feed it what {before} gives, but {told}",
                    IN_A_ROW,
                )
            sources.append((name, flow))

    def timeless(self, names: list[str]) -> Iterator[Problem]:
        """Yield the neurons of a model in mode ``m`` that are given no axis of time."""
        for name, (unit, given, _) in zip(names, self.seen, strict=True):
            merged = given is not None and tuple(given.shape[:2]) != (STEPS, SAMPLES)
            if kind_of(unit) in NEURONS and merged:
                yield Problem(
                    name, "a container around it makes time and samples one axis, so that its "
                    "state never lasts",
                    "Put neurons outside of SeqToANNContainer.",
                )  # fmt: skip


def _is_same(tensor: torch.Tensor, flow: torch.Tensor) -> bool:
    """Tell whether a tensor holds the very numbers in the very order, whatever its shape."""
    same = tensor.numel() == flow.numel()
    return same and torch.equal(tensor.reshape(-1).float(), flow.reshape(-1))


def _per_step(size: Shape, mode: str) -> Shape | None:
    """Return a shape without time and samples, which a container may have made one axis."""
    merged = (STEPS * SAMPLES,)
    for first in [merged] if mode == "s" else [(STEPS, SAMPLES), merged]:
        if tuple(size[: len(first)]) == first:
            return tuple(size[len(first) :])
    return None


def _lost(units: list[tuple[str, torch.nn.Module]], ran: list[Call]) -> Iterator[Problem]:
    reached = {call.module for call in ran}
    for name, unit in units:
        if unit not in reached:
            yield Problem(
                name, "the model's forward pass does not run it, so that the network would lack it",
                "Compile the modules that run, or delete it from the model.",
            )  # fmt: skip


def _judge_output(
    name: str, returned: Any, last: torch.Tensor, mode: str
) -> tuple[list[Problem], tuple[str, ...]]:
    """Judge what the forward pass makes of what its last module gives."""
    if isinstance(returned, torch.Tensor) and _is_same(returned, last):
        return [], ()
    for what, over_time in (("mean", last.mean(0)), ("sum", last.sum(0))) if mode == "m" else ():
        matches = isinstance(returned, torch.Tensor) and returned.numel() == over_time.numel()
        if matches and torch.allclose(returned.reshape(-1).float(), over_time.reshape(-1)):
            return [], (f"the model returns the {what} over time of what the network gives",)
    return [
        Problem(
            name,
            "what the model returns is neither what this module gives nor its mean or sum over "
            "time",
            "Leave what follows to the host: compile the row of modules up to it.",
        )
    ], ()
