"""Layers of a graph of others, in floating point, per time step: what is quantised and compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.network import Pair, Shape
from loihi_sca.network.sliding import window_size

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Synapses:
    """Dense or convolutional synapses.

    Attributes
    ----------
    names : tuple of str
        Nodes that they come from.
    in_shape : tuple of int
        ``(C, H, W)`` or ``(N,)``.
    weight : float array (N_out, N_in) or (C_out, C_in / groups, Kh, Kw)
    bias : float array (C_out,)
        Added to what arrives, at every time step.
    stride, padding, dilation : pair of int
    groups : int
    pools : bool
        Whether they are a pool and nothing else, so that other synapses can be folded in.
    """

    names: tuple[str, ...]
    in_shape: Shape
    weight: FloatArray
    bias: FloatArray
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    pools: bool = False

    @property
    def is_dense(self) -> bool:
        """Whether all inputs reach all outputs."""
        return self.weight.ndim == 2

    @property
    def out_shape(self) -> Shape:
        """Shape of what they give."""
        if self.is_dense:
            return (len(self.weight),)
        height, width = (
            window_size(
                self.in_shape[1 + axis], self.weight.shape[2 + axis], self.stride[axis],
                self.padding[axis], self.dilation[axis],
            )
            for axis in (0, 1)
        )  # fmt: skip
        return len(self.weight), height, width

    def scaled(self, factor: FloatArray) -> Synapses:
        """Return them with outputs multiplied, by one number or one per channel."""
        rows = factor.reshape(-1, *[1] * (self.weight.ndim - 1)) if factor.ndim else factor
        return replace(self, weight=self.weight * rows, bias=self.bias * factor)

    def apply(self, spikes: FloatArray) -> FloatArray:
        """Return what spikes (M, *in_shape) make arrive, (M, *out_shape)."""
        count = len(spikes)
        if self.is_dense:
            return spikes.reshape(count, -1) @ self.weight.T + self.bias
        (ph, pw), (dh, dw), (sh, sw) = self.padding, self.dilation, self.stride
        padded = np.pad(spikes, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
        channels, height, width = self.out_shape
        out = np.zeros((count, self.groups, channels // self.groups, height, width))
        grouped = self.weight.reshape(self.groups, -1, *self.weight.shape[1:])
        for y, x in np.ndindex(*self.weight.shape[2:]):
            top, left = y * dh, x * dw
            seen = padded[
                :,
                :,
                top : top + sh * (height - 1) + 1 : sh,
                left : left + sw * (width - 1) + 1 : sw,
            ]
            seen = seen.reshape(count, self.groups, -1, height, width)
            out += np.einsum("ngihw,goi->ngohw", seen, grouped[..., y, x], optimize=True)
        whole = out.reshape(count, channels, height, width)
        return whole + self.bias[:, None, None]


@dataclass(frozen=True)
class FloatLayer:
    """Synapses and their neurons, per time step.

    ``u[t] = current_left u[t-1] + z[t]``, ``v[t] = voltage_left v[t-1] + u[t] + leak``, a spike
    above the threshold, and a reset. Numbers of neurons are one per channel.

    Attributes
    ----------
    name : str
        Of the node of its neurons.
    synapses : Synapses
        With the neuron's gain in their weights and bias.
    current_left, voltage_left : float array (C,)
        Share that is left after a time step; 0 for a current that does not last.
    leak : float array (C,)
        Added to the voltage at every time step.
    threshold : float array (C,)
    gain : float array (C,)
        What the weights were multiplied with.
    delay : int array (N_in,) or None
        Time steps by which spikes of inputs are late.
    subtracts : bool
        The threshold is subtracted, where the chip sets the voltage to 0.
    fires_at : bool
        It fires at the threshold, not only above.
    """

    name: str
    synapses: Synapses
    current_left: FloatArray
    voltage_left: FloatArray
    leak: FloatArray
    threshold: FloatArray
    gain: FloatArray
    delay: npt.NDArray[np.int64] | None = None
    subtracts: bool = False
    fires_at: bool = False

    def run(self, spikes: npt.NDArray[Any], *, subtract: bool | None = None) -> FloatArray:
        """Return the spikes (N, *out_shape, T) that spikes (N, *in_shape, T) cause.

        ``subtract`` overrides how the neurons are reset.
        """
        arriving = np.moveaxis(self._late(np.asarray(spikes, np.float64)), -1, 0)
        steps, samples = arriving.shape[:2]
        input_ = self.synapses.apply(arriving.reshape(steps * samples, *self.synapses.in_shape))
        input_ = input_.reshape(steps, samples, *self.synapses.out_shape)
        current, voltage = np.zeros(input_.shape[1:]), np.zeros(input_.shape[1:])
        wide = (-1, *[1] * (len(self.synapses.out_shape) - 1))
        keep, leave = self.current_left.reshape(wide), self.voltage_left.reshape(wide)
        leak, threshold = self.leak.reshape(wide), self.threshold.reshape(wide)
        subtract = self.subtracts if subtract is None else subtract
        sent = np.zeros(input_.shape)
        for step in range(steps):
            current = keep * current + input_[step]
            voltage = leave * voltage + current + leak
            fired = voltage >= threshold if self.fires_at else voltage > threshold
            voltage = np.where(fired, voltage - threshold if subtract else 0.0, voltage)
            sent[step] = fired
        return np.moveaxis(sent, 0, -1)

    def _late(self, spikes: FloatArray) -> FloatArray:
        if self.delay is None:
            return spikes
        flat = spikes.reshape(len(spikes), -1, spikes.shape[-1])
        late = np.zeros_like(flat)
        for index, delay in enumerate(self.delay):
            if delay < flat.shape[-1]:
                late[:, index, delay:] = flat[:, index, : flat.shape[-1] - delay]
        return late.reshape(spikes.shape)
