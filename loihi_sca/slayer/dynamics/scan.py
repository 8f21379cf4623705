"""The two scans over a batch on a CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from loihi_sca.slayer.dynamics import backward as backward_kernels
from loihi_sca.slayer.dynamics import forward as forward_kernels
from loihi_sca.slayer.dynamics import layout, ranks, threads
from loihi_sca.slayer.dynamics.activity import ChannelActivity
from loihi_sca.slayer.dynamics.norm import UNSIGNED, norm_of
from loihi_sca.slayer.dynamics.scanning import SCALE, Gradients, Scan, Setting, level_of
from loihi_sca.slayer.dynamics.tiles import tile_length
from loihi_sca.slayer.dynamics.watch import SUMS

_NOTHING = np.empty((0, 0), np.float32)


def forward(neuron: Any, weighted: torch.Tensor, gate: torch.Tensor, watch: bool) -> Scan | None:
    """Scan forwards; see :class:`Scans`."""
    channels, flat = weighted.shape[-1], layout.flat(weighted)
    keep_u, keep_v = (
        _kept(decay, channels) for decay in (neuron.current_decay, neuron.voltage_decay)
    )
    length = tile_length(channels)
    norm = norm_of(neuron.norm, weighted, keep_u, length)
    if norm is None:
        return None
    voltage, spikes = torch.empty_like(weighted), layout.empty(weighted)
    current = torch.empty_like(weighted) if neuron.current_decay.requires_grad else None
    sums = np.zeros((threads.CHUNKS, SUMS if watch else 0, channels))
    peaks = np.zeros((threads.CHUNKS, 2), np.int64)
    threads.run(
        forward_kernels.forward,
        flat.numel(),
        flat.numpy(),
        keep_u,
        keep_v,
        not keep_u.any(),
        norm.offset.numpy(),
        level_of(neuron),
        gate.numpy(),
        length,
        layout.flat(voltage).numpy(),
        layout.flat(layout.rows(spikes)).numpy(),
        _NOTHING if current is None else layout.flat(current).numpy(),
        sums,
        peaks,
    )
    peak = np.bitwise_or.reduce(peaks, axis=0)
    # ranks that share a mean go the same way, or one would wait for the others' gradient
    if norm.mean is not None:
        peak = ranks.union(torch.from_numpy(peak)).numpy()
    peak_u, peak_v = peak & UNSIGNED
    if peak_u >= forward_kernels.CURRENT_LIMIT or peak_v >= forward_kernels.VOLTAGE_LIMIT:
        return None
    activity = _activity(sums, flat.numel() // channels, neuron.threshold) if watch else None
    return Scan(spikes, voltage, current, norm, activity)


def _kept(decay: torch.Tensor, channels: int) -> npt.NDArray[np.int32]:
    """Return 4096 minus a decay, per channel."""
    whole = torch.round(decay.detach()).numpy().astype(np.int32)
    return np.array(np.broadcast_to(SCALE - whole, channels))


def _activity(sums: npt.NDArray[np.float64], count: int, threshold: float) -> ChannelActivity:
    means = torch.from_numpy(sums.sum(axis=0) / count).float()
    means[1:] /= threshold
    return ChannelActivity(*means)


def backward(
    setting: Setting, gradient: torch.Tensor, voltage: torch.Tensor, current: torch.Tensor | None
) -> Gradients:
    """Scan backwards; see :class:`Scans`."""
    channels = gradient.shape[-1]
    length, work = tile_length(channels), gradient.numel()
    out = torch.empty_like(gradient)
    sums = np.zeros((threads.CHUNKS, 3, channels))
    threads.run(
        backward_kernels.backward,
        work,
        layout.flat(gradient).numpy(),
        layout.flat(voltage).numpy(),
        setting.keep_v.numpy(),
        setting.level,
        setting.slope,
        setting.height,
        setting.gate.numpy(),
        setting.learn_voltage_decay,
        length,
        layout.flat(out).numpy(),
        sums,
    )
    total, gate, voltage_decay = torch.from_numpy(sums.sum(axis=0))
    shift = setting.norm.backward(total, work // channels)
    keep_u = setting.keep_u.numpy()
    decay_sums = np.zeros((threads.CHUNKS, channels))
    if shift is not None or current is not None or keep_u.any():
        threads.run(
            backward_kernels.current_backward,
            work,
            layout.flat(out).numpy(),
            keep_u,
            np.zeros(channels, np.float32) if shift is None else shift.numpy(),
            _NOTHING if current is None else layout.flat(current).numpy(),
            length,
            decay_sums,
        )
    return Gradients(out, gate, torch.from_numpy(decay_sums.sum(axis=0)), voltage_decay)
