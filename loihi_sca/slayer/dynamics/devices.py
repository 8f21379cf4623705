"""Which scans run on which device."""

from __future__ import annotations

import logging
from functools import cache

import torch

from loihi_sca.slayer.dynamics import cuda, scan
from loihi_sca.slayer.dynamics.scanning import Scans

_log = logging.getLogger(__name__)


def scans_on(device: torch.device) -> Scans | None:
    """Return the scans for tensors on a device, None if there are none."""
    if device.type == "cpu":
        return scan
    return _on_cuda() if device.type == "cuda" else None


@cache
def _on_cuda() -> Scans | None:
    reason = cuda.obstacle()
    if reason is not None:
        _log.warning("neurons run on CUDA in 64-bit integers, step by step: slow. %s", reason)
        return None
    from loihi_sca.slayer.dynamics.cuda import scan as cuda_scan

    return cuda_scan
