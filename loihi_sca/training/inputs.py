"""Samples as a model is given them."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch


def as_input(steps: npt.NDArray[Any], timesteps: int, device: torch.device) -> torch.Tensor:
    """Return samples as a float32 tensor (N, C, ..., T).

    Parameters
    ----------
    steps : array (N, C, ..., T) or (N, C, ..., 1)
        All steps, or the one that all are like: it is not repeated in memory, and a synapse weighs
        it once (:meth:`loihi_sca.model.normed.Normed.current`).
    timesteps : int
        Steps T.
    device : torch.device
        Where to.
    """
    given = torch.from_numpy(steps).to(device).float()
    return given.expand(*given.shape[:-1], timesteps)
