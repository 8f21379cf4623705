"""What keeps a norm from being folded, whosever blocks it stands in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from loihi_sca.errors import TrainingError
from loihi_sca.model.batch_norm import MANTISSA
from loihi_sca.model.gating import weight_norm_of
from loihi_sca.model.unsupported import block_problems
from loihi_sca.slayer.lava import slayer

BATCH_NORMS = torch.nn.modules.batchnorm._BatchNorm
"""What torch's batch norms derive from."""


def shared_parts(places: Iterable[tuple[str, Any, Any]]) -> Iterator[tuple[str, str]]:
    """Yield which places share weights or a neuron with one before, and why that cannot be folded.

    Parameters
    ----------
    places : iterable of (name, synapse, neuron)
        All that hold synapses or neurons, whether or not they have a norm.
    """
    owners: dict[int, str] = {}
    for name, synapse, neuron in places:
        shared = (("weights", getattr(synapse, "weight", None)), ("neuron", neuron))
        for what, part in shared:
            if part is None:
                continue
            first = owners.setdefault(id(part), name)
            if first != name:
                yield (
                    name,
                    f"{name}: it shares its {what} with {first}, and a fold changes them; put the "
                    "same block there twice, norm included, or give each its own",
                )
                break


def refuse_not_finite(name: str, synapse: Any, norm: Any) -> None:
    """Raise if weights, or a norm's statistics or parameters, are no numbers.

    Raises
    ------
    TrainingError
        They are not finite, or a variance is negative.
    """
    held = [(key, synapse, values) for key, values in synapse.named_parameters()]
    for key, values in (*norm.named_parameters(), *norm.named_buffers()):
        held.append((key, norm, values))
    for key, part, values in held:
        wrong = ~torch.isfinite(values.detach().float())
        if key == "running_var":
            wrong |= values < 0
        if bool(wrong.any()):
            raise TrainingError(
                f"{name}: {int(wrong.sum())} of the {values.numel()} values of {key} of its "
                f"{type(part).__name__} are no numbers that it can have. Training has diverged, or "
                "the checkpoint is damaged; take an earlier state, or a lower learning rate."
            )


def norm_problems(model: torch.nn.Module, found: list[tuple[str, Any]]) -> Iterator[str]:
    """Yield why norms cannot be folded."""
    known = {id(block.neuron.norm) for _, block in found}
    for name, part in model.named_modules():
        if isinstance(part, BATCH_NORMS) and id(part) not in known:
            yield f"{name}: a {type(part).__name__} that is not between a synapse and its neuron"
    yield from _shared(model, found)
    for name, block in found:
        where = name or type(block).__name__
        if not isinstance(block, slayer.block.cuba.Conv | slayer.block.cuba.Dense):
            family = type(block).__module__.rpartition(".")[2]
            yield f"{where}: a norm in a {family}.{type(block).__name__}"
        elif block.neuron.w_scale != MANTISSA:
            yield (
                f"{where}: scale={block.neuron.w_scale}, to which no eight bits of weight belong; "
                f"leave it at {MANTISSA}"
            )
        elif weight_norm_of(block.synapse) is not None:
            yield (
                f"{where}: a weight norm as well; call "
                "torch.nn.utils.remove_weight_norm(block.synapse) first"
            )
        elif getattr(block, "mask", None) is not None:
            yield f"{where}: a mask of its weights as well; multiply it into them"
        else:
            yield from _part_problems(where, block)


def _part_problems(where: str, block: Any) -> Iterator[str]:
    """Yield what of a block a fold would not reach, or would lose."""
    norm = block.neuron.norm
    if isinstance(norm, BATCH_NORMS) and "weight" not in block.synapse._parameters:
        yield (
            f"{where}: its weight is computed anew by torch's pruning or a parametrisation; make "
            "it permanent first: torch.nn.utils.prune.remove(block.synapse, 'weight'), "
            "torch.nn.utils.parametrize.remove_parametrizations(block.synapse, 'weight')"
        )
    known = (BATCH_NORMS.__module__, slayer.neuron.norm.__name__)
    if type(norm).forward.__module__ not in known or "forward" in vars(norm):
        yield f"{where}: its {type(norm).__name__} has a forward pass of its own"
    for problem in block_problems(where, block):
        yield f"{where}: {problem.reason}; {problem.instead.rstrip('.')}"


def _shared(model: torch.nn.Module, found: list[tuple[str, Any]]) -> Iterator[str]:
    """Yield which of the blocks share with any other what folding changes."""
    rescales = any(isinstance(block.neuron.norm, BATCH_NORMS) for _, block in found)
    normed = {name for name, _ in found}
    places = [
        (name, part.synapse if rescales else None, getattr(part, "neuron", None))
        for name, part in model.named_modules()
        if isinstance(getattr(part, "synapse", None), torch.nn.Module)
    ]
    # blocks without a norm first, so that it is the others that are named
    for name, text in shared_parts(sorted(places, key=lambda place: place[0] in normed)):
        if name in normed:
            yield text
