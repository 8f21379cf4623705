"""Layers that slide a window over a map: convolution and pooling."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from loihi_sca.errors import NetworkError
from loihi_sca.network.layers import Layer
from loihi_sca.network.sliding import window_size
from loihi_sca.network.values import IntArray, Pair, Shape, as_ints, check_whole


@dataclass(frozen=True, eq=False, repr=False)
class Window(Layer):
    """A layer that slides a window over a map; base of :class:`Conv` and :class:`Pool`.

    Attributes
    ----------
    weight : int array
        Its last two axes are the kernel ``(Kh, Kw)``.
    stride, padding, dilation : pair of int
        ``(vertical, horizontal)``.
    """

    adds = True
    weight: IntArray
    _: KW_ONLY
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)

    @override
    def _check(self) -> None:
        if len(self.in_shape) != 3:
            raise NetworkError(f"{self.name} needs input (C, H, W), got {self.in_shape}.")
        for what, low in (("stride", 1), ("padding", 0), ("dilation", 1)):
            pair = tuple(getattr(self, what))
            if len(pair) != 2:
                raise NetworkError(f"{self.name}: {what} must be a pair, got {pair}.")
            for n in pair:
                check_whole(self.name, what, n, low=low)
            self._freeze(what, (int(pair[0]), int(pair[1])))
        if min(self._out_size(axis) for axis in range(2)) < 1:
            raise NetworkError(
                f"{self.name}: a {self.kernel[0]}x{self.kernel[1]} window with dilation "
                f"{self.dilation} does not fit input {self.in_shape} with padding {self.padding}."
            )

    @property
    @override
    def parameters(self) -> int:
        return self.weight.size

    @property
    def kernel(self) -> Pair:
        """``(Kh, Kw)``."""
        height, width = self.weight.shape[-2:]
        return int(height), int(width)

    @property
    def out_channels(self) -> int:
        """Channels it gives."""
        raise NotImplementedError

    @property
    @override
    def out_shape(self) -> Shape:
        return self.out_channels, self._out_size(0), self._out_size(1)

    def _out_size(self, axis: int) -> int:
        return window_size(
            self.in_shape[1 + axis], self.kernel[axis], self.stride[axis], self.padding[axis],
            self.dilation[axis],
        )  # fmt: skip

    @override
    def fan_out(self) -> npt.NDArray[np.int64]:
        counts = []
        for axis, size in enumerate(self.in_shape[1:]):
            starts = np.arange(self._out_size(axis)) * self.stride[axis] - self.padding[axis]
            taps = starts[:, None] + np.arange(self.kernel[axis]) * self.dilation[axis]
            inside = taps[(taps >= 0) & (taps < size)]
            counts.append(np.bincount(inside, minlength=size).astype(np.int64))
        windows = np.multiply.outer(counts[0], counts[1])
        channels_reached = self.out_channels // self._groups
        return np.broadcast_to(windows * channels_reached, self.in_shape).astype(np.int64)

    @property
    def _groups(self) -> int:
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False)
class Conv(Window):
    """Two-dimensional cross-correlation followed by a neuron.

    Attributes
    ----------
    weight : int array (C_out, C_in / groups, Kh, Kw)
        Synaptic weights.
    bias : int array (C_out,) or None
        Bias mantissa per channel, added to the voltage at every timestep.
    groups : int
        Input and output channels fall into this many separate blocks.
    """

    bias: IntArray | None = field(kw_only=True, default=None)
    groups: int = field(kw_only=True, default=1)

    @override
    def _check(self) -> None:
        self._freeze("weight", as_ints(self.name, "weight", self.weight, ndim=4))
        super()._check()
        c_out, c_in_group = self.weight.shape[:2]
        check_whole(self.name, "groups", self.groups, low=1)
        if c_in_group * self.groups != self.in_shape[0] or c_out % self.groups:
            raise NetworkError(
                f"{self.name}: weight {self.weight.shape} with groups={self.groups} takes "
                f"{c_in_group * self.groups} input channels, but {self.in_shape[0]} arrive "
                f"(and {c_out} output channels must divide into the groups)."
            )
        self._freeze_bias(self.bias, c_out)

    @property
    @override
    def parameters(self) -> int:
        return self.weight.size + (0 if self.bias is None else self.bias.size)

    @property
    @override
    def out_channels(self) -> int:
        return int(self.weight.shape[0])

    @property
    @override
    def _groups(self) -> int:
        return self.groups


@dataclass(frozen=True, eq=False, repr=False)
class Pool(Window):
    """Weighted sum over a window, each channel by itself; lowered to a depthwise :class:`Conv`.

    Attributes
    ----------
    weight : int array (Kh, Kw)
        Synaptic weights, shared by all channels.
    """

    @override
    def _check(self) -> None:
        self._freeze("weight", as_ints(self.name, "weight", self.weight, ndim=2))
        super()._check()

    @property
    @override
    def out_channels(self) -> int:
        return self.in_shape[0]

    @property
    @override
    def _groups(self) -> int:
        return self.in_shape[0]
