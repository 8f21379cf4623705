"""Importance scores: how much a channel matters, measured on the batches of training.

A criterion maps a block and what its channels just did to one score per channel; the pruner
averages it over all batches since its last update. It is asked between the backward pass and the
optimizer's step, so that gradients are there. Scores are compared between layers, so each is free
of the size of the map and of the threshold.

Others can be added by passing a function, or by name, through the entry point group
``loihi_sca.criteria`` of an installed package.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import TypeAlias, cast

import torch

from loihi_sca.errors import ConfigError
from loihi_sca.model.blocks import Gated
from loihi_sca.slayer.dynamics import ChannelActivity
from loihi_sca.toml_files import suggestion

Criterion: TypeAlias = Callable[[Gated, ChannelActivity], torch.Tensor]
"""``criterion(block, activity) -> scores (C,)``."""

ENTRY_POINTS = "loihi_sca.criteria"


def sca(block: Gated, activity: ChannelActivity) -> torch.Tensor:
    """Return the mean of ``spike + min(|v after reset| / theta, 1)``: SCA, bounded.

    With a hard reset that is 1 where the neuron spiked and the share of the threshold elsewhere.
    The published code of Li et al. (ICML 2024) has no bound; its potentials are normalised per
    channel and last for four steps. Here they are not and inhibition adds up over many, so that
    without a bound the most inhibited neurons, which never spike, would count for several spikes.

    Of sigma-delta neurons it is the mean ``|message|``: by how much the channel changes.
    """
    if activity.messages is not None:
        return activity.messages
    return activity.rate + activity.resting


def membrane(block: Gated, activity: ChannelActivity) -> torch.Tensor:
    """Return the mean of ``|v| / theta``, the score of SCA's paper (Li et al., ICML 2024)."""
    return activity.magnitude


def rate(block: Gated, activity: ChannelActivity) -> torch.Tensor:
    """Return the mean firing rate."""
    return activity.rate


def depolarised(block: Gated, activity: ChannelActivity) -> torch.Tensor:
    """Return the mean of ``max(v, 0) / theta``, which does not reward strong inhibition."""
    return activity.positive


def l1(block: Gated, activity: ChannelActivity) -> torch.Tensor:
    """Return the mean absolute weight, ``|w|_1 / n``, which needs no data."""
    return block.quantized_weight.detach().abs().flatten(1).mean(dim=1)


def taylor(block: Gated, activity: ChannelActivity) -> torch.Tensor:
    """Return ``|gate x dL/dgate|``: the first-order change of the loss if the channel went.

    Source: Molchanov et al., ICLR 2017.
    """
    gradient = block.gate.grad
    if gradient is None:  # the block has no part in the loss
        return torch.zeros_like(block.gate)
    return (block.gate.detach() * gradient).abs()


def gamma(block: Gated, activity: ChannelActivity) -> torch.Tensor:
    """Return ``|scale|``, the learnable factor of the channel's weights.

    Source: Liu et al., network slimming, ICCV 2017, where it is the scale of a batch norm.
    """
    if not hasattr(block, "scale"):
        raise ConfigError(
            "criterion 'gamma' needs a learnable scale per channel, which lava-dl's own blocks do "
            "not have. Use sca, or loihi_sca's blocks."
        )
    return block.scale.detach().abs()


def random(block: Gated, activity: ChannelActivity) -> torch.Tensor:
    """Return uniform noise: the baseline that every criterion has to beat."""
    return torch.rand(block.channels)


CRITERIA: dict[str, Criterion] = {
    f.__name__: f for f in (sca, membrane, rate, depolarised, l1, taylor, gamma, random)
}
"""By the name a recipe uses."""


def criterion_of(name: str) -> Criterion:
    """Return a criterion of ours, or one that an installed package offers.

    Raises
    ------
    ConfigError
        There is none of that name, or the package that offers it cannot be loaded.
    """
    if name in CRITERIA:
        return CRITERIA[name]
    offered = {e.name: e for e in importlib.metadata.entry_points(group=ENTRY_POINTS)}
    if name not in offered:
        known = [*CRITERIA, *offered]
        hint = suggestion(name, known) or "."
        raise ConfigError(
            f"pruning.criterion: no criterion {name!r}; there are {', '.join(known)}{hint}"
        )
    try:
        return cast(Criterion, offered[name].load())
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"pruning.criterion: {name!r} of {offered[name].value} cannot be loaded: {error}."
        ) from error


def scores_of(
    criterion: Criterion, block_name: str, block: Gated, activity: ChannelActivity
) -> torch.Tensor:
    """Return the scores of a block on the CPU.

    Raises
    ------
    ConfigError
        The criterion does not return one number per channel.
    """
    scores = criterion(block, activity)
    name = getattr(criterion, "__name__", "criterion")
    if not isinstance(scores, torch.Tensor) or scores.shape != (block.channels,):
        shape = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
        raise ConfigError(
            f"criterion {name!r} returns {shape} for {block_name}, must be a tensor of "
            f"{block.channels} scores, one per channel."
        )
    return scores.detach().float().cpu()
