"""What a pruner has to know of a model, and all that keeps it from pruning it, told at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.utils.prune import BasePruningMethod

from loihi_sca.errors import ConfigError, LoihiScaError
from loihi_sca.model.blocks import Gated
from loihi_sca.model.copying import copied
from loihi_sca.model.gating import add_gate, is_gateable, synapse_of, weights_of
from loihi_sca.model.kinds import CONV, DENSE, INPUT, READ_OUT, RECURRENT
from loihi_sca.model.neurons import neuron_problems
from loihi_sca.model.outline import Seen, Watch, outline_of_row, share_sent
from loihi_sca.model.precision import types_besides_float32
from loihi_sca.model.recurrence import rest
from loihi_sca.model.removal import gated_in, is_depthwise
from loihi_sca.model.residual import Residual
from loihi_sca.model.route import find_route
from loihi_sca.model.samples import as_sample, forward_fails
from loihi_sca.model.sigma_delta import is_graded
from loihi_sca.model.stream import Weighting
from loihi_sca.model.unsupported import block_problems, lava_name, resonates
from loihi_sca.model.walk import ON_STREAM, as_module, blocks_of, forward_of, is_block, is_row
from loihi_sca.planning.outline import Outline
from loihi_sca.planning.rates import Rates
from loihi_sca.problems import Problem, raise_for
from loihi_sca.pruning.rehearsal import rehearse
from loihi_sca.slayer import dynamics

REHEARSED = 2
"""Samples on which a cut is tried."""


@dataclass(frozen=True)
class Prepared:
    """A model that can be pruned.

    Attributes
    ----------
    row : list of (str, module)
        Its blocks, in the order in which they run.
    held : dict of str to str
        Blocks that keep all their channels, and why.
    outline : Outline or None
        As the mapper sees it; None without a sample.
    rates : Rates
        Timesteps and rate of the input, from the sample.
    """

    row: list[tuple[str, torch.nn.Module]]
    held: dict[str, str] = field(default_factory=dict)
    outline: Outline | None = None
    rates: Rates = field(default_factory=Rates)

    def add_gates(self, excluded: Iterable[str]) -> dict[str, Gated]:
        """Give gates to the blocks that may lose channels, and return those, by name."""
        left_out = {*self.held, *excluded}
        for name, block in self.row:
            if is_gateable(block) and name not in left_out:
                add_gate(block)
        return {name: block for name, block in gated_in(self.row) if name not in left_out}

    def channels(self, excluded: Iterable[str]) -> dict[str, int]:
        """Return the channels of the blocks that may lose some."""
        left_out = {*self.held, *excluded}
        return {n: c for n, c in _candidates(self.row) if n not in left_out}

    @property
    def prunable(self) -> list[str]:
        """Names of the blocks that may lose channels."""
        return [name for name, _ in _candidates(self.row) if name not in self.held]


def prepare(model: Any, sample: torch.Tensor | None) -> Prepared:
    """Look at a model, and rehearse on a copy what pruning will do to it.

    Parameters
    ----------
    model : module or list of modules
        Not changed.
    sample : tensor (N, *in_shape, T), optional
        Input of the model.

    Raises
    ------
    UnsupportedLayer
        It cannot be pruned; every obstacle is listed, by the name of its block.
    ConfigError
        A sample is needed to see how it runs.
    InputError
        The sample has no axis of samples or of time.
    """
    if sample is None:
        if not is_row(model):
            raise ConfigError(
                f"{type(model).__name__} has a forward pass of its own, and only running it shows "
                "what it does. Give the pruner a sample, Pruner(model, sample, ...): a tensor "
                "(N, *in_shape, T)."
            )
        row = blocks_of(model)
        raise_for(_not_for_gates(row))
        problems = [*_repeated(row), *_problems(row)]
        raise_for(problems)
        return Prepared(row, _held(row))
    return _at_work(model, as_sample(sample)[:REHEARSED].cpu())


def _at_work(model: Any, sample: torch.Tensor) -> Prepared:
    in_shape, steps = tuple(sample.shape[1:-1]), int(sample.shape[-1])
    route = find_route(model, in_shape, steps)
    row = [(call.name, call.block) for call in route.calls]
    raise_for(_not_for_gates(row))
    module = as_module(model)
    replica = copied(module).cpu().eval()
    copies = dict(zip(map(id, module.modules()), replica.modules(), strict=True))
    same = [(name, copies[id(block)]) for name, block in row]
    problems = [*route.problems, *_repeated(row)]
    problems += [
        Problem(
            call.name, f"it hears {call.source}, not the block before it, and channels are removed "
            "from rows of blocks only", "Prune the body and each head by themselves.",
        )
        for call in route.calls
        if call.source is not None
    ]  # fmt: skip
    if problems:
        raise_for([*problems, *_problems(row)])
    watch = Watch(dict(same))
    rest(replica)
    try:
        with torch.no_grad():
            before = forward_of(replica)(sample)
    except LoihiScaError:
        raise
    except Exception as error:  # the user's own code: anything may happen there
        raise forward_fails(module, sample, error) from error
    watch.stop()
    raise_for(_problems(same))
    held = _held(row)
    rehearsed = Prepared(same, held)
    raise_for(rehearse(replica, same, rehearsed.add_gates(()), sample, before))
    outline = None
    if not any(isinstance(block, ON_STREAM) for _, block in row):
        seen = [Seen(name, block, *watch.shapes[name]) for name, block in row]
        outline = outline_of_row(seen, in_shape, rehearsed.prunable, steps)
    drives = isinstance(row[0][1], INPUT)
    rate = watch.rates[row[0][0]] if drives else share_sent(sample)
    return Prepared(row, held, outline, Rates(steps, {"input": rate}))


def _candidates(row: Iterable[tuple[str, torch.nn.Module]]) -> Iterator[tuple[str, int]]:
    """Yield what has channels of its own, whether or not they may go, and how many."""
    for name, block in row:
        if isinstance(block, Gated | Residual):
            yield from ((inner, gated.channels) for inner, gated in gated_in([(name, block)]))
        elif is_gateable(block) and not is_depthwise(block):
            yield name, int(synapse_of(block).out_channels)


def _not_for_gates(row: Iterable[tuple[str, torch.nn.Module]]) -> Iterator[Problem]:
    """Yield blocks to which no gate can be added, whatever else is wrong with the model."""
    for name, block in row:
        for kind in types_besides_float32(block):
            yield Problem(
                name, f"its parameters are {kind}, and gates are torch.float32",
                "Call model.float() before pruning; torch.autocast keeps float32.",
            )  # fmt: skip
        if is_block(block) and resonates(block) and lava_name(block) == "Dense":
            yield Problem(
                name, "it resonates behind complex weights, which have no gates",
                "Make the layer smaller by hand, and train it so.",
            )  # fmt: skip


def _problems(row: Iterable[tuple[str, torch.nn.Module]]) -> Iterator[Problem]:
    """Yield what about blocks cannot be pruned, or not be compiled once it is."""
    for name, block in row:
        if isinstance(block, ON_STREAM):
            continue
        found = list(block_problems(name, block))
        neuron: Any = getattr(block, "neuron", None)
        if not found and neuron is not None and not isinstance(block, READ_OUT):
            found.extend(neuron_problems(name, block))
            fused = is_gateable(block) and not isinstance(block, RECURRENT)
            obstacle = None if is_graded(block) else dynamics.obstacle(neuron)
            if not found and obstacle is not None and fused:
                found.append(Problem(name, obstacle, "Use lava-dl's default."))
        synapse: Any = getattr(block, "synapse", None)
        hooks = [] if synapse is None else list(synapse._forward_pre_hooks.values())
        if any(isinstance(hook, BasePruningMethod) for hook in hooks):
            found.append(
                Problem(
                    name, "torch.nn.utils.prune masks its weight",
                    "Call torch.nn.utils.prune.remove(block.synapse, 'weight') before.",
                )
            )  # fmt: skip
        yield from found


def _repeated(row: list[tuple[str, torch.nn.Module]]) -> Iterator[Problem]:
    """Yield blocks that run twice or share what is cut: their channels mean two things."""
    owners: dict[int, str] = {}
    for name, block in row:
        for what, part in () if isinstance(block, ON_STREAM) else _what_is_cut(block):
            other = owners.setdefault(id(part), name)
            if other != name:
                yield Problem(
                    name,
                    f"it shares its {what} with {other}, so that its channels cannot go alone",
                    f"Give each its own {what}.",
                )
                break


def _what_is_cut(block: Any) -> Iterator[tuple[str, object]]:
    """Yield the parts of a block that lose channels with it, or with the block before it."""
    if is_gateable(block) or isinstance(block, READ_OUT):
        synapse: Any = synapse_of(block) if isinstance(block, RECURRENT) else block.synapse
        yield from (("weights", parameter) for parameter in weights_of(synapse))
    if isinstance(block, RECURRENT):
        yield "weights", block.recurrent_synapse.weight
    neuron: Any = getattr(block, "neuron", None)
    if neuron is not None:
        yield "neuron", neuron
        if getattr(neuron, "norm", None) is not None:
            yield "norm", neuron.norm
    if getattr(block, "delay", None) is not None:
        yield "delays", block.delay


def _held(row: list[tuple[str, torch.nn.Module]]) -> dict[str, str]:
    """Return the blocks that keep all channels, and why."""
    found: dict[str, str] = {}
    source: str | None = None  # whose channels arrive
    for name, block in row:
        if isinstance(block, Residual | Weighting):
            source = None
        elif is_depthwise(block):
            found[name] = "it has the channels of the block before it"
        elif isinstance(block, RECURRENT):
            source = name
        elif isinstance(block, (*CONV, *DENSE, *READ_OUT)):
            synapse: Any = block.synapse
            if synapse.groups != 1:
                grouped = "channels of a convolution in groups stay, or groups would differ in size"
                found[name] = grouped
                if source is not None:
                    found[source] = f"{name} takes its channels in groups"
            source = None if isinstance(block, READ_OUT) else name
    if source is not None:
        found[source] = "its channels are the outputs of the model"
    for name, gated in gated_in(row):
        if not gated.prunable:
            found.setdefault(name, "it is made with prunable=False")
    return found
