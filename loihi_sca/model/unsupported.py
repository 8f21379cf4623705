"""What of SLAYER has no exact counterpart on the chip: by name, with the reason and a way out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.weight_norm import WeightNorm

from loihi_sca.model import acceleration, batch_norm, blocks, fast_blocks, gating
from loihi_sca.model.walk import is_block
from loihi_sca.problems import Problem
from loihi_sca.slayer.lava import slayer

FAMILIES = {
    "alif": "an adaptive threshold, which netx does not know",
    "adrf": "an adaptive resonate-and-fire neuron, which netx does not know",
    "adrf_iz": "an adaptive resonate-and-fire neuron, which netx does not know",
    "rf": "a resonate-and-fire neuron, whose dynamics are not proven exact",
    "rf_iz": "a resonate-and-fire neuron, whose dynamics are not proven exact",
    "sigma_delta": "a sigma-delta neuron: files with it run exactly, models are not compiled yet",
}
"""Block families of lava-dl beside CUBA."""

BLOCKS = {
    "ConvT": ("netx cannot load transposed convolutions", "Use a dense block."),
    "Unpool": ("netx cannot load unpooling", "Use a dense block."),
    "KWTA": (
        "it is recurrent and exports nothing: the file would lack the block without a word",
        "Use a dense block and pick winners on the host.",
    ),
    "Recurrent": (
        "its feedback runs within SLAYER's step and takes a step on the chip",
        "Unroll the recurrence, or use delays.",
    ),
    "TimeDecimation": (
        "it averages over time, which no block of netx does",
        "Leave it out, and average the output spikes on the host.",
    ),
}
"""CUBA blocks without a counterpart."""

_KNOWN_FORWARDS = (
    slayer.block.base.__name__, blocks.__name__, fast_blocks.__name__, gating.__name__,
)  # fmt: skip
"""Modules whose forward passes compute what the blocks' attributes say."""

_KNOWN_PARTS = (
    slayer.synapse.layer.__name__, slayer.neuron.cuba.__name__, slayer.neuron.norm.__name__,
    slayer.neuron.dropout.__name__, torch.nn.modules.dropout.__name__,
    slayer.axon.Delay.__module__, acceleration.__name__, batch_norm.__name__,
)  # fmt: skip
"""Modules whose classes do, within a block, what their attributes say."""

_KNOWN_HOOKS = (WeightNorm, BasePruningMethod)
"""Hooks that only set a synapse's weight, which is read through them."""

DEFAULT_SCALE = 64
"""Of a neuron of lava-dl, between its parameters and the chip's mantissas."""

SUPPORTED = ("Input", "Conv", "Dense", "Flatten", "Pool", "Average", "Affine")


def block_problems(name: str, block: torch.nn.Module) -> Iterator[Problem]:
    """Yield why a block is not supported as such, whatever its input is."""
    kind = type(block).__name__
    if not is_block(block) and "Pool" in kind:
        yield Problem(
            name,
            f"{kind} pools without a neuron, and on the chip every layer ends in one",
            "Use slayer.block.cuba.Pool, which sums a window into neurons.",
        )
    elif not is_block(block):
        yield Problem(
            name,
            f"{kind} is no block of slayer.block.cuba",
            f"Use {', '.join(SUPPORTED)} blocks, or loihi_sca's own.",
        )
    elif lava_family(block) in FAMILIES:
        yield Problem(
            name,
            f"block {lava_family(block)}.{kind} has {FAMILIES[lava_family(block)]}",
            f"Use slayer.block.cuba.{kind}.",
        )
    elif lava_name(block) in BLOCKS:
        reason, instead = BLOCKS[lava_name(block)]
        yield Problem(name, f"block {kind}: {reason}", instead)
    elif lava_name(block) not in SUPPORTED:
        yield Problem(name, f"block {kind} is not known", f"Use {', '.join(SUPPORTED)}.")
    elif type(block).forward.__module__ not in _KNOWN_FORWARDS or "forward" in vars(block):
        yield Problem(
            name,
            f"{kind} overrides the forward pass of slayer.block.cuba.{lava_name(block)}, so that "
            "what it computes cannot be known",
            f"Use slayer.block.cuba.{lava_name(block)} itself.",
        )
    else:
        yield from _hook_problems(name, block)
        yield from _part_problems(name, block)
        yield from _synapse_problems(name, block)


def _hook_problems(name: str, block: torch.nn.Module) -> Iterator[Problem]:
    """Yield the hooks within a block that might change what it computes."""
    for path, part in block.named_modules():
        hooks = [*part._forward_pre_hooks.values(), *part._forward_hooks.values()]
        unknown = [hook for hook in hooks if not isinstance(hook, _KNOWN_HOOKS)]
        if path and unknown:
            yield Problem(
                name,
                f"its {path} has a hook, {unknown[0]!r}, so that what it computes cannot be known",
                "Remove the hook before compiling.",
            )


def _part_problems(name: str, block: torch.nn.Module) -> Iterator[Problem]:
    """Yield the parts of a block whose forward passes are not lava-dl's.

    The class of a neuron and of its norm is judged by :func:`neuron_problems`.
    """
    for path, part in block.named_modules():
        if not path or "parametrizations" in path.split("."):  # only make a weight, which is read
            continue
        known = type(part).forward.__module__ in _KNOWN_PARTS or path in ("neuron", "neuron.norm")
        if not known or "forward" in vars(part):
            yield Problem(
                name,
                f"its {path}, {type(part).__name__}, has a forward pass that is not lava-dl's, so "
                "that what it computes cannot be known",
                f"Use the {path} that slayer.block.cuba.{lava_name(block)} makes.",
            )


