"""Convolutions, linear layers and pools as weights in floats, before they become integers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from loihi_sca.frontend.affine import affine_of
from loihi_sca.frontend.spikingjelly.quantise import Floats
from loihi_sca.model.quiet import has_a_say
from loihi_sca.network import Shape
from loihi_sca.problems import Problem

DIVIDES = "Pool with stride = kernel and no padding, on a size that the kernel divides."


@dataclass(frozen=True)
class Synapses:
    """Weights that wait for the neurons behind them.

    Attributes
    ----------
    name, kind : str
        Kind is ``conv``, ``dense`` or ``pool``.
    in_shape : tuple of int
    weight : float array
        As of :class:`loihi_sca.network.Conv`, Dense or Pool.
    bias : float array (C_out,) or None
    options : dict
        Stride, padding, dilation, groups.
    dtype : torch.dtype
        In which the model computes.
    lessened : tuple of int
        Channels whose weights are smaller than a norm makes them, see :meth:`with_norm`.
    """

    name: str
    kind: str
    in_shape: Shape
    weight: Floats
    bias: Floats | None = None
    options: dict[str, Any] = field(default_factory=dict)
    dtype: torch.dtype = torch.float32
    lessened: tuple[int, ...] = ()

    def with_norm(self, norm: Any) -> Synapses:
        """Fold a batch norm in.

        Where a channel's current hardly ever varied, the norm multiplies what is left of it, which
        is next to nothing. Its weights would be so large that a scale at which they fit leaves all
        others none: there the norm multiplies less, and gives the same at the mean.
        """
        factor, shift = map(_floats, affine_of(norm))
        weight = self.weight * _per_channel(factor, self.weight)
        bias = shift if self.bias is None else self.bias * factor + shift
        less = _lessened(weight, norm)
        center = _floats(norm.bias) if norm.affine else np.zeros_like(factor)
        return replace(
            self,
            weight=weight * _per_channel(less, weight),
            bias=np.where(less < 1, center + (bias - center) * less, bias),
            lessened=tuple(sorted({*self.lessened, *np.flatnonzero(less < 1).tolist()})),
        )


def _per_channel(values: Floats, weight: Floats) -> Floats:
    return values.reshape(-1, *[1] * (weight.ndim - 1))


def _lessened(weight: Floats, norm: Any) -> Floats:
    """Return what to multiply each channel with, so that those that hardly vary are no peaks."""
    counts = has_a_say(norm.running_var.double(), norm.eps).cpu().numpy()
    peaks = np.abs(weight).reshape(len(weight), -1).max(axis=1)
    most = peaks[counts].max(initial=0.0)
    less = np.ones(len(weight))
    above = ~counts & (peaks > most)
    if most > 0:
        less[above] = most / peaks[above]
    return less


def conv_of(name: str, conv: Any, shape: Shape) -> Synapses:
    """Return a Conv2d's weights."""
    padding = conv.padding
    if padding == "valid":
        padding = (0, 0)
    elif padding == "same":
        padding = tuple(
            d * (k - 1) // 2 for k, d in zip(conv.kernel_size, conv.dilation, strict=True)
        )
    options = {
        "stride": conv.stride, "padding": padding, "dilation": conv.dilation, "groups": conv.groups,
    }  # fmt: skip
    bias = None if conv.bias is None else _floats(conv.bias)
    weight = _floats(conv.weight)
    return Synapses(name, "conv", shape, weight, bias, options, conv.weight.dtype)


def conv_problems(name: str, conv: Any, shape: Shape) -> Iterator[Problem]:
    """Yield what keeps a Conv2d from the chip."""
    if conv.padding_mode != "zeros":
        yield Problem(
            name, f"padding_mode={conv.padding_mode!r}, and a map on the chip ends with zeros",
            "Use 'zeros'.",
        )  # fmt: skip
    uneven = any(d * (k - 1) % 2 for k, d in zip(conv.kernel_size, conv.dilation, strict=True))
    if conv.padding == "same" and uneven:
        yield Problem(
            name, f"padding='same' with kernel {conv.kernel_size} pads more at one end",
            "Use an odd kernel.",
        )  # fmt: skip
    if len(shape) != 3:
        yield Problem(
            name, f"it takes a map, and spikes of shape {shape} arrive", "Give (C, H, W)."
        )  # fmt: skip


def value_problems(synapses: Synapses) -> Iterator[Problem]:
    """Yield that weights or biases, a norm folded in, are no numbers."""
    held = [synapses.weight] if synapses.bias is None else [synapses.weight, synapses.bias]
    if odd := sum(int(np.sum(~np.isfinite(values))) for values in held):
        size = sum(values.size for values in held)
        yield Problem(
            synapses.name,
            f"{odd} of its {size} weights or biases, with the norm behind them, are not finite",
            "Training has diverged, or the checkpoint is damaged; take an earlier state, or a "
            "lower learning rate.",
        )


def dense_of(name: str, linear: Any, shape: Shape) -> Synapses:
    """Return a Linear's weights."""
    bias = None if linear.bias is None else _floats(linear.bias)
    return Synapses(name, "dense", shape, _floats(linear.weight), bias, {}, linear.weight.dtype)


def dense_problems(name: str, linear: Any, shape: Shape) -> Iterator[Problem]:
    """Yield what keeps a Linear from the chip."""
    inputs = math.prod(shape)
    if linear.in_features != inputs:
        rows = linear.in_features == shape[-1]
        yield Problem(
            name,
            f"it takes {linear.in_features} inputs, but {inputs} arrive in shape {shape}"
            + (", to whose rows it is applied one by one" if rows else ""),
            "Put a Flatten before it." if rows else "Give input_shape as the model takes it.",
        )


