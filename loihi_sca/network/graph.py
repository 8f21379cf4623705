"""The graph: layers, each after those it hears, and what the host does with the last's spikes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from loihi_sca.errors import NetworkError
from loihi_sca.network.layers import Input, Layer
from loihi_sca.network.neurons import Cuba, Graded
from loihi_sca.network.values import IntArray, Node, Shape, as_ints, check_whole
from loihi_sca.network.wiring import Wiring, wire
from loihi_sca.results import Result, add_numbers, open_table, plain, times

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, eq=False, repr=False)
class Readout(Node):
    """How the host turns the last layer's spikes into a class or a value.

    Attributes
    ----------
    kind : {"count", "average", "affine"}
        Spikes per output; mean over equal groups of outputs; or a weighted sum of spikes.
    groups : int or None
        Number of groups of ``average``.
    weight : int array (N_out, N_in) or None
        Weights of ``affine``.
    neuron : Cuba or None
        Of an ``affine`` read-out whose value is a voltage: its decays; it never spikes.
    """

    kind: Literal["count", "average", "affine"] = "count"
    groups: int | None = None
    weight: IntArray | None = None
    neuron: Cuba | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("count", "average", "affine"):
            raise NetworkError(f"unknown read-out {self.kind!r}: count, average or affine.")
        if self.kind == "average":
            check_whole("readout", "groups", self.groups, low=1)
        if self.kind == "affine":
            weight = as_ints("readout", "weight", self.weight, ndim=2)
            object.__setattr__(self, "weight", weight)


@dataclass(frozen=True, eq=False, repr=False)
class Network(Result, Node):
    """Layers and what the host must know to drive them.

    A layer hears the one before it, unless it names another :attr:`Layer.source`; neurons with
    several sources have :attr:`Layer.added` synapses.

    Attributes
    ----------
    name : str
        For people; not part of the content that is compared.
    layers : tuple of Layer
        In order. The first may be an :class:`Input`.
    timesteps : int or None
        Steps per sample, None where a file does not say.
    readout : Readout
        What the host does with the output spikes.
    metadata : mapping of str to str
        Provenance: tool version, source, recipe; not part of the content either.
    """

    name: str = field(metadata={"digest": False})
    layers: tuple[Layer, ...]
    timesteps: int | None = None
    readout: Readout = field(default_factory=Readout)
    metadata: Mapping[str, str] = field(default_factory=dict, metadata={"digest": False})

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(_said_once(self.layers)))
        if not self.layers:
            raise NetworkError(f"network {self.name!r} has no layers.")
        if self.timesteps is not None:
            check_whole(self.name, "timesteps", self.timesteps, low=1)
        names = [table.name for layer in self.layers for table in layer.tables]
        if len(set(names)) != len(names):
            raise NetworkError(f"network {self.name!r} has two layers of one name: {names}.")
        _ = self.wiring  # refuses what does not fit

    @cached_property
    def wiring(self) -> Wiring:
        """Who hears whom, and when."""
        return wire(self.name, self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __getitem__(self, name: str) -> Layer:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise NetworkError(f"no layer {name!r}; there are {[x.name for x in self.layers]}.")

    @property
    def in_shape(self) -> Shape:
        """Shape of one timestep of input, a constant channel included."""
        return self.layers[0].in_shape

    @property
    def data_shape(self) -> Shape:
        """Shape of one timestep of the data: :attr:`in_shape` without a constant channel."""
        first = self.layers[0]
        return first.data_shape if isinstance(first, Input) else first.in_shape

    @property
    def takes_mantissas(self) -> bool:
        """Whether the input are values for neurons, bias mantissas or those of a Delta."""
        return isinstance(self.layers[0], Input) and self.layers[0].neuron is not None

    @property
    def is_graded(self) -> bool:
        """Whether any layer sends messages, integers, where others spike."""
        return any(isinstance(layer.neuron, Graded) for layer in self.layers)

    @property
    def out_shape(self) -> Shape:
        """Shape of one timestep of output."""
        return self.layers[-1].out_shape

    @property
    def synapse_layers(self) -> tuple[Layer, ...]:
        """The layers that have synapses, hence one step of communication each on the chip."""
        return tuple(layer for layer in self.layers if not isinstance(layer, Input))

    @property
    def parameters(self) -> int:
        """Number of weights and biases that are stored."""
        return sum(table.parameters for layer in self.layers for table in layer.tables)

    def about(self) -> str:
        """Return shapes and sizes in a line."""
        steps = "" if self.timesteps is None else f", {self.timesteps} steps"
        return (
            f"{self.name!r}, {len(self.layers)} layers, {times(self.in_shape)} -> "
            f"{times(self.out_shape)}{steps}, {self.parameters:,} parameters"
        )

    def as_json(self) -> dict[str, Any]:
        """Return what the network is, without its numbers; :func:`loihi_sca.write` keeps those."""
        return {
            "schema": 1,
            "network": self.name,
            "digest": self.digest(),
            "timesteps": self.timesteps,
            "readout": self.readout.kind,
            "layers": self.rows(),
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per layer."""
        return [
            {
                "name": layer.name,
                "type": type(layer).__name__.lower(),
                "in_shape": list(layer.in_shape),
                "out_shape": list(layer.out_shape),
                "neurons": layer.neurons,
                "parameters": layer.parameters,
            }
            for layer in self.layers
        ]

    def tables(self) -> list[Table]:
        """Return one row per layer."""
        table = open_table(self.about(), "layer", "type")
        add_numbers(table, "takes", "gives", "neurons", "parameters")
        for x in self.layers:
            table.add_row(
                plain(x.name), type(x).__name__.lower(), times(x.in_shape), times(x.out_shape),
                f"{x.neurons:,}", f"{x.parameters:,}",
            )  # fmt: skip
        return [table]

    def replace(self, **changes: Any) -> Network:
        """Return a copy with fields changed, validated anew."""
        return replace(self, **changes)


def _said_once(layers: Iterable[Layer]) -> Iterator[Layer]:
    """Yield layers, those that name the one before them without its name: that is what it means."""
    before = None
    for layer in layers:
        named = layer.source is not None and layer.source == before
        yield replace(layer, source=None) if named else layer
        before = layer.name
