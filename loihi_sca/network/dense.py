"""Layers of all-to-all synapses: plain, recurrent, and of complex weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from loihi_sca.errors import NetworkError
from loihi_sca.network.layers import Layer
from loihi_sca.network.values import IntArray, Shape, as_ints


@dataclass(frozen=True, eq=False, repr=False)
class Dense(Layer):
    """All-to-all synapses followed by a neuron; spatial input is flattened in C-major order.

    Attributes
    ----------
    weight : int array (N_out, N_in)
        Synaptic weights.
    bias : int array (N_out,) or None
        Bias mantissa, added to the voltage at every timestep.
    delay : int array (N_out, N_in) or None
        Synaptic delay in timesteps: a spike at ``t`` acts at ``t + delay``.
    """

    adds = True
    weight: IntArray
    bias: IntArray | None = field(kw_only=True, default=None)
    delay: IntArray | None = field(kw_only=True, default=None)

    @override
    def _check(self) -> None:
        self._freeze("weight", as_ints(self.name, "weight", self.weight, ndim=2))
        n_in = math.prod(self.in_shape)
        if self.weight.shape[1] != n_in:
            raise NetworkError(
                f"{self.name}: weight {self.weight.shape} takes {self.weight.shape[1]} inputs, "
                f"but {n_in} arrive from shape {self.in_shape}."
            )
        self._freeze_bias(self.bias, int(self.weight.shape[0]))
        if self.delay is not None:
            delay = as_ints(self.name, "delay", self.delay, low=0, shape=self.weight.shape)
            self._freeze("delay", delay)

    @property
    @override
    def parameters(self) -> int:
        return self.weight.size + (0 if self.bias is None else self.bias.size)

    @property
    @override
    def out_shape(self) -> Shape:
        return (int(self.weight.shape[0]),)

    @override
    def fan_out(self) -> npt.NDArray[np.int64]:
        return np.full(self.in_shape, self.weight.shape[0], dtype=np.int64)


@dataclass(frozen=True, eq=False, repr=False)
class Recurrent(Dense):
    """All-to-all synapses from the layer before and from the layer itself, followed by a neuron.

    What it sends at ``t`` comes back to its neurons at ``t + 1``, beside what arrives then from
    outside. An axon delay makes its spikes late for the next layer, not for itself; synaptic delays
    are not simulated.

    Attributes
    ----------
    feedback : int array (N_out, N_out)
        Weights of its own spikes, one row per neuron that receives them.
    """

    adds = False
    feedback: IntArray = field(kw_only=True)

    @override
    def _check(self) -> None:
        super()._check()
        own = (int(self.weight.shape[0]),) * 2
        self._freeze("feedback", as_ints(self.name, "feedback", self.feedback, shape=own))

    @property
    @override
    def parameters(self) -> int:
        return super().parameters + self.feedback.size


@dataclass(frozen=True, eq=False, repr=False)
class ComplexDense(Layer):
    """All-to-all synapses of complex weights, followed by resonators; maps are flattened, C-major.

    Attributes
    ----------
    real, imag : int array (N_out, N_in)
        What a spike adds to the two parts of the state.
    """

    real: IntArray
    imag: IntArray

    @override
    def _check(self) -> None:
        size = (np.shape(self.real)[0] if np.ndim(self.real) else 0, math.prod(self.in_shape))
        for name in ("real", "imag"):
            self._freeze(name, as_ints(self.name, name, getattr(self, name), shape=size))

    @property
    @override
    def parameters(self) -> int:
        return self.real.size + self.imag.size

    @property
    @override
    def out_shape(self) -> Shape:
        return (int(self.real.shape[0]),)

    @override
    def fan_out(self) -> npt.NDArray[np.int64]:
        return np.full(self.in_shape, 2 * self.real.shape[0], dtype=np.int64)
