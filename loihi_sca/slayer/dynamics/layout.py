"""Time-first layout: tensors whose shape is lava-dl's and whose memory is not.

lava-dl's shape is (N, C, H, W, T) or (N, C, T). The kernels, and convolution with T folded into the
batch, want memory in the order T, N, H, W, C. Both are had at once: a tensor of lava-dl's shape
with permuted *strides*. Every consumer that does not care sees an ordinary tensor, and between our
blocks nothing is ever transposed.
"""

from __future__ import annotations

import torch


def rows(values: torch.Tensor) -> torch.Tensor:
    """Return (N, C, ..., T) as contiguous [T, N, ..., C]; a view if it is laid out time-first."""
    order = (values.dim() - 1, 0, *range(2, values.dim() - 1), 1)
    return values.permute(order).contiguous()


def from_rows(values: torch.Tensor) -> torch.Tensor:
    """Return [T, N, ..., C] in lava-dl's shape (N, C, ..., T), as a view."""
    return values.permute(1, values.dim() - 1, *range(2, values.dim() - 1), 0)


def empty(rows: torch.Tensor) -> torch.Tensor:
    """Return an uninitialised tensor (N, C, ..., T), time-first, for what is shaped like rows.

    Unlike :func:`from_rows` it is no view, so whoever gets it may change it in place.
    """
    target = from_rows(rows)
    return torch.empty_strided(target.shape, target.stride(), dtype=rows.dtype, device=rows.device)


def flat(values: torch.Tensor) -> torch.Tensor:
    """Return contiguous [T, N, ..., C] as [T, P]."""
    return values.view(values.shape[0], -1)


def is_constant(values: torch.Tensor) -> bool:
    """Tell whether a tensor (N, C, ..., T) is one timestep, expanded over time."""
    return values.shape[-1] > 1 and values.stride(-1) == 0
