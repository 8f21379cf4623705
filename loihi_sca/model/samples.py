"""Samples that a user gives for a model to run on."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from loihi_sca.errors import InputError, UnsupportedLayer


def as_sample(sample: Any) -> torch.Tensor:
    """Return a sample of torch or NumPy, of any type, as float32.

    Raises
    ------
    InputError
        It is no array (N, *in_shape, T), or holds none.
    """
    array = sample if isinstance(sample, torch.Tensor) else np.asarray(sample)
    if array.ndim < 3 or 0 in array.shape or array.dtype in (object, str):
        raise InputError(
            f"a sample of shape {tuple(array.shape)}: must be (N, *in_shape, T), samples first and "
            "time last, at least one of each. One sample alone is sample[None]."
        )
    return torch.as_tensor(array).detach().float()


def forward_fails(model: torch.nn.Module, sample: torch.Tensor, error: Exception) -> Exception:
    """Return the error for a forward pass that fails on a sample."""
    said = f"{type(error).__name__}: {error}".rstrip(". \n")
    return UnsupportedLayer(
        f"{type(model).__name__}: its forward pass fails on a sample of shape "
        f"{tuple(sample.shape)}: {said}",
        "Give a sample (N, *in_shape, T) on which the model runs in evaluation mode.",
    )
