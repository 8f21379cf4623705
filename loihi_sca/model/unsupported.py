"""What of SLAYER has no exact counterpart on the chip: by name, with the reason and a way out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.weight_norm import WeightNorm

from loihi_sca.model import (
    acceleration,
    batch_norm,
    blocks,
    fast_blocks,
    gating,
    graded_blocks,
    sigma_delta,
)
from loihi_sca.model.walk import is_block
from loihi_sca.problems import Problem
from loihi_sca.slayer.lava import slayer

FAMILIES = {
    "alif": "an adaptive threshold, which netx does not know",
    "adrf": "an adaptive resonate-and-fire neuron, which netx does not know",
    "adrf_iz": "an adaptive resonate-and-fire neuron, which netx does not know",
    "rf": "a resonate-and-fire neuron, which lava-dl can export and load in a Dense block only",
    "rf_iz": "a resonate-and-fire neuron, which lava-dl can export and load in a Dense block only",
}
"""Block families of lava-dl that have no exact counterpart."""

BLOCKS = {
    "ConvT": ("netx cannot load transposed convolutions", "Use a dense block."),
    "Unpool": ("netx cannot load unpooling", "Use a dense block."),
    "KWTA": (
        "it is recurrent and exports nothing: the file would lack the block without a word",
        "Use a dense block and pick winners on the host.",
    ),
    "TimeDecimation": (
        "it averages over time, which no block of netx does",
        "Leave it out, and average the output spikes on the host.",
    ),
}
"""Blocks without a counterpart."""

_KNOWN_FORWARDS = (
    slayer.block.base.__name__, blocks.__name__, fast_blocks.__name__, gating.__name__,
    sigma_delta.family.__name__, graded_blocks.__name__,
)  # fmt: skip
"""Modules whose forward passes compute what the blocks' attributes say."""

_KNOWN_PARTS = (
    slayer.synapse.layer.__name__, slayer.synapse.complex.__name__,
    slayer.neuron.cuba.__name__, slayer.neuron.norm.__name__,
    slayer.neuron.dropout.__name__, torch.nn.modules.dropout.__name__,
    slayer.axon.Delay.__module__, acceleration.__name__, slayer.neuron.sigma_delta.__name__,
    batch_norm.__name__, *sigma_delta.PARTS, torch.nn.ReLU.__module__,
)  # fmt: skip
"""Modules whose classes do, within a block, what their attributes say."""

KNOWN_HOOKS = (WeightNorm, BasePruningMethod)
"""Hooks that only set a synapse's weight, which is read through them."""

ALL_TO_ALL = ("Dense", "Recurrent", "Affine", "Output")
"""Blocks whose synapses have no window."""

SUPPORTED = ("Input", "Conv", "Dense", "Recurrent", "Flatten", "Pool", "Average", "Affine")
"""CUBA blocks that have a counterpart."""


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
            f"{kind} is no block of slayer.block.cuba or sigma_delta",
            f"Use {', '.join(SUPPORTED)} blocks, or loihi_sca's own.",
        )
    elif lava_family(block) in FAMILIES and not resonates(block):
        yield Problem(
            name,
            f"block {lava_family(block)}.{kind} has {FAMILIES[lava_family(block)]}",
            f"Use slayer.block.cuba.{kind}.",
        )
    elif lava_name(block) in BLOCKS:
        reason, instead = BLOCKS[lava_name(block)]
        yield Problem(name, f"block {kind}: {reason}", instead)
    elif lava_name(block) not in _supported(block):
        known = ", ".join(_supported(block))
        yield Problem(name, f"block {_path(block)} is not known", f"Use {known}.")
    elif type(block).forward.__module__ not in _KNOWN_FORWARDS or "forward" in vars(block):
        yield Problem(
            name,
            f"{kind} overrides the forward pass of {_path(block)}, so that what it computes cannot "
            "be known",
            f"Use {_path(block)} itself.",
        )
    else:
        yield from _type_problems(name, block)
        yield from _hook_problems(name, block)
        yield from _part_problems(name, block)
        yield from _synapse_problems(name, block)
        yield from _mask_problems(name, block)
        yield from _delay_problems(name, block)


def _type_problems(name: str, block: torch.nn.Module) -> Iterator[Problem]:
    """Yield a type of numbers that does not hold the integers of weights and states."""
    types = {x.dtype for x in block.parameters() if x.dtype in (torch.float16, torch.bfloat16)}
    for kind in sorted(map(str, types)):
        yield Problem(
            name,
            f"its parameters are {kind}, which holds neither its states nor all its weights",
            "Call model.float(), and train so; torch.autocast keeps float32.",
        )


def _hook_problems(name: str, block: torch.nn.Module) -> Iterator[Problem]:
    """Yield the hooks within a block that might change what it computes."""
    for path, part in block.named_modules():
        hooks = [*part._forward_pre_hooks.values(), *part._forward_hooks.values()]
        unknown = [hook for hook in hooks if not isinstance(hook, KNOWN_HOOKS)]
        if path and unknown:
            yield Problem(
                name,
                f"its {path} has a hook, {unknown[0]!r}, so that what it computes cannot be known",
                "Remove the hook before compiling.",
            )


