"""lava-dl's sigma-delta blocks: what is in them, and what of it has no exact counterpart.

SLAYER computes values that are whole multiples of a power of two: what enters in 1/64, what a block
sends in 1/4096, the sum that an Output gives in 2**-18. Its float32 holds them exactly up to 64.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from loihi_sca.network.fixed_point import MESSAGE, VALUE
from loihi_sca.problems import Problem
from loihi_sca.slayer.dynamics import ChannelActivity, Fired
from loihi_sca.slayer.lava import slayer

family = slayer.block.sigma_delta

SUPPORTED = ("Input", "Conv", "Dense", "Flatten", "Pool", "Output")
"""Blocks that have an exact counterpart."""

PARTS = (slayer.axon.Delta.__module__, slayer.dendrite.__name__ + ".sigma")
"""Modules whose classes do, within a neuron, what their attributes say."""

_RELU = (torch.relu, torch.relu_, torch.nn.functional.relu)


def is_graded(block: torch.nn.Module) -> bool:
    """Tell whether a block has neurons of the sigma-delta family."""
    return isinstance(getattr(block, "neuron", None), slayer.neuron.sigma_delta.Neuron)


def send(neuron: Any, weighted: torch.Tensor, gate: torch.Tensor, watch: bool) -> Fired:
    """Return what sigma-delta neurons send, times the gate of each channel.

    Parameters
    ----------
    neuron : lava-dl sigma-delta neuron
    weighted : tensor (N, C, ..., T)
    gate : tensor (C,)
    watch : bool
        Whether to measure the activity of channels, gated or not.
    """
    sent = neuron(weighted)
    activity = _activity(sent.detach(), neuron) if watch else None
    return Fired(sent * gate.reshape(-1, *[1] * (sent.dim() - 2)), activity)


def _activity(sent: torch.Tensor, neuron: Any) -> ChannelActivity:
    by_channel = sent.transpose(0, 1).flatten(1)
    size, threshold = by_channel.abs().mean(dim=1), neuron.delta.threshold.detach()
    positive = by_channel.clamp(min=0).mean(dim=1)
    return ChannelActivity(
        rate=(by_channel != 0).float().mean(dim=1), magnitude=size / threshold,
        positive=positive / threshold, resting=torch.zeros_like(size), messages=size,
    )  # fmt: skip


def sends(block: torch.nn.Module, output: torch.Tensor) -> Any:
    """Return what a block sends (N, ..., T) as the integers that the network sends, int32."""
    scale = MESSAGE * VALUE if isinstance(block, family.Output) else MESSAGE
    return (output * scale).round().to(torch.int32).numpy()


def threshold_of(block: Any) -> float:
    """Return the threshold of a block's neurons in 1/64, as its forward pass clamps it."""
    lowest: float = VALUE / block.neuron.delta.scale
    threshold = float(block.neuron.delta.threshold.detach().flatten()[0])
    return max(threshold * VALUE, lowest)


def neuron_problems(name: str, block: Any) -> Iterator[Problem]:
    """Yield what of a sigma-delta block's neuron has no counterpart."""
    neuron = block.neuron
    if neuron.scale != VALUE:
        yield Problem(
            name,
            f"scale={neuron.scale}, and Lava's sigma-delta neurons compute with {VALUE}",
            f"Leave scale at {VALUE}.",
        )
        return
    if isinstance(block, family.Output):  # a sum: the rest of its neuron is not used
        return
    if neuron.delta.cum_error:
        yield Problem(
            name, "cum_error=True, and Lava's neurons have no error to add up",
            "Set cum_error=False.",
        )  # fmt: skip
    yield from _threshold_problems(name, block)
    if isinstance(block, family.Input):  # encodes only
        return
    if neuron.activation not in _RELU and type(neuron.activation) is not torch.nn.ReLU:
        called = getattr(neuron.activation, "__name__", type(neuron.activation).__name__)
        yield Problem(
            name,
            f"its activation is {called}, and Lava's neurons rectify, whatever the file says",
            "Use torch.nn.functional.relu.",
        )
    if neuron.bias_is_set:
        yield Problem(
            name, "set_bias has given its neurons a bias, which lava-dl's files lack",
            "Use norm=MeanOnlyBatchNorm, whose mean is a bias.",
        )  # fmt: skip


def _threshold_problems(name: str, block: Any) -> Iterator[Problem]:
    thresholds = block.neuron.delta.threshold.detach().flatten()
    found = threshold_of(block)
    if thresholds.unique().numel() > 1:
        yield Problem(
            name,
            f"its thresholds differ between channels, {float(thresholds.min()):g} to "
            f"{float(thresholds.max()):g}, and Lava's neurons share one",
            "Train with shared_param=True.",
        )
    elif found != int(found):
        yield Problem(
            name,
            f"its threshold is {found:g}/64, and a file holds whole 64ths"
            + (", so that Lava would send what SLAYER holds back" if found < 1 else ""),
            "Round it: block.neuron.delta.threshold.data = (threshold * 64).round() / 64, at "
            "least 1/64.",
        )
