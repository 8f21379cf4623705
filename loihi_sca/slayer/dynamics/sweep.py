"""The two sweeps over a batch: numbers in, numbers out, no autograd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from loihi_sca.slayer.dynamics import backward, layout, ranks, threads
from loihi_sca.slayer.dynamics import forward as kernels
from loihi_sca.slayer.dynamics.activity import Activity
from loihi_sca.slayer.dynamics.norm import Norm
from loihi_sca.slayer.dynamics.tiles import tile_length
from loihi_sca.slayer.dynamics.watch import SUMS

SCALE = 1 << 12
"""Of states and of decays; lava-dl's default."""

FloatArray = npt.NDArray[np.float32]
_NOTHING = np.empty((0, 0), np.float32)


@dataclass(frozen=True)
class Sweep:
    """A forward sweep over a batch, and what the backward sweep needs of it.

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
    activity: Activity | None


def forward(neuron: Any, weighted: torch.Tensor, gate: FloatArray, watch: bool) -> Sweep | None:
    """Sweep forwards, or return None if that cannot be done exactly.

    Parameters
    ----------
    neuron : lava-dl CUBA neuron
        Its norm's running mean is not touched: see :meth:`Norm.commit`.
    weighted : float32 tensor [T, N, ..., C], contiguous
        Weighted spikes.
    gate : array (C,)
        Factor of the spikes.
    watch : bool
        Whether to measure the activity.
    """
    channels, flat = weighted.shape[-1], layout.flat(weighted)
    keep_u, keep_v = (
        _kept(decay, channels) for decay in (neuron.current_decay, neuron.voltage_decay)
    )
    length = tile_length(channels)
    norm = Norm.of(neuron.norm, weighted, keep_u, length)
    if norm is None:
        return None
    voltage, spikes = torch.empty_like(weighted), layout.empty(weighted)
    current = torch.empty_like(weighted) if neuron.current_decay.requires_grad else None
    sums = np.zeros((threads.CHUNKS, SUMS if watch else 0, channels))
    peaks = np.zeros((threads.CHUNKS, 2), np.int64)
    threads.run(
        kernels.forward,
        flat.numel(),
        flat.numpy(),
        keep_u,
        keep_v,
        not keep_u.any(),
        norm.offset,
        _level(neuron),
        gate,
        length,
        layout.flat(voltage).numpy(),
        layout.flat(layout.rows(spikes)).numpy(),
        _NOTHING if current is None else layout.flat(current).numpy(),
        sums,
        peaks,
    )
    peak = np.bitwise_or.reduce(peaks, axis=0)
    # ranks that share a mean go the same way, or one would wait for the others' gradient
    peak_u, peak_v = peak if norm.mean is None else ranks.union(peak)
    if peak_u >= kernels.CURRENT_LIMIT or peak_v >= kernels.VOLTAGE_LIMIT:
        return None
    activity = _activity(sums, flat.numel() // channels, neuron.threshold) if watch else None
    return Sweep(spikes, voltage, current, norm, activity)


def _kept(decay: torch.Tensor, channels: int) -> npt.NDArray[np.int32]:
    """Return 4096 minus a decay, per channel."""
    whole = torch.round(decay.detach()).numpy().astype(np.int32)
    return np.array(np.broadcast_to(SCALE - whole, channels))


def _level(neuron: Any) -> int:
    """Return the smallest voltage that spikes; torch compares with the threshold as float32."""
    return int(np.ceil(np.float32((neuron.threshold + neuron.threshold_eps) * SCALE)))


def _activity(sums: npt.NDArray[np.float64], count: int, threshold: float) -> Activity:
    means = torch.from_numpy(sums.sum(axis=0) / count).float()
    means[1:] /= threshold
    return Activity(*means)


@dataclass(frozen=True)
class Gradients:
    """What a backward sweep brought, per channel but for the first.

    Attributes
    ----------
    weighted : tensor [T, N, ..., C]
        With respect to the weighted spikes.
    gate, current_decay, voltage_decay : float64 arrays (C,)
        With respect to these.
    """

    weighted: torch.Tensor
    gate: npt.NDArray[np.float64]
    current_decay: npt.NDArray[np.float64]
    voltage_decay: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Backward:
    """The backward sweep of a neuron, without its tensors.

    Attributes
    ----------
    keep_u, keep_v, gate : float32 arrays (C,)
        Shares kept per step; factor of the spikes.
    level, slope, height : float32
        Threshold and surrogate: ``height * exp(-|v - level| * slope)``.
    learn_voltage_decay : bool
        Whether its gradient is wanted.
    norm : Norm
        Of the forward sweep.
    """

    keep_u: FloatArray
    keep_v: FloatArray
    gate: FloatArray
    level: np.float32
    slope: np.float32
    height: np.float32
    learn_voltage_decay: bool
    norm: Norm

    def __call__(
        self, gradient: torch.Tensor, voltage: torch.Tensor, current: torch.Tensor | None
    ) -> Gradients:
        """Sweep backwards; all tensors are [T, N, ..., C] and contiguous."""
        channels = gradient.shape[-1]
        length, work = tile_length(channels), gradient.numel()
        out = torch.empty_like(gradient)
        sums = np.zeros((threads.CHUNKS, 3, channels))
        threads.run(
            backward.backward,
            work,
            layout.flat(gradient).numpy(),
            layout.flat(voltage).numpy(),
            self.keep_v,
            self.level,
            self.slope,
            self.height,
            self.gate,
            self.learn_voltage_decay,
            length,
            layout.flat(out).numpy(),
            sums,
        )
        total, gate, voltage_decay = sums.sum(axis=0)
        shift = self.norm.backward(total, work // channels)
        decay_sums = np.zeros((threads.CHUNKS, channels))
        if shift is not None or current is not None or self.keep_u.any():
            threads.run(
                backward.current_backward,
                work,
                layout.flat(out).numpy(),
                self.keep_u,
                np.zeros(channels, np.float32) if shift is None else shift,
                _NOTHING if current is None else layout.flat(current).numpy(),
                length,
                decay_sums,
            )
        return Gradients(out, gate, decay_sums.sum(axis=0), voltage_decay)
