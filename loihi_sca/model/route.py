"""The way that spikes take through a model: which blocks run, in which order, and what comes out.

A forward pass of one's own may do anything. So it is run once, on a copy, with random bits for
spikes: every block's output is replaced by fresh bits. The next block has to be given the same
bits, in any shape. Whatever acts between blocks shows, however silent an untrained model is, unless
it leaves spikes as they are (a reshape, a ``relu``). Sigma-delta blocks send messages of both signs
and many sizes instead, which little leaves as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from loihi_sca.errors import LoihiScaError
from loihi_sca.model.copying import copied
from loihi_sca.model.names import Names, each_once
from loihi_sca.model.outputs import Output, judge_outputs
from loihi_sca.model.sigma_delta import is_graded
from loihi_sca.model.walk import Model, as_module, blocks_of, forward_of, is_block, is_row
from loihi_sca.network import Shape
from loihi_sca.network.fixed_point import MESSAGE
from loihi_sca.problems import Problem

SAMPLES = 2
"""In the run that is watched, at least, so that what mixes samples shows."""

BITS = 32
"""Of each neuron, at least, so that no two send the same by chance; beside a sample of ones."""

STEPS = 16
"""Timesteps where the caller does not say how many."""

MESSAGES = 1 << 15
"""In 1/4096: messages are drawn up to 8.0, whose sums over 512 steps float32 holds exactly."""

IN_A_ROW = "Each block must be fed with what another block sends, or with the input, as it is."

INPUT = "the input"
"""What a block that hears no other one hears."""


@dataclass(frozen=True)
class Call:
    """A block that runs.

    Attributes
    ----------
    name : str
        Of the layer that it becomes; a block that runs a second time gets a second name.
    block : module
        Of the model itself, not of a copy.
    shape : tuple of int or None
        The shape in which spikes arrive, where the forward pass changes it on the way.
    fed : bool
        Whether they are those of another block, or of the input.
    source : str or None
        Name of the call it hears, or :data:`INPUT`; None where it is the one before it.
    """

    name: str
    block: Any
    shape: Shape | None = None
    fed: bool = True
    source: str | None = None


@dataclass(frozen=True)
class Route:
    """The blocks in the order in which they run, and what is wrong with that.

    Attributes
    ----------
    calls : tuple of Call
    problems : tuple of Problem
        Why the network would not be the model.
    outputs : tuple of Output
        What the forward pass returns, where it is its own; empty for a plain row.
    notes : tuple of str
        What it returns beside.
    failed : bool
        Whether the forward pass failed, so that the calls are all blocks, as registered.
    """

    calls: tuple[Call, ...]
    problems: tuple[Problem, ...] = ()
    outputs: tuple[Output, ...] = ()
    notes: tuple[str, ...] = ()
    failed: bool = False

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of the calls that no other hears; of a row, its last block."""
        before = (None, *self.calls)
        heard = {
            call.source or (earlier.name if earlier else INPUT)
            for earlier, call in zip(before, self.calls, strict=False)
        }
        return tuple(call.name for call in self.calls if call.name not in heard)


