"""A convolution on CUDA whose result is what the integers say.

cuDNN may compute in TF32, which cuts gradients to ten bits, and picks algorithms (Winograd, FFT)
that round even sums which would be exact. So it is told to compute in float32 by a deterministic
algorithm, forwards and backwards, whatever the process has set for itself; and where spikes are
whole and weights multiples of 1/32, so is the result, and what the algorithm rounded is put right.
Matrix products need none of that: torch computes them in float32 unless told otherwise, and in
whatever order they are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch.nn import functional

GRID = 32
"""Quantised weights are multiples of ``1 / GRID``."""


def convolve(
    images: torch.Tensor,
    weight: torch.Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> torch.Tensor:
    """Return ``conv2d(images, weight)``; see there."""
    result: torch.Tensor = _Convolution.apply(  # type: ignore[no-untyped-call]
        images, weight, stride, padding, dilation, groups
    )
    return result


class _Convolution(torch.autograd.Function):
    """A convolution under :func:`_exactly`, in both directions."""

    @staticmethod
    def forward(
        ctx: Any, images: torch.Tensor, weight: torch.Tensor, *geometry: Any
    ) -> torch.Tensor:
        ctx.save_for_backward(images, weight)
        ctx.geometry = geometry
        with _exactly():
            return snapped(functional.conv2d(images, weight, None, *geometry), images, weight)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.geometry
        wanted = [*ctx.needs_input_grad[:2], False]
        with _exactly():
            of_images, of_weight, _ = torch.ops.aten.convolution_backward(  # type: ignore[attr-defined]
                gradient, images, weight, None, stride, padding, dilation, False, [0, 0], groups,
                wanted,
            )  # fmt: skip
        return of_images, of_weight, None, None, None, None


def _exactly() -> AbstractContextManager[None]:
    """Let cuDNN compute in float32, the same every time."""
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags


def snapped(weighted: torch.Tensor, spikes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Round sums to multiples of 1/32 if that is what they are; the device decides, unasked."""
    exact = _is_whole(spikes) & _is_whole(weight * GRID)
    return torch.where(exact, torch.round(weighted * GRID) / GRID, weighted)


def _is_whole(values: torch.Tensor) -> torch.Tensor:
    return (values == torch.round(values)).all()
