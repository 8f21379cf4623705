"""Importance scores: how much a channel matters, measured on the batches of training.

A criterion maps a block and what it just did to one score per channel; the pruner averages it over
all batches since its last update. Scores are compared between layers, so each is free of the size
of the map and of the threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch

from loihi_sca.slayer.blocks import Gated

Criterion: TypeAlias = Callable[[Gated, torch.Tensor, torch.Tensor], torch.Tensor]
"""``criterion(block, voltage, spikes) -> scores (C,)``; voltage before reset and spikes are
(N, C, ..., T)."""


def sca(block: Gated, voltage: torch.Tensor, spikes: torch.Tensor) -> torch.Tensor:
    """Return the mean of ``spike + |v after reset| / theta``, the score of SCA's published code.

    With a hard reset that is 1 where the neuron spiked and ``|v| / theta`` elsewhere.
    Source: Li et al., ICML 2024.
    """
    resting = (voltage / block.neuron.threshold).abs()
    return _per_channel(torch.where(spikes > 0, torch.ones_like(resting), resting))


def membrane(block: Gated, voltage: torch.Tensor, spikes: torch.Tensor) -> torch.Tensor:
    """Return the mean of ``|v| / theta``, the score of SCA's paper (Li et al., ICML 2024)."""
    return _per_channel(voltage.abs()) / float(block.neuron.threshold)


def rate(block: Gated, voltage: torch.Tensor, spikes: torch.Tensor) -> torch.Tensor:
    """Return the mean firing rate."""
    return _per_channel(spikes)


def depolarised(block: Gated, voltage: torch.Tensor, spikes: torch.Tensor) -> torch.Tensor:
    """Return the mean of ``max(v, 0) / theta``, which does not reward strong inhibition."""
    return _per_channel(voltage.clamp(min=0)) / float(block.neuron.threshold)


def l1(block: Gated, voltage: torch.Tensor, spikes: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute weight, which needs no data."""
    return block.quantized_weight.detach().abs().flatten(1).mean(dim=1)


def random(block: Gated, voltage: torch.Tensor, spikes: torch.Tensor) -> torch.Tensor:
    """Return uniform noise: the baseline that every criterion has to beat."""
    return torch.rand(block.channels)


CRITERIA: dict[str, Criterion] = {
    f.__name__: f for f in (sca, membrane, rate, depolarised, l1, random)
}
"""By the name a recipe uses."""


def _per_channel(values: torch.Tensor) -> torch.Tensor:
    """Average (N, C, ..., T) over everything but the channel."""
    return values.transpose(0, 1).flatten(1).mean(dim=1)
