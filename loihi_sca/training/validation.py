"""Measuring a model: accuracy, rates, and what is wrong with one that went astray."""

from __future__ import annotations

from collections.abc import Callable

import torch

from loihi_sca.data import Dataset
from loihi_sca.model.build import SpikingNet
from loihi_sca.model.outline import share_sent
from loihi_sca.training.inputs import as_input

SILENT, BUSY = 1e-4, 0.9
"""Spikes per neuron-step below and above which a block's activity has died or exploded."""


def evaluate(
    model: SpikingNet, dataset: Dataset, batch_size: int = 256
) -> tuple[float, dict[str, float]]:
    """Return accuracy and the share of steps in which each block's neurons send something."""
    rates: dict[str, float] = {}

    def note(name: str, share: float) -> Callable[..., None]:
        def hook(_module: object, _inputs: object, spikes: torch.Tensor) -> None:
            rates[name] = rates.get(name, 0.0) + share_sent(spikes) * share

        return hook

    was_training = model.training
    model.eval()
    correct = 0
    with torch.no_grad():
        for start in range(0, len(dataset), batch_size):
            part = slice(start, start + batch_size)
            labels = torch.from_numpy(dataset.labels[part]).to(model.device)
            share = len(labels) / len(dataset)
            hooks = [b.register_forward_hook(note(name, share)) for name, b in model.gated]
            spikes = as_input(dataset.distinct(part), dataset.timesteps, model.device)
            correct += int((model(spikes).sum(dim=-1).argmax(dim=1) == labels).sum())
            for hook in hooks:
                hook.remove()
    model.train(was_training)
    return correct / len(dataset), rates


def broken_blocks(model: SpikingNet) -> list[str]:
    """Return the blocks that have a weight which is not a number, or infinite."""
    return [
        name
        for name, block in model.named_children()
        if not all(bool(p.isfinite().all()) for p in block.parameters())
    ]


def diagnosis(model: SpikingNet, samples: Dataset) -> str:
    """Say which block's weights or activity went astray, and what may help."""
    if broken := broken_blocks(model):
        return (
            f"the weights of {', '.join(broken)} are no longer numbers. Lower "
            "training.learning_rate or the penalties of training."
        )
    _, rates = evaluate(model, samples)
    said = "firing rates are " + ", ".join(f"{n} {rate:.3f}" for n, rate in rates.items())
    for name, rate in rates.items():  # the first is the cause, the others follow from it
        if rate < SILENT:
            return f"{said}: the activity of {name} has died. Raise model.weight_scale."
        if rate > BUSY:
            return f"{said}: the activity of {name} has exploded. Lower training.learning_rate."
    return f"{said}. Lower training.learning_rate."
