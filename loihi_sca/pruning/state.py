"""The state of a pruner as tensors, for safetensors and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from loihi_sca.errors import ConfigError

if TYPE_CHECKING:
    from loihi_sca.pruning.pruner import Pruner

SUMS = ("score", "demand", "rate")


def tensors_of(pruner: Pruner) -> dict[str, torch.Tensor]:
    """Return steps done, gates and evidence."""
    tensors = {"done": torch.tensor(pruner.done), "due": torch.tensor(pruner.is_due)}
    for name, evidence in pruner.evidence.items():
        tensors |= {f"{name}/{key}": getattr(evidence, key).clone() for key in SUMS}
        tensors[f"{name}/batches"] = torch.tensor(evidence.batches)
        tensors[f"{name}/gate"] = pruner.blocks[name].gate.detach().cpu().clone()
    return tensors


def restore(pruner: Pruner, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put a pruner into a state.

    Raises
    ------
    ConfigError
        It is that of another model; the pruner is unchanged.
    """
    ours = {key: tuple(value.shape) for key, value in tensors_of(pruner).items()}
    theirs = {key: tuple(value.shape) for key, value in tensors.items()}
    if ours != theirs:
        wrong = sorted(k for k in {*ours, *theirs} if ours.get(k) != theirs.get(k))
        shown = "; ".join(
            f"{key} is {theirs.get(key, 'missing')}, must be {ours.get(key, 'absent')}"
            for key in wrong[:4]
        )
        raise ConfigError(
            f"the state is that of a pruner of another model, or of other blocks: {shown}"
            f"{' ...' if len(wrong) > 4 else ''}. Make the pruner with the same model and options. "
            "Nothing is changed."
        )
    pruner.timeline.done, pruner.timeline.is_due = int(tensors["done"]), bool(tensors["due"])
    pruner.structure.protection.forget()
    for name, evidence in pruner.evidence.items():
        for key in SUMS:
            getattr(evidence, key).copy_(tensors[f"{name}/{key}"])
        evidence.batches = int(tensors[f"{name}/batches"])
        pruner.blocks[name].gate.data.copy_(tensors[f"{name}/gate"])
