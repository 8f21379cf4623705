"""The two scans over a batch on CUDA; the device is waited for once, at the end of the first."""

from __future__ import annotations

from typing import Any

import torch

from loihi_sca.slayer.dynamics import layout, ranks
from loihi_sca.slayer.dynamics.activity import ChannelActivity
from loihi_sca.slayer.dynamics.cuda import backward as backward_kernels
from loihi_sca.slayer.dynamics.cuda import forward as forward_kernels
from loihi_sca.slayer.dynamics.cuda.norm import norm_of
from loihi_sca.slayer.dynamics.cuda.tiles import Tiles
from loihi_sca.slayer.dynamics.forward import CURRENT_LIMIT, VOLTAGE_LIMIT
from loihi_sca.slayer.dynamics.scanning import SCALE, Gradients, Scan, Setting, level_of
from loihi_sca.slayer.dynamics.watch import SUMS

_ADDRESSABLE = 1 << 31  # neurons that an int32 can number


def forward(neuron: Any, weighted: torch.Tensor, gate: torch.Tensor, watch: bool) -> Scan | None:
    """Scan forwards; see :class:`Scans`."""
    tiles = Tiles.of(weighted)
    if tiles.size >= _ADDRESSABLE:
        return None
    keep_u, keep_v = (
        _kept(decay, tiles.channels) for decay in (neuron.current_decay, neuron.voltage_decay)
    )
    norm = norm_of(neuron.norm, weighted, keep_u, tiles)
    voltage, spikes = torch.empty_like(weighted), layout.empty(weighted)
    current = torch.empty_like(weighted) if neuron.current_decay.requires_grad else None
    shape = (tiles.blocks, SUMS, tiles.channels)
    sums = weighted.new_empty(shape if watch else (1,), dtype=torch.int64)
    peaks = weighted.new_empty((tiles.blocks, 2, tiles.channels), dtype=torch.int32)
    tiles.launch(
        forward_kernels.forward,
        weighted,
        keep_u,
        keep_v,
        norm.offset,
        gate,
        voltage,
        layout.rows(spikes),
        voltage if current is None else current,
        sums,
        peaks,
        level_of(neuron),
        *tiles.sizes,
        KEEP_CURRENT=current is not None,
        WATCH=watch,
    )
    peak_u, peak_v = _over_ranks(peaks.amax(dim=(0, 2)), norm.mean is not None)
    if not bool(norm.sound & (peak_u < CURRENT_LIMIT) & (peak_v < VOLTAGE_LIMIT)):
        return None
    activity = _activity(sums, tiles, neuron.threshold) if watch else None
    return Scan(spikes, voltage, current, norm, activity)


def _kept(decay: torch.Tensor, channels: int) -> torch.Tensor:
    """Return 4096 minus a decay, per channel."""
    kept: torch.Tensor = SCALE - torch.round(decay.detach()).int()
    return kept.expand(channels).contiguous()


def _over_ranks(peak: torch.Tensor, share_a_mean: bool) -> torch.Tensor:
    """Let ranks that share a mean go the same way, or one would wait for the others' gradient."""
    return ranks.highest(peak) if share_a_mean else peak


def _activity(sums: torch.Tensor, tiles: Tiles, threshold: float) -> ChannelActivity:
    means = sums.sum(dim=0).double() / (tiles.steps * tiles.rows)
    means[1:] /= SCALE * threshold
    return ChannelActivity(*means.float())


def backward(
    setting: Setting, gradient: torch.Tensor, voltage: torch.Tensor, current: torch.Tensor | None
) -> Gradients:
    """Scan backwards; see :class:`Scans`."""
    tiles = Tiles.of(gradient)
    last = (tiles.steps - 1) * tiles.size
    through = setting.norm.mean is None
    out = torch.empty_like(gradient)
    sums = gradient.new_empty((tiles.blocks, 4, tiles.channels))
    tiles.launch(
        backward_kernels.backward,
        gradient,
        voltage,
        voltage if current is None else current,
        setting.keep_u,
        setting.keep_v,
        setting.gate,
        out,
        sums,
        float(setting.level),
        float(setting.slope),
        float(setting.height),
        *tiles.sizes,
        last,
        THROUGH_CURRENT=through,
        LEARN_CURRENT=current is not None,
        LEARN_VOLTAGE=setting.learn_voltage_decay,
    )
    total, gate, voltage_decay, current_decay = sums.sum(dim=0, dtype=torch.float64)
    shift = setting.norm.backward(total, tiles.steps * tiles.rows)
    if shift is not None:
        of_decay = gradient.new_empty((tiles.blocks, tiles.channels))
        tiles.launch(
            backward_kernels.current_backward,
            out,
            setting.keep_u,
            shift,
            voltage if current is None else current,
            of_decay,
            *tiles.sizes,
            last,
            LEARN_CURRENT=current is not None,
        )
        if current is not None:
            current_decay = of_decay.sum(dim=0, dtype=torch.float64)
    return Gradients(out, gate, current_decay, voltage_decay)