def _synapse_problems(name: str, block: Any) -> Iterator[Problem]:
    """Yield what a synapse, a three-dimensional convolution, does beyond weights in space."""
    synapse = getattr(block, "synapse", None)
    if not isinstance(synapse, torch.nn.Conv3d):
        return
    if synapse.bias is not None:
        yield Problem(
            name, "its synapse has a bias, which no synapse of lava-dl has and the network lacks",
            "Set synapse.bias = None, and give the neuron a MeanOnlyBatchNorm, whose mean is one.",
        )  # fmt: skip
    in_time = [x[2] for x in (synapse.kernel_size, synapse.stride, synapse.dilation)]
    if in_time != [1, 1, 1] or synapse.padding[2] != 0:
        yield Problem(
            name,
            f"its synapse acts on time: kernel, stride, dilation and padding there are {in_time} "
            f"and {synapse.padding[2]}",
            "Leave the last axis, which is time, at 1, 1, 1 and 0.",
        )


def lava_family(block: torch.nn.Module) -> str:
    """Return the module of lava-dl that a block or its base comes from, such as ``cuba``."""
    return str(_stock(block).__module__).rpartition(".")[2]


def lava_name(block: torch.nn.Module) -> str:
    """Return the name of lava-dl's own class that a block is or derives from."""
    return str(_stock(block).__name__)


def _stock(block: torch.nn.Module) -> Any:
    package = slayer.block.base.__name__.rpartition(".")[0]
    return next(c for c in type(block).__mro__ if c.__module__.startswith(package + "."))


def neuron_problems(name: str, block: Any) -> Iterator[Problem]:
    """Yield what about a block's neuron has no counterpart."""
    neuron = block.neuron
    if type(neuron) not in (slayer.neuron.cuba.Neuron, acceleration.FastNeuron):
        yield Problem(
            name,
            f"its neuron is {type(neuron).__name__} of {type(neuron).__module__}",
            "Use slayer.neuron.cuba.Neuron.",
        )
        return
    if neuron.graded_spike:
        yield Problem(
            name,
            "graded_spike=True sends voltages, and Lava sends ones",
            "Set graded_spike=False.",
        )
    if neuron.persistent_state:
        yield Problem(
            name,
            "persistent_state=True carries state from one sample to the next, and the chip resets "
            "it for every sample",
            "Set persistent_state=False, or give reset=True (--reset), which resets it as well.",
        )
    if not neuron.shared_param and hasattr(neuron, "current_decay_min"):
        yield Problem(
            name,
            "shared_param=False, and its decays are only drawn when it first sees data",
            "Run the model once before compiling, or set shared_param=True.",
        )
    if _loses_epsilon(neuron) and neuron.scale != DEFAULT_SCALE:
        yield Problem(
            name,
            f"scale={neuron.scale} makes its threshold {neuron.threshold:g} a mantissa of "
            f"{neuron.v_th_mant}, at which SLAYER's float32 takes a voltage that equals the "
            "threshold for a spike, and the chip does not; and weights are clipped beyond "
            f"{256 / neuron.scale:g}",
            f"Leave scale at {DEFAULT_SCALE}, to which eight bits of weight belong.",
        )
    elif _loses_epsilon(neuron):
        yield Problem(
            name,
            f"its threshold is {neuron.threshold:g}; from 64 on SLAYER's float32 takes a voltage "
            "that equals the threshold for a spike, and the chip does not",
            "Scale threshold and weights down together.",
        )
    yield from _norm_problems(name, neuron)
    if neuron.drop is not None and not isinstance(neuron.drop, torch.nn.modules.dropout._DropoutNd):
        yield Problem(
            name, f"its dropout is {neuron.drop!r}, which may act in evaluation",
            "Use slayer.neuron.Dropout.",
        )  # fmt: skip


def _norm_problems(name: str, neuron: Any) -> Iterator[Problem]:
    norms = slayer.neuron.norm
    if isinstance(neuron.norm, norms.WgtScaleBatchNorm):
        yield Problem(
            name,
            "WgtScaleBatchNorm scales after quantisation; lava-dl writes that scale to the file "
            "and never reads it, so that other spikes come out without a word",
            "Fold it with loihi_sca.fold_batchnorm(model, sample), and compile what that returns.",
        )
    elif neuron.norm is not None and type(neuron.norm) is not norms.MeanOnlyBatchNorm:
        yield Problem(
            name,
            f"its norm is {type(neuron.norm).__name__}",
            "Use MeanOnlyBatchNorm; torch's BatchNorm folds with loihi_sca.fold_batchnorm.",
        )


def _loses_epsilon(neuron: Any) -> bool:
    """Tell whether the 0.01 that SLAYER adds to the threshold is lost when rounded to float32."""
    threshold, epsilon = neuron.threshold, neuron.threshold_eps
    in_spike = np.float32(threshold + epsilon) <= np.float32(threshold)
    exact = threshold * neuron.s_scale
    in_reset = np.float32(exact + epsilon * neuron.s_scale) <= np.float32(exact)
    return bool(in_spike or in_reset)
