"""What a scan over a batch takes and gives, whichever device it runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from loihi_sca.network.fixed_point import MAX_DECAY
from loihi_sca.slayer.dynamics.activity import ChannelActivity
from loihi_sca.slayer.dynamics.norm import Norm

SCALE = MAX_DECAY
"""Of states and of decays; lava-dl's default."""


@dataclass(frozen=True)
class Scan:
    """A forward scan over a batch, and what the backward scan needs of it.

    Attributes
    ----------
    spikes : tensor (N, C, ..., T)
        Gated; laid out time-first.
    voltage : tensor [T, N, ..., C]
        Before reset.
    current : tensor [T, N, ..., C] or None
        Before the norm, if its decay learns.
    norm : Norm
        What was subtracted from the current.
    activity : Activity or None
        If it was asked for.
    """

    spikes: torch.Tensor
    voltage: torch.Tensor
    current: torch.Tensor | None
    norm: Norm
    activity: ChannelActivity | None


@dataclass(frozen=True)
class Setting:
    """What a backward scan needs to know of a neuron.

    Attributes
    ----------
    keep_u, keep_v, gate : float32 tensors (C,)
        Shares kept per step; factor of the spikes.
    level, slope, height : float32
        Threshold and surrogate: ``height * exp(-|v - level| * slope)``.
    learn_voltage_decay : bool
        Whether its gradient is wanted.
    norm : Norm
        Of the forward scan.
    """

    keep_u: torch.Tensor
    keep_v: torch.Tensor
    gate: torch.Tensor
    level: np.float32
    slope: np.float32
    height: np.float32
    learn_voltage_decay: bool
    norm: Norm


@dataclass(frozen=True)
class Gradients:
    """What a backward scan brought, per channel but for the first.

    Attributes
    ----------
    weighted : tensor [T, N, ..., C]
        With respect to the weighted spikes.
    gate, current_decay, voltage_decay : float64 tensors (C,)
        With respect to these.
    """

    weighted: torch.Tensor
    gate: torch.Tensor
    current_decay: torch.Tensor
    voltage_decay: torch.Tensor


class Scans(Protocol):
    """The two scans on one kind of device: numbers in, numbers out, no autograd."""

    def forward(
        self, neuron: Any, weighted: torch.Tensor, gate: torch.Tensor, watch: bool
    ) -> Scan | None:
        """Scan forwards, or return None if that cannot be done exactly.

        Parameters
        ----------
        neuron : lava-dl CUBA neuron
            Its norm's running mean is not touched: see :meth:`Norm.commit`.
        weighted : float32 tensor [T, N, ..., C], contiguous
            Weighted spikes.
        gate : float32 tensor (C,)
            Factor of the spikes.
        watch : bool
            Whether to measure the activity.
        """

    def backward(
        self,
        setting: Setting,
        gradient: torch.Tensor,
        voltage: torch.Tensor,
        current: torch.Tensor | None,
    ) -> Gradients:
        """Scan backwards; all tensors are [T, N, ..., C] and contiguous."""


def level_of(neuron: Any) -> int:
    """Return the smallest voltage that spikes; torch compares with the threshold as float32."""
    return int(np.ceil(np.float32((neuron.threshold + neuron.threshold_eps) * SCALE)))
