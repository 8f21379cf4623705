"""Layers of the integer network: what all have, where data enter, and what is only mapped.

Those that compute are in :mod:`loihi_sca.network.dense` and :mod:`loihi_sca.network.windows`.

Constructing a layer validates it and freezes its arrays. Spatial shapes are ``(C, H, W)``, flat
ones ``(N,)``. What the numbers mean in time is defined by :mod:`loihi_sca.engine.reference`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from loihi_sca.errors import NetworkError
from loihi_sca.network.fixed_point import VALUE
from loihi_sca.network.neurons import Cuba, Delta, Neuron, Resonator
from loihi_sca.network.values import IntArray, Node, Shape, as_ints, as_shape, check_whole

MAX_NEURONS = 100_000_000
"""Largest layer that is taken for a network and not for a damaged file."""


@dataclass(frozen=True, eq=False, repr=False)
class Layer(Node):
    """What every layer has.

    Attributes
    ----------
    name : str
        Unique in its network.
    in_shape : tuple of int
        Shape of the spikes it takes at one timestep.
    neuron : Cuba, Resonator, Delta, SigmaDelta, Sigma, OtherNeuron or None
        The dynamics; None for a layer that only has synapses or only a shape.
    axon_delay : int array (C_out,) or None
        Timesteps by which the layer's output spikes are late, per output channel. netx files
        cannot say this; the compiler moves it into :attr:`Dense.delay`.
    source : str or None
        The layer whose spikes it weighs; by default the one before it.
    added : tuple of Layer
        Further synapses into the same neurons: layers without neuron and bias, each with a source,
        whose weighted sums are added to the layer's own. What a residual network needs.
    """

    adds: ClassVar[bool] = False
    """Whether its synapses can stand beside others before the same neurons."""

    name: str
    in_shape: Shape
    _: KW_ONLY
    neuron: Neuron | None = None
    axon_delay: IntArray | None = None
    source: str | None = field(default=None, metadata={"digest": "set"})
    added: tuple[Layer, ...] = field(default=(), metadata={"digest": "set"})

    def __post_init__(self) -> None:
        self._freeze("in_shape", as_shape(self.name, self.in_shape))
        self._check()
        self._freeze("added", tuple(self.added))
        for table in self.added:
            self._check_added(table)
        channels = self.out_shape[0]
        if self.neurons > MAX_NEURONS:
            raise NetworkError(
                f"{self.name} has {self.neurons} neurons, more than {MAX_NEURONS}: "
                "its shape is wrong or the file is damaged."
            )
        if self.axon_delay is not None:
            delay = as_ints(self.name, "axon_delay", self.axon_delay, low=0, shape=(channels,))
            self._freeze("axon_delay", delay)
        if isinstance(self.neuron, Cuba | Resonator):
            for decay in self.neuron.decays:
                if isinstance(decay, np.ndarray) and decay.shape != (channels,):
                    raise NetworkError(
                        f"{self.name} has {channels} output channels, but its neuron has "
                        f"{decay.shape[0]} decays. Give one decay, or one per channel."
                    )

    def _check(self) -> None:
        """Validate and freeze the fields of the subclass; its ``out_shape`` works from here on."""

    def _check_added(self, table: Layer) -> None:
        """Raise unless a layer is a plain table of synapses that these neurons can have beside."""
        plain = table.neuron is None and table.axon_delay is None and not table.added
        if not (self.adds and table.adds and plain) or getattr(table, "bias", None) is not None:
            raise NetworkError(
                f"{self.name}: {table.name}, which adds to it, must be a layer of synapses only, "
                "without neuron, bias, delay of its axons and additions of its own, and so must "
                "the neurons be those of a convolution, a pool or a dense layer, not recurrent."
            )
        if table.out_shape != self.out_shape:
            raise NetworkError(
                f"{self.name}: {table.name} gives {table.out_shape}, and adds to {self.out_shape}."
            )

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
    def tables(self) -> tuple[Layer, ...]:
        """The layer, and the synapses added to its own."""
        return self, *self.added

    def with_tables(self, tables: Sequence[Layer]) -> Layer:
        """Return the layer with other tables, its own first, in the place of its :attr:`tables`."""
        own, *added = tables
        return replace(own, added=tuple(added))

    @property
    def parameters(self) -> int:
        """Number of weights and biases that are stored, without those that are added."""
        return 0

    def fan_out(self) -> npt.NDArray[np.int64]:
        """Synapses that one spike at each input position reaches, shape :attr:`in_shape`.

        Borders, strides and groups are counted as they are. Stored zero weights count, since the
        chip stores and visits them.
        """
        return np.zeros(self.in_shape, dtype=np.int64)


@dataclass(frozen=True, eq=False, repr=False)
class Input(Layer):
    """Where data enters: just a shape for spikes, or neurons driven by values.

    With a CUBA neuron, the integer given at a timestep is the bias mantissa of that step, as on the
    chip, and spikes come out; with a Delta, it is the value in 1/64, and messages come out. Without
    a neuron, what comes in goes out.

    Attributes
    ----------
    weight, bias : int
        The host-side transform that turns raw data ``x`` into that integer,
        ``weight x / 64 + bias``. Applied by whoever prepares the input, never by an engine.
    constant : bool
        Whether the last channel is no data but says 1 at every step. Engines fill it in; on a chip,
        and in stock Lava, whoever feeds the network does.
    """

    weight: int = field(kw_only=True, default=64)
    bias: int = field(kw_only=True, default=0)
    constant: bool = field(kw_only=True, default=False, metadata={"digest": "set"})

    @override
    def _check(self) -> None:
        check_whole(self.name, "weight", self.weight)
        check_whole(self.name, "bias", self.bias)
        if self.constant and self.in_shape[0] < 2:
            raise NetworkError(
                f"{self.name} has one channel, which is constant: there is none for data."
            )

    @property
    def takes_as_given(self) -> bool:
        """Whether the host's transform leaves data as they are."""
        return (self.weight, self.bias) == (64, 0)

    @property
    def data_shape(self) -> Shape:
        """Shape of the data of one timestep: without a constant channel."""
        channels, *rest = self.in_shape
        return (channels - 1, *rest) if self.constant else self.in_shape

    @property
    def always(self) -> int:
        """Return the value that makes a channel speak at every step, or a Delta say 1.0."""
        if isinstance(self.neuron, Delta):
            return VALUE
        return self.neuron.threshold + 1 if isinstance(self.neuron, Cuba) else 1

    @property
    @override
    def out_shape(self) -> Shape:
        return self.in_shape


