"""lava-dl's ``MeanOnlyBatchNorm`` on CUDA, without waiting for the device.

The mean is that of integers, rounded once. Where no partial sum of lava-dl's could round, it has
the bits of the mean on a CPU (:mod:`loihi_sca.slayer.dynamics.norm`); elsewhere it is the more
exact one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from loihi_sca.slayer.dynamics import ranks
from loihi_sca.slayer.dynamics.cuda import forward as kernels
from loihi_sca.slayer.dynamics.cuda.tiles import Tiles
from loihi_sca.slayer.dynamics.forward import CURRENT_LIMIT
from loihi_sca.slayer.dynamics.norm import OFFSET_LIMIT, Norm, subtracted_by
from loihi_sca.slayer.dynamics.scanning import SCALE


@dataclass(frozen=True, kw_only=True)
class DeviceNorm(Norm):
    """A norm whose soundness the device knows.

    Attributes
    ----------
    sound : bool tensor ()
        Whether the offset is whole, and the current was in range.
    """

    sound: torch.Tensor


def norm_of(norm: Any, weighted: torch.Tensor, keep_u: torch.Tensor, tiles: Tiles) -> DeviceNorm:
    """Prepare a lava-dl norm, or no norm, for a batch [T, N, ..., C] on CUDA."""
    sound = torch.ones((), dtype=torch.bool, device=weighted.device)
    if norm is None:
        return DeviceNorm(offset=torch.zeros_like(keep_u), sound=sound)
    mean = None
    if norm.training and norm.update:
        mean, sound = _mean(weighted, keep_u, tiles)
    subtracted = subtracted_by(norm, mean)
    units = subtracted.detach().double() * SCALE
    sound = sound & ((units == units.round()) & (units.abs() < OFFSET_LIMIT)).all()
    offset = units.int().expand(tiles.channels).contiguous()
    if mean is None:
        return DeviceNorm(offset=offset, sound=sound)
    return DeviceNorm(offset=offset, mean=mean, subtracted=subtracted, sound=sound)


def _mean(
    weighted: torch.Tensor, keep_u: torch.Tensor, tiles: Tiles
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean current per channel, and whether it was in range."""
    sums = weighted.new_empty((tiles.blocks, tiles.channels), dtype=torch.int64)
    peaks = weighted.new_empty((tiles.blocks, tiles.channels), dtype=torch.int32)
    tiles.launch(kernels.sum_current, weighted, keep_u, sums, peaks, *tiles.sizes)
    here = weighted.numel() // tiles.channels
    count = int(ranks.total(torch.tensor(here)))
    # a tensor: torch multiplies by the reciprocal of a number, and that rounds twice
    divisor = weighted.new_full((), SCALE * float(np.float32(count)), dtype=torch.float64)
    mean = (ranks.total(sums.sum(dim=0)).double() / divisor).float()
    return mean, (ranks.highest(peaks.amax()) < CURRENT_LIMIT)
