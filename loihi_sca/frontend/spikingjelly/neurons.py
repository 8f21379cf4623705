"""SpikingJelly's neurons in terms of the chip's.

``h[t] = v[t-1] (1 - leak) + x[t]``, a spike where ``h[t] >= threshold``, then ``v[t] = 0``.
``LIFNode(decay_input=True)`` divides ``x`` by tau, which is a threshold tau times as high, so that
weights stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from loihi_sca.network.fixed_point import MAX_DECAY
from loihi_sca.problems import Problem

SHIFT = 64
"""States of ``lava_exchange`` have so many steps in one of a weight."""


@dataclass(frozen=True)
class Dynamics:
    """What a neuron does.

    Attributes
    ----------
    threshold : float
        In units of the summed input.
    leak : float
        Share of the voltage that is lost per timestep.
    current_leak : float
        Share of the current; 1 where there is none.
    scale : float or None
        The one in which the neuron itself computes with integers, as the chip does.
    above : bool
        Whether it fires above the threshold, as the chip does, and not at it.
    """

    threshold: float
    leak: float = 0.0
    current_leak: float = 1.0
    scale: float | None = None
    above: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether the chip's voltage is this one, given the same sums."""
        return not self.leak or self.scale is not None


def neuron_problems(name: str, kind: str, node: Any, biased: bool) -> Iterator[Problem]:
    """Yield what keeps a neuron from the chip."""
    if node.v_reset is None:
        yield Problem(
            name,
            f"its reset is soft (v_reset=None): it keeps what is above the threshold of "
            f"{node.v_threshold:g} after a spike, and the chip's neurons start again at 0",
            "Train with v_reset=0.0.",
        )
    elif node.v_reset != 0:
        yield Problem(
            name, f"it resets to {node.v_reset:g}, and the chip's neurons to 0",
            "Train with v_reset=0.0.",
        )  # fmt: skip
    if not node.v_threshold > 0:
        yield Problem(
            name, f"its threshold is {node.v_threshold:g}, at which it fires by itself",
            "Use a positive one.",
        )  # fmt: skip
    if getattr(node.surrogate_function, "spiking", True) is False:
        yield Problem(
            name, "its surrogate function has spiking=False, so that it sends values, not spikes",
            "Set spiking=True.",
        )  # fmt: skip
    if kind == "CubaLIFNode":
        yield from _cuba_problems(name, node, biased)


def _cuba_problems(name: str, node: Any, biased: bool) -> Iterator[Problem]:
    if node.norm is not None:
        yield Problem(
            name, "its norm scales the current, and lava-dl exports a scale that netx never reads",
            "Fold it with loihi_sca.fold_batchnorm(model, sample), and compile what that returns; "
            "or train with a BatchNorm2d behind the convolution, folded into its weights.",
        )  # fmt: skip
    if node.current_decay.numel() > 1 or node.voltage_decay.numel() > 1:
        yield Problem(
            name, f"it has {node.current_decay.numel()} decays, and Lava's neurons share one",
            "Give numbers.",
        )  # fmt: skip
    elif biased and float(node.current_decay) < MAX_DECAY:
        yield Problem(
            name, "the bias before it adds to its current, which remembers it; the chip's bias "
            "adds to the voltage",
            "Use current_decay=1.0, or synapses without bias and norm.",
        )  # fmt: skip


def dynamics_of(kind: str, node: Any, dtype: torch.dtype) -> Dynamics:
    """Return what a neuron does on input of a type; :func:`neuron_problems` has found nothing."""
    if kind == "CubaLIFNode":
        current, voltage = (
            float(torch.round(d.detach())) / MAX_DECAY
            for d in (node.current_decay, node.voltage_decay)
        )
        return Dynamics(float(node.v_threshold), voltage, current, float(node.scale), above=True)
    # as the node compares it
    threshold = float(torch.tensor(float(node.v_threshold), dtype=dtype))
    if kind == "IFNode":
        return Dynamics(threshold)
    if kind == "ParametricLIFNode":
        leak = float(node.w.detach().double().sigmoid())
    else:
        leak = 1.0 / float(node.tau)
    return Dynamics(threshold / leak if node.decay_input else threshold, leak)


NEURONS = ("IFNode", "LIFNode", "ParametricLIFNode", "CubaLIFNode")
"""Kinds of neurons that have a counterpart."""
