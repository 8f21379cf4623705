"""Spikes that arrive late."""

from __future__ import annotations

import numpy as np

from loihi_sca.network import IntArray


def later(spikes: IntArray, steps: int) -> IntArray:
    """Shift (..., T) by some timesteps; what leaves the end is lost, zeros enter."""
    shifted = np.zeros_like(spikes)
    shifted[..., steps:] = spikes[..., : spikes.shape[-1] - steps] if steps else spikes
    return shifted


def later_by_channel(spikes: IntArray, delay: IntArray | None) -> IntArray:
    """Shift the spikes (N, C, ..., T) of each channel by its own delay."""
    if delay is None:
        return spikes
    late = [later(spikes[:, c], min(int(d), spikes.shape[-1])) for c, d in enumerate(delay)]
    return np.stack(late, axis=1)
