"""Models of stock lava-dl blocks, as a user of lava-dl writes them."""

from __future__ import annotations

from typing import Any

import lava.lib.dl.slayer as slayer
import torch

PARAMETERS = {
    "threshold": 1.25, "current_decay": 0.5, "voltage_decay": 0.1, "tau_grad": 0.1,
    "scale_grad": 1.0,
}  # fmt: skip
SHAPE, STEPS, CLASSES = (2, 8, 8), 8, 4

cuba = slayer.block.cuba


def neuron(norm: bool = True, **options: Any) -> dict[str, Any]:
    """Return neuron parameters, with a norm or without."""
    extra = {"norm": slayer.neuron.norm.MeanOnlyBatchNorm} if norm else {}
    return {**PARAMETERS, **extra, **options}


class Everything(torch.nn.Module):
    """Weight norms, mean-only norms, axonal delays, a depthwise convolution, a pool, a flatten."""

    def __init__(self, weight_norm: bool = True) -> None:
        super().__init__()
        options = {"delay_shift": False, "weight_norm": weight_norm, "weight_scale": 4}
        dense = {**options, "weight_scale": 6}
        self.blocks = torch.nn.ModuleList(
            [
                cuba.Conv(neuron(), 2, 8, 3, padding=1, **options),
                cuba.Conv(neuron(), 8, 8, 3, padding=1, groups=8, **options),
                cuba.Pool(neuron(False), 2, delay_shift=False, weight_scale=3),
                cuba.Conv(neuron(), 8, 10, 3, stride=2, padding=1, **options),
                cuba.Flatten(),
                cuba.Dense(neuron(), 40, 12, delay=True, **dense),
                cuba.Dense(neuron(), 12, CLASSES, **dense),
            ]
        )

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            spikes = block(spikes)
        return spikes


class Reshaping(torch.nn.Module):
    """A forward pass of one's own: reshapes, keeps blocks by name, gives rates."""

    def __init__(self, fixed: bool = False) -> None:
        super().__init__()
        options = {"delay_shift": False, "weight_scale": 4}
        self.first = cuba.Conv(neuron(), 2, 6, 3, stride=2, **options)
        self.second = cuba.Dense(neuron(False), 54, 10, **options)
        self.out = cuba.Dense(neuron(False), 10, CLASSES, **options)
        self.size = 54 if fixed else -1

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        maps = self.first(spikes)
        flat = maps.view(len(maps), self.size, maps.shape[-1])  # stock blocks send contiguous
        return self.out(self.second(flat)).mean(-1)


def grouped() -> torch.nn.Sequential:
    """Return a model in which a convolution has two groups."""
    options = {"delay_shift": False, "weight_scale": 4}
    return torch.nn.Sequential(
        cuba.Conv(neuron(), 2, 8, 3, **options),
        cuba.Conv(neuron(), 8, 8, 3, groups=2, **options),
        cuba.Conv(neuron(), 8, 10, 2, **options),
        cuba.Flatten(),
        cuba.Dense(neuron(), 90, CLASSES, **options),
    )


def batch(
    seed: int = 0, samples: int = 12, shape: tuple[int, ...] = SHAPE
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return spikes and labels."""
    random = torch.Generator().manual_seed(seed)
    spikes = (torch.rand(samples, *shape, STEPS, generator=random) < 0.4).float()
    return spikes, torch.arange(samples) % CLASSES


def loss_of(output: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of spike counts, or of rates."""
    counts = output.sum(-1) if output.dim() == 3 else output * STEPS
    return torch.nn.functional.cross_entropy(counts, labels)


def train(
    model: torch.nn.Module,
    optimizer: Any,
    pruner: Any = None,
    steps: int = 6,
    shape: tuple[int, ...] = SHAPE,
) -> None:
    """Train in a plain loop."""
    model.train()
    for number in range(steps):
        spikes, labels = batch(number, shape=shape)
        loss = loss_of(model(spikes), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if pruner is not None:
            pruner.step(optimizer)


def mnist() -> torch.nn.Sequential:
    """Build lava-dl's usual network for MNIST."""
    options = {"delay_shift": False, "weight_scale": 2, "weight_norm": True}
    shared = {"threshold": 1.0, "current_decay": 1.0, "scale_grad": 1.0}
    return torch.nn.Sequential(
        cuba.Conv(neuron(**shared), 1, 24, 5, stride=2, padding=2, **options),
        cuba.Conv(neuron(**shared), 24, 32, 3, stride=2, padding=1, **options),
        cuba.Flatten(),
        cuba.Dense(neuron(**shared), 32 * 7 * 7, 128, **options),
        cuba.Dense(neuron(**shared), 128, 10, **options),
    )