@dataclass(frozen=True)
class Window:
    """Where a pool looks.

    Attributes
    ----------
    kernel, stride, padding, dilation : pair of int
    divisor : float
        Of the sum, for an average.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    divisor: float = 1.0


def window_of(kind: str, pool: Any, shape: Shape) -> Window:
    """Return where a pool looks; :func:`pool_problems` has found nothing."""
    if kind == "AdaptiveAvgPool2d":
        kernel = tuple(n // m for n, m in zip(shape[1:], _out_size(pool, shape), strict=True))
        return Window(kernel, kernel, divisor=float(math.prod(kernel)))  # type: ignore[arg-type]
    kernel, padding = _pair(pool.kernel_size), _pair(pool.padding)
    stride = _pair(pool.stride)
    if kind == "MaxPool2d":
        return Window(kernel, stride, padding, _pair(pool.dilation))
    return Window(kernel, stride, padding, divisor=pool.divisor_override or math.prod(kernel))


def pool_problems(name: str, kind: str, pool: Any, shape: Shape) -> Iterator[Problem]:
    """Yield what keeps a pool from the chip."""
    if len(shape) != 3:
        yield Problem(name, f"it pools a map, and shape {shape} arrives", "Give (C, H, W).")
    elif kind == "AdaptiveAvgPool2d":
        size = _out_size(pool, shape)
        if any(n % m for n, m in zip(shape[1:], size, strict=True)):
            yield Problem(
                name, f"it pools {shape[1:]} to {size}, with windows of several sizes", DIVIDES
            )
    elif pool.ceil_mode and _ends_beyond(window_of(kind, pool, shape), shape):
        yield Problem(
            name, "ceil_mode=True lets a window end beyond the map", "Use a size that fits."
        )
    elif kind == "AvgPool2d" and not pool.count_include_pad and any(_pair(pool.padding)):
        yield Problem(
            name, "count_include_pad=False averages over fewer pixels at the border",
            "Use count_include_pad=True or no padding.",
        )  # fmt: skip
    elif kind == "MaxPool2d" and pool.return_indices:
        yield Problem(name, "it returns indices", "Use return_indices=False.")


def _ends_beyond(window: Window, shape: Shape) -> bool:
    return any(
        (n + 2 * p - d * (k - 1) - 1) % s
        for n, k, s, p, d in zip(
            shape[1:], window.kernel, window.stride, window.padding, window.dilation, strict=True
        )
    )


def pooled(name: str, window: Window, shape: Shape, dtype: torch.dtype) -> Synapses:
    """Return an average pool as weights of its own, for neurons straight behind it."""
    options = {"stride": window.stride, "padding": window.padding}
    weight = np.full(window.kernel, 1 / window.divisor)
    return Synapses(name, "pool", shape, weight, None, options, dtype)


def behind_pool(synapses: Synapses, window: Window, shape: Shape) -> Synapses:
    """Return the synapses that take what a pool takes, and give what was given behind it.

    Each weight is spread over the pixels of its window.
    """
    weight, (height, width) = synapses.weight, window.kernel
    if synapses.kind == "dense":
        size = (shape[1] // height, shape[2] // width)
        weight = weight.reshape(len(weight), shape[0], *size)
    spread = weight.repeat(height, axis=2).repeat(width, axis=3) / window.divisor
    if synapses.kind == "dense":
        return replace(synapses, in_shape=shape, weight=spread.reshape(len(weight), -1))
    options = {
        **synapses.options,
        **{
            what: tuple(n * k for n, k in zip(synapses.options[what], window.kernel, strict=True))
            for what in ("stride", "padding")
        },
    }
    return replace(synapses, in_shape=shape, weight=spread, options=options)


def behind_pool_problems(
    name: str, window: Window, shape: Shape, dilated: bool
) -> Iterator[Problem]:
    """Yield why an average pool cannot become part of the weights behind it."""
    sizes = list(zip(shape[1:], window.kernel, strict=True))
    if window.stride != window.kernel or any(window.padding) or any(n % k for n, k in sizes):
        yield Problem(
            name,
            f"with kernel {window.kernel}, stride {window.stride}, padding {window.padding} on "
            f"{shape[1:]} it is no part of the weights behind it",
            DIVIDES,
        )
    if dilated:
        yield Problem(
            name, "the convolution behind it is dilated, so that their product is no convolution",
            "Use dilation=1, or put neurons between them.",
        )  # fmt: skip


def after_pool(window: Window, shape: Shape) -> Shape:
    """Return the shape behind a pool."""
    sizes = (
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(
            shape[1:], window.kernel, window.stride, window.padding, window.dilation, strict=True
        )
    )
    return (shape[0], *sizes)


def _out_size(pool: Any, shape: Shape) -> tuple[int, int]:
    asked = pool.output_size if isinstance(pool.output_size, tuple) else (pool.output_size,) * 2
    size = (n if m is None else m for n, m in zip(shape[1:], asked, strict=True))
    return tuple(size)  # type: ignore[return-value]


def _pair(value: Any) -> tuple[int, int]:
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _floats(tensor: torch.Tensor) -> Floats:
    found: Floats = tensor.detach().cpu().double().numpy()
    return found