def _part_problems(name: str, block: torch.nn.Module) -> Iterator[Problem]:
    """Yield the parts of a block whose forward passes are not lava-dl's.

    The class of a neuron and of its norm is judged in :mod:`loihi_sca.model.neurons`.
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
                f"Use the {path} that {_path(block)} makes.",
            )


def _synapse_problems(name: str, block: Any) -> Iterator[Problem]:
    """Yield what a synapse, a three-dimensional convolution, does beyond weights in space."""
    for place, synapse in block.named_modules():
        if isinstance(synapse, torch.nn.Conv3d):
            yield from _problems_of_synapse(name, place, synapse)
            if lava_name(block) in ALL_TO_ALL:
                yield from _window_problems(name, place, synapse)


def _problems_of_synapse(name: str, place: str, synapse: torch.nn.Conv3d) -> Iterator[Problem]:
    if synapse.bias is not None:
        yield Problem(
            name, f"its {place} has a bias, which no synapse of lava-dl has and the network lacks",
            f"Set {place}.bias = None, and give the neuron a MeanOnlyBatchNorm, whose mean is one.",
        )  # fmt: skip
    in_time = [x[2] for x in (synapse.kernel_size, synapse.stride, synapse.dilation)]
    if in_time != [1, 1, 1] or synapse.padding[2] != 0:
        yield Problem(
            name,
            f"its {place} acts on time: kernel, stride, dilation and padding there are {in_time} "
            f"and {synapse.padding[2]}",
            "Leave the last axis, which is time, at 1, 1, 1 and 0.",
        )


def _window_problems(name: str, place: str, synapse: torch.nn.Conv3d) -> Iterator[Problem]:
    """Yield that a synapse of all to all, in SLAYER a convolution, moves on a map."""
    moves = [
        *synapse.stride,
        *synapse.dilation,
        synapse.groups,
        *(1 + int(n) for n in synapse.padding),
    ]
    if set(moves) != {1}:
        yield Problem(
            name,
            f"its {place} has stride {synapse.stride[:2]}, padding {synapse.padding[:2]}, dilation "
            f"{synapse.dilation[:2]} and {synapse.groups} groups, and the block connects all to "
            "all",
            "Use slayer.block.cuba.Conv.",
        )


def _mask_problems(name: str, block: Any) -> Iterator[Problem]:
    """Yield what a mask does that is not done once for all."""
    mask = getattr(block, "mask", None)
    if mask is None:
        return
    if not bool(((mask == 0) | (mask == 1)).all()):
        yield Problem(
            name,
            "its mask has other values than 0 and 1, by which SLAYER multiplies its weights again "
            "at every forward pass",
            "Multiply it into the weights once, and give a mask of zeros and ones.",
        )
    for synapse in synapses_with_mask(block):
        if "weight" not in synapse._parameters:
            yield Problem(
                name,
                "SLAYER multiplies the mask into a weight that is computed anew behind it, by a "
                "weight norm, torch's pruning or a parametrisation, so that the mask has no effect",
                "Use one of the two.",
            )


def synapses_with_mask(block: Any) -> tuple[Any, ...]:
    """Return the synapses whose weights a block with a mask multiplies by it."""
    synapse = block.synapse
    return (synapse.real, synapse.imag) if synapse.complex else (synapse,)


def _delay_problems(name: str, block: torch.nn.Module) -> Iterator[Problem]:
    """Yield delays that are not counted in timesteps."""
    delay: Any = getattr(block, "delay", None)
    if delay is not None and delay.sampling_time != 1:
        yield Problem(
            name,
            f"its delay has sampling_time={delay.sampling_time}, by which SLAYER divides twice",
            "Leave it at 1, and give delays in timesteps.",
        )


def resonates(block: torch.nn.Module) -> bool:
    """Tell whether a block is one of resonators that is supported, or belongs to such."""
    return lava_family(block) in ("rf", "rf_iz") and lava_name(block) in ("Dense", "Flatten")


def lava_family(block: torch.nn.Module) -> str:
    """Return the module of lava-dl that a block or its base comes from, such as ``cuba``."""
    return str(_stock(block).__module__).rpartition(".")[2]


def lava_name(block: torch.nn.Module) -> str:
    """Return the name of lava-dl's own class that a block is or derives from."""
    return str(_stock(block).__name__)


def _path(block: torch.nn.Module) -> str:
    return f"slayer.block.{lava_family(block)}.{lava_name(block)}"


def _supported(block: torch.nn.Module) -> tuple[str, ...]:
    return sigma_delta.SUPPORTED if lava_family(block) == "sigma_delta" else SUPPORTED


def _stock(block: torch.nn.Module) -> Any:
    package = slayer.block.base.__name__.rpartition(".")[0]
    return next(c for c in type(block).__mro__ if c.__module__.startswith(package + "."))
