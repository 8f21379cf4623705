"""Weights times a factor per channel, quantised as ``quantize_8bit`` does, in one pass.

The values have the bits of lava-dl's, the gradients are to float rounding: straight through the
rounding, none where 8 bits end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from loihi_sca.slayer.dynamics import threads
from loihi_sca.slayer.dynamics.affine import nearest
from loihi_sca.slayer.dynamics.jit import entry_point
from loihi_sca.slayer.dynamics.tiles import Array
from loihi_sca.slayer.lava import slayer

_STEPS = np.float32(32)
"""In a weight of 1: it is even in units of 1/64."""

_LOWEST, _HIGHEST = np.float32(-128), np.float32(127)

_W_SCALE = 64

_BLOCK = 64
"""Sums side by side, of every so many terms."""


def applies(hook: Any, weight: torch.Tensor) -> bool:
    """Tell whether a synapse's hook is ``quantize_8bit``, and there are loops for its weight."""
    neuron = getattr(hook, "__self__", None)
    return (
        getattr(hook, "__func__", None) is slayer.neuron.base.Neuron.quantize_8bit
        and getattr(neuron, "w_scale", None) == _W_SCALE
        and weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and weight.is_contiguous()
    )


def quantised(weight: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Return ``quantize_8bit(factor weight)``, of a weight (C, ...) and a factor (C,)."""
    result: torch.Tensor = _Quantise.apply(weight, factor)  # type: ignore[no-untyped-call]
    return result


class _Quantise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(weight, factor)
        out = torch.empty_like(weight)
        arrays = (_lines(weight), factor.detach().contiguous().numpy(), _lines(out))
        threads.run(_quantise, weight.numel(), threads.CHUNKS, *arrays)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        weight, factor = ctx.saved_tensors
        of_weight, of_factor = torch.empty_like(weight), torch.empty(len(factor))
        threads.run(
            _pass_on, weight.numel(), threads.CHUNKS, _lines(gradient.contiguous()),
            _lines(weight), factor.detach().contiguous().numpy(), _lines(of_weight),
            of_factor.numpy(),
        )  # fmt: skip
        return of_weight, of_factor


def _lines(values: torch.Tensor) -> Any:
    return values.detach().view(len(values), -1).numpy()


@entry_point
def _quantise(sources: str) -> Callable[..., None]:
    """Return the kernel that quantises."""

    def quantise(
        first: int, last: int, chunks: int, weight: Array, factor: Array, out: Array
    ) -> None:
        """Write the channels of a range of chunks."""
        _ = sources
        count = len(weight)
        for channel in range(first * count // chunks, last * count // chunks):
            scale, row, out_row = factor[channel], weight[channel], out[channel]
            for j in range(len(row)):
                # rounded once, as a product of its own is
                steps = nearest(np.float32(np.float32(row[j] * scale) * _STEPS))
                steps = _LOWEST if steps < _LOWEST else steps
                steps = _HIGHEST if steps > _HIGHEST else steps
                out_row[j] = steps / _STEPS

    return quantise


@entry_point
def _pass_on(sources: str) -> Callable[..., None]:
    """Return the kernel of the gradients."""

    def pass_on(
        first: int, last: int, chunks: int, gradient: Array, weight: Array, factor: Array,
        of_weight: Array, of_factor: Array,
    ) -> None:  # fmt: skip
        """Write those of the channels of a range of chunks."""
        _ = sources
        count = len(weight)
        for channel in range(first * count // chunks, last * count // chunks):
            scale, row, given = factor[channel], weight[channel], gradient[channel]
            out_row, total = of_weight[channel], 0.0
            sums = np.zeros(_BLOCK, np.float32)
            for start in range(0, len(row), _BLOCK):
                used = min(_BLOCK, len(row) - start)
                part, given_, out_ = row[start:], given[start:], out_row[start:]
                for j in range(used):
                    steps = nearest(np.float32(np.float32(part[j] * scale) * _STEPS))
                    held = _LOWEST <= steps and steps <= _HIGHEST
                    passed = given_[j] if held else np.float32(0)
                    out_[j] = passed * scale
                    sums[j] += passed * part[j]
            for j in range(_BLOCK):
                total += sums[j]
            of_factor[channel] = total

    return pass_on
