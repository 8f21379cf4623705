"""What a batch norm of torch does in evaluation: times a factor, plus a shift."""

from __future__ import annotations

from typing import Any

import torch


def affine_of(norm: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a batch norm does in evaluation, ``factor x + shift``, in float64.

    ``gamma (x - mean) / sqrt(var + eps) + beta``, for each channel.

    Parameters
    ----------
    norm : torch batch norm
        With running statistics.

    Returns
    -------
    factor, shift : tensor (C,)
    """
    with torch.no_grad():
        factor = torch.rsqrt(norm.running_var.double() + norm.eps)
        shift = torch.zeros_like(factor)
        if norm.affine:
            factor, shift = factor * norm.weight.double(), norm.bias.double()
        return factor, shift - norm.running_mean.double() * factor