@dataclass(frozen=True, eq=False, repr=False)
class OtherLayer(Layer):
    """A block that can be mapped but is neither simulated nor compiled.

    Attributes
    ----------
    type : str
        Its type in the netx file, for example ``dense_comp``.
    shape : tuple of int
        Shape of the spikes it gives.
    weights : mapping of str to int array (N_out, N_in)
        Its synapse tables, each mapped like a dense layer; one whose name ends in ``_rec`` weights
        the layer's own spikes.
    bias : int array (C_out,) or None
    delay : int array (N_out, N_in) or None
        As of :class:`Dense`; of the first table.
    """

    type: str
    shape: Shape
    weights: Mapping[str, IntArray] = field(kw_only=True, default_factory=dict)
    bias: IntArray | None = field(kw_only=True, default=None)
    delay: IntArray | None = field(kw_only=True, default=None)

    @override
    def _check(self) -> None:
        self._freeze("shape", as_shape(self.name, self.shape))
        tables = {k: as_ints(self.name, k, w, ndim=2) for k, w in self.weights.items()}
        self._freeze("weights", tables)
        self._freeze_bias(self.bias, self.shape[0])
        if self.delay is not None:
            first = next(iter(tables.values()))
            delay = as_ints(self.name, "delay", self.delay, low=0, shape=first.shape)
            self._freeze("delay", delay)

    @property
    @override
    def out_shape(self) -> Shape:
        return self.shape
