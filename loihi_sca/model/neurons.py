"""What of SLAYER's neurons has no exact counterpart on the chip."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from loihi_sca.model import acceleration, sigma_delta
from loihi_sca.model.kinds import RECURRENT
from loihi_sca.model.unsupported import lava_family
from loihi_sca.model.walk import is_block
from loihi_sca.problems import Problem
from loihi_sca.slayer.lava import slayer

DEFAULT_SCALE = 64
"""Of a neuron of lava-dl, between its parameters and the chip's mantissas."""

UNDRAWN = ("current_decay_min", "period_min")
"""What a neuron with shared_param=False has until it first sees data."""


def neuron_problems(name: str, block: Any) -> Iterator[Problem]:
    """Yield what about a block's neuron has no counterpart."""
    neuron, family = block.neuron, _family_of(block)
    if wrong := _class_problem(name, block):
        yield wrong
        return
    yield from _PROBLEMS[family](name, block)
    if isinstance(block, RECURRENT):
        yield from _recurrent_problems(name, block)
    else:
        yield from _state_problems(name, neuron)
    if neuron.drop is not None and not isinstance(neuron.drop, torch.nn.modules.dropout._DropoutNd):
        yield Problem(
            name, f"its dropout is {neuron.drop!r}, which may act in evaluation",
            "Use slayer.neuron.Dropout.",
        )  # fmt: skip


def readout_problems(name: str, block: Any) -> Iterator[Problem]:
    """Yield what about the neuron of an Affine, which never spikes, the host does not compute."""
    if not block.dynamics:
        return
    if wrong := _class_problem(name, block):
        yield wrong
        return
    yield from _decay_problems(name, block.neuron)
    yield from _norm_problems(name, block.neuron)
    yield from _state_problems(name, block.neuron)


def _family_of(block: Any) -> str:
    # neurons that read a residual stream are no block of lava-dl's
    family = lava_family(block) if is_block(block) else "cuba"
    return family if family in ("sigma_delta", "rf", "rf_iz") else "cuba"


def _class_problem(name: str, block: Any) -> Problem | None:
    """Return that a neuron is of a class that is not known."""
    neuron, family = block.neuron, _family_of(block)
    known = [getattr(slayer.neuron, family).Neuron]
    if family == "cuba":
        known.append(acceleration.FastNeuron)
    if type(neuron) in known:
        return None
    return Problem(
        name,
        f"its neuron is {type(neuron).__name__} of {type(neuron).__module__}",
        f"Use slayer.neuron.{family}.Neuron.",
    )


def _state_problems(name: str, neuron: Any) -> Iterator[Problem]:
    if neuron.persistent_state:
        yield Problem(
            name,
            "persistent_state=True carries state from one sample to the next, and the chip resets "
            "it for every sample",
            "Set persistent_state=False, or give reset=True (--reset), which resets it as well. "
            "lava-dl's Recurrent sets it in the dictionary of parameters that it is given, and so "
            "in blocks made from it later: give each dict(parameters).",
        )


def _cuba_problems(name: str, block: Any) -> Iterator[Problem]:
    neuron = block.neuron
    yield from _spike_problems(name, neuron)
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
    yield from _mantissa_problems(name, neuron)
    yield from _decay_problems(name, neuron)
    yield from _norm_problems(name, neuron)


def _mantissa_problems(name: str, neuron: Any) -> Iterator[Problem]:
    if neuron.threshold * neuron.w_scale % 1:
        yield Problem(
            name,
            f"its threshold is {neuron.threshold:g}, between two mantissas of "
            f"1/{neuron.w_scale:g}, of which the chip gets the lower one",
            "Set it to a whole number of them, as lava-dl's constructor does.",
        )


def _decay_problems(name: str, neuron: Any) -> Iterator[Problem]:
    """Yield decays out of their range, which SLAYER clamps in its forward pass only if learnt."""
    for what in () if neuron.requires_grad else ("current_decay", "voltage_decay"):
        rounded = getattr(neuron, what).detach().round()
        if bool(((rounded < 0) | (rounded > neuron.p_scale)).any()):
            yield Problem(
                name,
                f"its {what} reaches from {float(rounded.min()):g} to {float(rounded.max()):g} of "
                f"{neuron.p_scale}, beyond what there is, and SLAYER computes with it as it is "
                "unless requires_grad=True",
                "Call block.neuron.clamp(), and look at what the model does then.",
            )


def _spike_problems(name: str, neuron: Any) -> Iterator[Problem]:
    """Yield what neurons that spike may have: graded spikes, decays that are not there yet."""
    if neuron.graded_spike:
        yield Problem(
            name,
            "graded_spike=True sends voltages, and Lava sends ones",
            "Set graded_spike=False.",
        )
    if not neuron.shared_param and any(hasattr(neuron, x) for x in UNDRAWN):
        yield Problem(
            name,
            "shared_param=False, and its decays are only drawn when it first sees data",
            "Run the model once before compiling, or set shared_param=True.",
        )


def _recurrent_problems(name: str, block: Any) -> Iterator[Problem]:
    if block.bias is not None:
        yield Problem(
            name,
            "its attribute bias, which no block of lava-dl sets, is added to the current",
            "Set block.bias = None.",
        )
    if block.recurrent_synapse._forward_pre_hooks:
        yield Problem(
            name,
            "its recurrent_synapse has a weight norm or is pruned by torch, whose hooks SLAYER "
            "never runs there, so that it computes with weights of before",
            "Use weight_norm=False, and torch.nn.utils.prune.remove.",
        )
    if not (block.persistent_state and block.neuron.persistent_state):
        yield Problem(
            name,
            "persistent_state is off, without which a recurrent block forgets its state at every "
            "timestep",
            "Leave it as lava-dl sets it; the chip starts every sample afresh all the same.",
        )


def _resonator_problems(name: str, block: Any) -> Iterator[Problem]:
    neuron = block.neuron
    yield from _spike_problems(name, neuron)
    yield from _mantissa_problems(name, neuron)
    if neuron.real_norm is not None or neuron.imag_norm is not None:
        yield Problem(
            name,
            "its norm is one of resonators, which lava-dl exports nothing of",
            "Leave it out.",
        )


def _sigma_delta_problems(name: str, block: Any) -> Iterator[Problem]:
    yield from sigma_delta.neuron_problems(name, block)
    yield from _norm_problems(name, block.neuron)


_PROBLEMS = {
    "cuba": _cuba_problems, "sigma_delta": _sigma_delta_problems,
    "rf": _resonator_problems, "rf_iz": _resonator_problems,
}  # fmt: skip
"""By the family of lava-dl's blocks."""


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
