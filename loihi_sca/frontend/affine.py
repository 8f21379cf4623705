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


def affine_that_varies(norm: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return :func:`affine_of`, and which channels' currents were seen to vary.

    The others were nothing but their mean, which the norm takes away: no factor, and beta.

    Returns
    -------
    factor, shift : tensor (C,)
    varies : bool tensor (C,)
    """
    (factor, shift), varies = affine_of(norm), norm.running_var > 0
    none = torch.zeros_like(factor)
    beta = norm.bias.detach().double() if norm.affine else none
    return torch.where(varies, factor, none), torch.where(varies, shift, beta), varies
