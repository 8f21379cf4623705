"""Which sweeps run on which device."""

from __future__ import annotations

import logging
from functools import cache

import torch

from loihi_sca.slayer.dynamics import cuda, sweep
from loihi_sca.slayer.dynamics.sweeping import Sweeps

_log = logging.getLogger(__name__)


def sweeps_on(device: torch.device) -> Sweeps | None:
    """Return the sweeps for tensors on a device, None if there are none."""
    if device.type == "cpu":
        return sweep
    return _on_cuda() if device.type == "cuda" else None


@cache
def _on_cuda() -> Sweeps | None:
    reason = cuda.obstacle()
    if reason is not None:
        _log.warning("neurons run on CUDA in 64-bit integers, step by step: slow. %s", reason)
        return None
    from loihi_sca.slayer.dynamics.cuda import sweep as cuda_sweep

    return cuda_sweep
