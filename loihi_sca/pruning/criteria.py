"""Importance scores: how much a channel matters, measured on the batches of training.

A criterion maps a block and what its channels just did to one score per channel; the pruner
averages it over all batches since its last update. Scores are compared between layers, so each is
free of the size of the map and of the threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch

from loihi_sca.slayer.blocks import Gated
from loihi_sca.slayer.dynamics import Activity

Criterion: TypeAlias = Callable[[Gated, Activity], torch.Tensor]
"""``criterion(block, activity) -> scores (C,)``."""


def sca(block: Gated, activity: Activity) -> torch.Tensor:
    """Return the mean of ``spike + |v after reset| / theta``, the score of SCA's published code.

    With a hard reset that is 1 where the neuron spiked and ``|v| / theta`` elsewhere.
    Source: Li et al., ICML 2024.
    """
    return activity.rate + activity.resting


def membrane(block: Gated, activity: Activity) -> torch.Tensor:
    """Return the mean of ``|v| / theta``, the score of SCA's paper (Li et al., ICML 2024)."""
    return activity.magnitude


def rate(block: Gated, activity: Activity) -> torch.Tensor:
    """Return the mean firing rate."""
    return activity.rate


def depolarised(block: Gated, activity: Activity) -> torch.Tensor:
    """Return the mean of ``max(v, 0) / theta``, which does not reward strong inhibition."""
    return activity.positive


def l1(block: Gated, activity: Activity) -> torch.Tensor:
    """Return the mean absolute weight, which needs no data."""
    return block.quantized_weight.detach().abs().flatten(1).mean(dim=1)


def random(block: Gated, activity: Activity) -> torch.Tensor:
    """Return uniform noise: the baseline that every criterion has to beat."""
    return torch.rand(block.channels)


CRITERIA: dict[str, Criterion] = {
    f.__name__: f for f in (sca, membrane, rate, depolarised, l1, random)
}
"""By the name a recipe uses."""
