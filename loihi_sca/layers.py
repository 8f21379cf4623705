"""Layers and neurons of the integer network.

Constructing one validates it and freezes its arrays. Spatial shapes are ``(C, H, W)``, flat ones
``(N,)``. What the numbers mean in time is defined by :mod:`loihi_sca.engine.reference`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from loihi_sca.errors import NetworkError
from loihi_sca.values import IntArray, Node, Pair, Shape, as_ints, as_shape, check_whole

MAX_DECAY = 4096
"""A decay of 4096/4096 forgets everything in one timestep."""

MAX_NEURONS = 100_000_000
"""Largest layer that is taken for a network and not for a damaged file."""


@dataclass(frozen=True, eq=False)
class Cuba(Node):
    """Current-based leaky integrate-and-fire neuron, hard reset to zero.

    ``u[t] = trunc(u[t-1] (4096 - du) / 4096) + 64 z[t]``,
    ``v[t] = trunc(v[t-1] (4096 - dv) / 4096) + u[t] + 64 bias``,
    ``s[t] = v[t] > 64 threshold``, and ``v[t] = 0`` where it spiked.

    Attributes
    ----------
    current_decay : int or int array (C,)
        ``du`` in 1/4096, 0 to 4096; an array gives one value per channel.
    voltage_decay : int or int array (C,)
        ``dv`` in 1/4096, 0 to 4096.
    threshold : int
        Threshold mantissa, at least 0.
    """

    current_decay: int | IntArray
    voltage_decay: int | IntArray
    threshold: int

    def __post_init__(self) -> None:
        for name in ("current_decay", "voltage_decay"):
            value = getattr(self, name)
            decay = as_ints("Cuba", name, np.atleast_1d(value), low=0, high=MAX_DECAY)
            object.__setattr__(self, name, decay if np.ndim(value) else int(decay[0]))
        check_whole("Cuba", "threshold", self.threshold, low=0)


@dataclass(frozen=True, eq=False)
class OtherNeuron(Node):
    """A neuron that can be mapped (it costs resources) but is not simulated or compiled.

    Attributes
    ----------
    type : str
        Its name in the netx file, for example ``SDNN``.
    parameters : mapping of str to int, float or array
        Whatever the file says about it, untouched.
    """

    type: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


Neuron: TypeAlias = Cuba | OtherNeuron


@dataclass(frozen=True, eq=False)
class Layer(Node):
    """What every layer has.

    Attributes
    ----------
    name : str
        Unique in its network.
    in_shape : tuple of int
        Shape of the spikes it takes at one timestep.
    neuron : Cuba, OtherNeuron or None
        The dynamics; None for a layer that only has synapses or only a shape.
    axon_delay : int array (C_out,) or None
        Timesteps by which the layer's output spikes are late, per output channel. netx files
        cannot say this; the compiler moves it into :attr:`Dense.delay`.
    """

    name: str
    in_shape: Shape
    _: KW_ONLY
    neuron: Neuron | None = None
    axon_delay: IntArray | None = None

    def __post_init__(self) -> None:
        self._freeze("in_shape", as_shape(self.name, self.in_shape))
        self._check()
        channels = self.out_shape[0]
        if self.neurons > MAX_NEURONS:
            raise NetworkError(
                f"{self.name} has {self.neurons} neurons, more than {MAX_NEURONS}: "
                "its shape is wrong or the file is damaged."
            )
        if self.axon_delay is not None:
            delay = as_ints(self.name, "axon_delay", self.axon_delay, low=0, shape=(channels,))
            self._freeze("axon_delay", delay)
        if isinstance(self.neuron, Cuba):
            for decay in (self.neuron.current_decay, self.neuron.voltage_decay):
                if isinstance(decay, np.ndarray) and decay.shape != (channels,):
                    raise NetworkError(
                        f"{self.name} has {channels} output channels, but its neuron has "
                        f"{decay.shape[0]} decays. Give one decay, or one per channel."
                    )

    def _check(self) -> None:
        """Validate and freeze the fields of the subclass; its ``out_shape`` works from here on."""

    def _freeze(self, attribute: str, value: object) -> None:
        object.__setattr__(self, attribute, value)

    def _freeze_bias(self, bias: IntArray | None, channels: int) -> None:
        if bias is not None:
            self._freeze("bias", as_ints(self.name, "bias", bias, shape=(channels,)))

    @property
    def out_shape(self) -> Shape:
        """Shape of the spikes it gives at one timestep."""
        raise NotImplementedError

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return math.prod(self.out_shape)

    @property
    def parameters(self) -> int:
        """Number of weights and biases that are stored."""
        return 0

    def fan_out(self) -> npt.NDArray[np.int64]:
        """Synapses that one spike at each input position reaches, shape :attr:`in_shape`.

        Borders, strides and groups are counted as they are. Stored zero weights count, since the
        chip stores and visits them.
        """
        return np.zeros(self.in_shape, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Input(Layer):
    """Where data enters: just a shape for spikes, or neurons driven by values.

    With a neuron, the integer given at a timestep is the bias mantissa of that step, as on the
    chip, and spikes come out. Without one, what comes in goes out.

    Attributes
    ----------
    weight, bias : int
        The host-side transform that turns raw data ``x`` into that bias mantissa,
        ``weight x / 64 + bias``. Applied by whoever prepares the input, never by an engine.
    """

    weight: int = field(kw_only=True, default=64)
    bias: int = field(kw_only=True, default=0)

    @override
    def _check(self) -> None:
        check_whole(self.name, "weight", self.weight)
        check_whole(self.name, "bias", self.bias)

    @property
    @override
    def out_shape(self) -> Shape:
        return self.in_shape


@dataclass(frozen=True, eq=False)
class Window(Layer):
    """A layer that slides a window over a map; base of :class:`Conv` and :class:`Pool`.

    Attributes
    ----------
    weight : int array
        Its last two axes are the kernel ``(Kh, Kw)``.
    stride, padding, dilation : pair of int
        ``(vertical, horizontal)``.
    """

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
        reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1
        return (self.in_shape[1 + axis] + 2 * self.padding[axis] - reach) // self.stride[axis] + 1

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


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True, eq=False)
class OtherLayer(Layer):
    """A block that can be mapped but is neither simulated nor compiled.

    Attributes
    ----------
    type : str
        Its type in the netx file, for example ``dense_rec``.
    shape : tuple of int
        Shape of the spikes it gives.
    weights : mapping of str to int array (N_out, N_in)
        Its synapse tables, each mapped like a dense layer.
    """

    type: str
    shape: Shape
    weights: Mapping[str, IntArray] = field(kw_only=True, default_factory=dict)

    @override
    def _check(self) -> None:
        self._freeze("shape", as_shape(self.name, self.shape))
        tables = {k: as_ints(self.name, k, w, ndim=2) for k, w in self.weights.items()}
        self._freeze("weights", tables)

    @property
    @override
    def out_shape(self) -> Shape:
        return self.shape