def find_route(model: Model, shape: Shape, timesteps: int | None = None) -> Route:
    """Find out which blocks of a model run in which order.

    Parameters
    ----------
    model : module or list of modules
        Not changed.
    shape : tuple of int
        Of one timestep of input.
    timesteps : int, optional
        Steps of the sample on which a forward pass of its own is watched.

    Raises
    ------
    UnsupportedLayer
        The model is one module, and no block.
    """
    registered = blocks_of(model)
    module = as_module(model)
    if is_row(model):
        calls = [Call(name, block) for name, block in each_once(registered)]
        return Route(tuple(calls), tuple(_beside(module, registered)))
    replica = copied(module).cpu().float().eval()
    steps = timesteps or STEPS
    graded = any(is_graded(block) for _, block in registered)
    watch = _Watch(max(SAMPLES, -(-BITS // steps) + 1), steps, tuple(shape), graded)
    for unit in dict.fromkeys(block for _, block in blocks_of(replica)):
        unit.register_forward_hook(watch.replace, prepend=True, with_kwargs=True)
        unit.register_forward_hook(watch.check_hooks)
    try:
        with torch.no_grad():
            returned = forward_of(replica)(watch.first)
    except LoihiScaError:
        raise
    except Exception as error:  # the user's own code: anything may happen there
        return _without_forward(module, registered, shape, error)
    originals = dict(zip(map(id, replica.modules()), module.modules(), strict=True))
    return watch.route(module, registered, returned, originals)


def _without_forward(
    module: torch.nn.Module, registered: list[tuple[str, torch.nn.Module]], shape: Shape,
    error: Exception,
) -> Route:  # fmt: skip
    said = f"{type(error).__name__}: {error}".rstrip(". \n")
    problem = Problem(
        type(module).__name__,
        f"its forward pass fails on input of shape {tuple(shape)}: {said}",
        "Make it run in evaluation mode on spikes (N, *input_shape, T).",
    )
    calls = [Call(name, block) for name, block in each_once(registered)]
    return Route(tuple(calls), (problem,), failed=True)


@dataclass
class _Watch:
    """What is seen while the forward pass runs."""

    samples: int
    steps: int
    shape: Shape
    graded: bool = False
    seen: list[tuple[torch.nn.Module, torch.Tensor | None, torch.Tensor]] = field(
        default_factory=list
    )
    hooked: list[torch.nn.Module] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = torch.Generator().manual_seed(0)
        self.first = self._bits((self.samples, *self.shape, self.steps))

    def _bits(self, size: Sequence[int]) -> torch.Tensor:
        low, high, unit = (-MESSAGES, MESSAGES, MESSAGE) if self.graded else (0, 2, 1)
        drawn = torch.randint(low, high, tuple(size), generator=self.random).float()
        drawn[-1] = high - 1  # what acts where much arrives, such as a cap, shows
        return drawn / unit

    def replace(
        self, unit: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> Any:
        """Note what a block was given, and let it send random bits."""
        given = next((x for x in (*args, *kwargs.values()) if isinstance(x, torch.Tensor)), None)
        rest = output[1:] if isinstance(output, tuple) else ()
        flow = output[0] if isinstance(output, tuple) else output
        if not isinstance(flow, torch.Tensor):
            self.seen.append((unit, given, torch.empty(0)))
            return None
        bits = self._bits(flow.shape)
        self.seen.append((unit, given, bits))
        # a copy: what works in place must not change what is compared
        return (bits.clone(), *rest) if isinstance(output, tuple) else bits.clone()

    def check_hooks(self, unit: torch.nn.Module, _given: Any, output: Any) -> None:
        """Note where a hook of the model has changed what a block sends."""
        flow = output[0] if isinstance(output, tuple) else output
        if isinstance(flow, torch.Tensor) and not is_same(flow, self.seen[-1][2]):
            self.hooked.append(unit)

    def route(
        self,
        model: torch.nn.Module,
        registered: list[tuple[str, torch.nn.Module]],
        returned: object,
        originals: dict[int, torch.nn.Module],
    ) -> Route:
        """Judge what was seen."""
        names = Names(registered)
        calls: list[Call] = []
        problems: list[Problem] = []
        sources = [(INPUT, self.first)]
        for unit, given, bits in self.seen:
            block = originals[id(unit)]
            name = names.next_of(block)
            heard, before = next(
                ((n, b) for n, b in reversed(sources) if given is not None and is_same(given, b)),
                ("", None),
            )
            if before is None:
                problems.append(_misfed(name, sources))
            arriving = given.shape[1:-1] if given is not None and before is not None else None
            reshaped = before is not None and arriving != before.shape[1:-1]
            calls.append(
                Call(
                    name, block, tuple(arriving) if reshaped and arriving else None,
                    before is not None, heard if heard and heard != sources[-1][0] else None,
                )
            )  # fmt: skip
            if unit in self.hooked:
                problems.append(
                    Problem(name, "a hook changes what it sends", "Remove the forward hook.")
                )
            sources.append((name, bits))
        problems.extend(_beside(model, [(c.name, c.block) for c in calls], registered))
        outputs, wrong, notes = judge_outputs(
            type(model).__name__, returned, sources, Route(tuple(calls)).heads,
            len({id(c.block) for c in calls}),
        )  # fmt: skip
        # where the way itself is wrong, what comes out at its end says nothing new
        return Route(tuple(calls), tuple(problems or wrong), outputs, notes)


def is_same(tensor: torch.Tensor, bits: torch.Tensor) -> bool:
    """Tell whether a tensor (N, ..., T) holds the very bits, whatever its shape between N and T."""
    if tensor.ndim < 2 or tensor.numel() != bits.numel():
        return False
    ends = (tensor.shape[0], tensor.shape[-1]) == (bits.shape[0], bits.shape[-1])
    return ends and torch.equal(tensor.reshape(-1).float(), bits.reshape(-1))


def _misfed(name: str, sources: Sequence[tuple[str, torch.Tensor]]) -> Problem:
    before, _ = sources[-1]
    reason = (
        f"the model's forward pass does not feed it what the block before it sends ({before} sends "
        "something else), nor what an earlier one does"
    )
    if before == INPUT:
        reason = (
            "the model's forward pass does not feed it the input as it is (the model is given "
            "something else)"
        )
    return Problem(
        name,
        reason,
        f"{IN_A_ROW} Blocks in a plain list or dict are not seen: keep them in a ModuleList or "
        "ModuleDict. Whatever else acts on spikes belongs to the host.",
    )


def _beside(
    model: torch.nn.Module,
    ran: Sequence[tuple[str, torch.nn.Module]],
    registered: Sequence[tuple[str, torch.nn.Module]] = (),
) -> Iterator[Problem]:
    """Yield the blocks, parameters and buffers that the network would lack."""
    reached = {id(part) for _, block in ran for part in block.modules()}
    lost: set[int] = set()
    for name, block in each_once(registered):
        held = [*block.parameters(), *block.buffers()]
        if id(block) not in reached and (held or is_block(block)):
            lost.update(id(part) for part in block.modules())
            yield Problem(
                name,
                "the model's forward pass does not run it, so that the network would lack it",
                "Compile the blocks that run, or delete it from the model.",
            )
    for path, part in model.named_modules():
        if id(part) in reached | lost:
            continue
        own = [*part._parameters.items(), *part._buffers.items()]
        for key, tensor in own:
            if tensor is not None:
                yield Problem(
                    f"{path}.{key}" if path else key,
                    f"a tensor of shape {tuple(tensor.shape)} beside the blocks, which the network "
                    "would lack",
                    "Keep what the forward pass needs in blocks, and delete the rest.",
                )
