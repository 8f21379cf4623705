"""Synapses in torch's graph that keep spikes as bits and sum over events where that is faster.

Forwards they have the bits of torch's dense operations: events are summed only where no sum rounds.
The gradient of the input is torch's own, of the weights equal to float rounding, and for any number
of threads the same where it is summed over events.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.nn import functional

from loihi_sca.slayer.dynamics.events import choice, forward, gradient
from loihi_sca.slayer.dynamics.events.bits import Bits, packed
from loihi_sca.slayer.dynamics.events.exact import peak_steps
from loihi_sca.slayer.dynamics.events.geometry import Geometry


class Dense(Protocol):
    """A linear operation on rows [B, ..., C] as torch computes it."""

    def geometry(self, shape: torch.Size, weight: torch.Tensor) -> Geometry:
        """Return the sizes for values of a shape."""

    def forward(self, rows: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Return the weighted rows."""

    def of_input(
        self, shape: torch.Size, gradient: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        """Return the gradient of rows of a shape."""

    def of_weight(
        self, rows: torch.Tensor, gradient: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        """Return the gradient of the weight."""


@dataclass(frozen=True)
class Convolution:
    """Slides a kernel (out, in, kh, kw) over images [B, H, W, C]."""

    stride: tuple[int, int]
    padding: tuple[int, int]

    def geometry(self, shape: torch.Size, weight: torch.Tensor) -> Geometry:
        """See :class:`Dense`."""
        images, in_h, in_w, in_c = shape
        out_c, _, kernel_y, kernel_x = weight.shape
        stride_y, stride_x = self.stride
        pad_y, pad_x = self.padding
        return Geometry(
            images, in_h, in_w, in_c,
            (in_h + 2 * pad_y - kernel_y) // stride_y + 1,
            (in_w + 2 * pad_x - kernel_x) // stride_x + 1,
            out_c, kernel_y, kernel_x, stride_y, stride_x, pad_y, pad_x,
        )  # fmt: skip

    def forward(self, rows: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """See :class:`Dense`."""
        images = rows.permute(0, 3, 1, 2)
        weighted = functional.conv2d(images, weight, None, self.stride, self.padding)
        return weighted.permute(0, 2, 3, 1).contiguous()

    def of_input(
        self, shape: torch.Size, gradient: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        """See :class:`Dense`."""
        # torch asks the images for nothing but their shape, and pages that nobody touches are free
        untouched = mmap.mmap(-1, max(shape.numel() * gradient.element_size(), 1))
        images = torch.frombuffer(untouched, dtype=gradient.dtype, count=shape.numel()).view(shape)
        images = images.permute(0, 3, 1, 2)
        found = self._backward(gradient, images, weight, [True, False, False])[0]
        return found.permute(0, 2, 3, 1)

    def of_weight(
        self, rows: torch.Tensor, gradient: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        """See :class:`Dense`."""
        images = rows.permute(0, 3, 1, 2)
        return self._backward(gradient, images, weight, [False, True, False])[1]

    def _backward(
        self, gradient: torch.Tensor, images: torch.Tensor, weight: torch.Tensor, wanted: list[bool]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        found: tuple[torch.Tensor, torch.Tensor, None] = torch.ops.aten.convolution_backward(  # type: ignore[attr-defined]
            gradient.permute(0, 3, 1, 2), images, weight, None, self.stride, self.padding, (1, 1),
            False, (0, 0), 1, wanted,
        )  # fmt: skip
        return found[:2]


class Product:
    """Multiplies rows [B, in] by a table (out, in)."""

    def geometry(self, shape: torch.Size, weight: torch.Tensor) -> Geometry:
        """See :class:`Dense`."""
        rows, channels = shape
        return Geometry(rows, 1, 1, channels, 1, 1, len(weight), 1, 1, 1, 1, 0, 0)

    def forward(self, rows: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """See :class:`Dense`."""
        return functional.linear(rows, weight)

    def of_input(
        self, shape: torch.Size, gradient: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        """See :class:`Dense`."""
        return gradient @ weight

    def of_weight(
        self, rows: torch.Tensor, gradient: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        """See :class:`Dense`."""
        return gradient.t() @ rows


def weigh(rows: torch.Tensor, weight: torch.Tensor, dense: Dense) -> torch.Tensor:
    """Return weighted rows, [B, ..., out] of contiguous [B, ..., in].

    Parameters
    ----------
    rows : tensor
        Spikes, if events are to be found; anything is computed.
    weight : tensor (out, in, ...)
        The weights.
    dense : Dense
        The operation.
    """
    geometry = dense.geometry(rows.shape, weight)
    bits = packed(rows) if choice.may_pay(rows, geometry) else None
    if bits is None or not choice.pays(bits, geometry):
        return dense.forward(rows, weight)
    weighted: torch.Tensor = _Weigh.apply(  # type: ignore[no-untyped-call]
        rows, weight, dense, bits, geometry
    )
    return weighted


class _Weigh(torch.autograd.Function):
    """Keeps the bits, chooses the ways."""

    @staticmethod
    def forward(
        ctx: Any,
        rows: torch.Tensor,
        weight: torch.Tensor,
        dense: Dense,
        bits: Bits,
        geometry: Geometry,
    ) -> torch.Tensor:
        ctx.dense, ctx.bits, ctx.geometry = dense, bits, geometry
        ctx.save_for_backward(weight)
        peak = peak_steps(weight) if choice.FORWARD.pays(bits, geometry) else None
        if peak is not None and peak <= forward.LARGEST:
            weighted = forward.weighted(bits, _kernel(weight), geometry, peak)
            return weighted if rows.dim() == 4 else weighted.flatten(0, 2)
        return dense.forward(rows, weight)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient_: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        bits, dense, rows = ctx.bits, ctx.dense, gradient_.contiguous()
        of_input = of_weight = None
        if ctx.needs_input_grad[0]:
            of_input = dense.of_input(bits.shape, rows, weight)
        if ctx.needs_input_grad[1]:
            if choice.GRADIENT.pays(bits, ctx.geometry):
                of_weight = gradient.of_weight(bits, rows, ctx.geometry).view_as(weight)
            else:
                of_weight = dense.of_weight(bits.unpacked(), rows, weight)
        return of_input, of_weight, None, None, None


def _kernel(weight: torch.Tensor) -> torch.Tensor:
    """Return a weight as a kernel (out, in, kh, kw)."""
    return weight if weight.dim() == 4 else weight[:, :, None, None]
