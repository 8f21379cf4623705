"""From a chain of NIR nodes to layers in floating point, per time step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from loihi_sca.errors import NetworkError, UnsupportedLayer
from loihi_sca.exchange.float_layers import FloatArray, FloatLayer, Synapses
from loihi_sca.exchange.folding import fold, pool
from loihi_sca.exchange.neurons import Reading, read_neuron, read_readout
from loihi_sca.exchange.nir_graph import NEURONS, POOLS, READOUTS, NirNode
from loihi_sca.exchange.values import array_of, number_of, pair_of, per_channel, per_neuron
from loihi_sca.network import Shape

MAX_DELAY_ERROR = 0.01
"""A delay may be so far from a whole number of time steps."""


@dataclass(frozen=True)
class FloatReadout:
    """What stands behind the last spikes: synapses, and an integrator that may follow.

    ``current_left`` and ``voltage_left`` are None where there is none.
    """

    synapses: Synapses
    current_left: float | None = None
    voltage_left: float | None = None


@dataclass(frozen=True)
class FloatNetwork:
    """Layers in order, and what stands at the end."""

    in_shape: Shape
    layers: tuple[FloatLayer, ...]
    readout: FloatReadout | None
    notes: tuple[str, ...]


def walk(chain: Sequence[NirNode], reading: Reading, input_shape: Shape | None) -> FloatNetwork:
    """Return the layers of a chain of nodes.

    Raises
    ------
    UnsupportedLayer, NetworkError
        A node is not what a chip can do, or does not fit the one before; both by name.
    """
    walker = _Walker(reading, input_shape or _input_shape(chain))
    for index, node in enumerate(chain):
        if walker.readout is not None and node.type != "Output":
            raise UnsupportedLayer(f"{node} follows a read-out, behind which nothing can follow")
        walker.take(node, is_last=all(x.type == "Output" for x in chain[index + 1 :]))
    walker.finish()
    if not walker.layers:
        raise UnsupportedLayer(
            "the graph has no spiking neurons", f"Neurons are {', '.join(NEURONS)}."
        )
    return FloatNetwork(walker.in_shape, tuple(walker.layers), walker.readout, tuple(walker.notes))


def _input_shape(chain: Sequence[NirNode]) -> Shape:
    """Return the shape that the graph says it takes, or that its first synapses take."""
    first = chain[0]
    if first.type == "Input" and "shape" in first.fields:
        shape = tuple(int(n) for n in np.atleast_1d(first.fields["shape"]))
        if len(shape) in (2, 4) and shape[0] == 1:  # a batch, which Norse writes along
            shape = shape[1:]
        if len(shape) in (1, 3) and min(shape) >= 1:
            return shape
        raise NetworkError(
            f"{first} has shape {shape}, which is neither (N,) nor (C, H, W). Say which it is: "
            "--input-shape."
        )
    for node in chain:
        if node.type in ("Linear", "Affine"):
            return (array_of(node, "weight").shape[-1],)
    raise NetworkError("the graph does not say the shape of its input. Give it: --input-shape.")


@dataclass
class _Walker:
    """Takes node after node, and holds the synapses that no neuron has followed yet."""

    reading: Reading
    in_shape: Shape
    layers: list[FloatLayer] = field(default_factory=list)
    readout: FloatReadout | None = None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shape, self.is_flat = self.in_shape, False
        self.pending: Synapses | None = None
        self.gain = 1.0
        self.delay: Any = None

    def take(self, node: NirNode, *, is_last: bool) -> None:
        if node.type == "Flatten":
            self._flatten(node)
        elif node.type == "Scale":
            self._scale(node)
        elif node.type == "Delay":
            self._late(node)
        elif node.type in NEURONS:
            self._fire(node)
        elif node.type in READOUTS:
            if not is_last:
                raise UnsupportedLayer(
                    f"{node} never spikes, and more follows", "Only at the end it is a read-out."
                )
            decays = read_readout(node, self.reading)
            self.readout = FloatReadout(self._synapses_of(node).scaled(decays.gain), *decays.left)
            self.pending = None
        elif node.type not in ("Input", "Output"):
            self._connect(node)

    def finish(self) -> None:
        """Take synapses that are left over for the host's, and refuse what else is left."""
        if self.pending is not None:
            self.readout = FloatReadout(self.pending)
        if self.delay is not None or self.gain != 1.0:
            raise UnsupportedLayer(
                "the last spikes are late or scaled by a node behind which there are no neurons",
                "Delete it: the host can do so.",
            )

    def _connect(self, node: NirNode) -> None:
        """Add synapses, folded into those before where one of both is a pool."""
        shape = (math.prod(self.shape),) if self.is_flat else self.shape
        if node.type in POOLS:
            found = _pool(node, shape)
        elif node.type == "Conv2d":
            found = _conv(node, shape)
        else:
            found = _dense(node, self.shape)
        # what scales the spikes does not scale the bias, which is added behind the weights
        found, self.gain = replace(found, weight=found.weight * self.gain), 1.0
        if self.pending is not None:
            names = self.pending.names
            found = fold(self.pending, found)
            self.notes.append(
                f"{' and '.join(map(repr, names))} and {node.name!r} became one layer of synapses "
                f"{found.weight.shape}"
            )
        self.pending, self.shape = found, found.out_shape

    def _fire(self, node: NirNode) -> None:
        synapses = self._synapses_of(node)
        if synapses.pools:
            synapses = replace(synapses, pools=False)
        self.layers.append(read_neuron(node, synapses, self.reading, self.delay))
        self.pending, self.delay = None, None

    def _synapses_of(self, node: NirNode) -> Synapses:
        if self.pending is None:
            raise UnsupportedLayer(
                f"{node} has no synapses before it", "Put a Linear node of weights 1 before it."
            )
        return self.pending

    def _flatten(self, node: NirNode) -> None:
        start, end = number_of(node, "start_dim", 0), number_of(node, "end_dim", -1)
        # 1 is what tools write that count a batch; one dimension has nothing to keep
        if start not in (0, 1) or end not in (-1, len(self.shape) - 1, len(self.shape)):
            raise UnsupportedLayer(
                f"{node} flattens dimensions {start} to {end} of {self.shape}",
                "All of them can be: start_dim 0, end_dim -1.",
            )
        if start == 1 and len(self.shape) == 3:
            self.notes.append(
                f"{node.name!r}: start_dim 1 counts a batch, which NIR does not have; all of "
                f"{self.shape} is flattened"
            )
        if self.pending is not None and not self.pending.pools:
            raise UnsupportedLayer(
                f"{node} stands between synapses and their neurons", "Put it behind the neurons."
            )
        self.is_flat = True  # dense synapses take the map as it is, in this order

    def _scale(self, node: NirNode) -> None:
        scale = array_of(node, "scale")
        if self.pending is not None:
            factor = per_channel(node, "scale", self.pending.out_shape)
            self.pending = replace(self.pending.scaled(factor), pools=False)
        elif np.unique(scale).size == 1:
            self.gain *= float(scale.flat[0])
        else:
            raise UnsupportedLayer(
                f"{node} weights spikes by {np.unique(scale).size} different values",
                "Multiply them into the weights that follow.",
            )

    def _late(self, node: NirNode) -> None:
        if self.pending is not None or self.delay is not None:
            raise UnsupportedLayer(
                f"{node} stands behind synapses or another delay", "Put it before the synapses."
            )
        steps = per_neuron(node, "delay", self.shape) / self.reading.dt
        whole = np.rint(steps)
        if np.any(np.abs(steps - whole) > MAX_DELAY_ERROR) or np.any(whole < 0):
            raise UnsupportedLayer(
                f"{node} is {steps.min():.6g} to {steps.max():.6g} time steps of "
                f"{self.reading.dt:g} s, and the chip knows whole ones",
                "Round the delays, or give another --dt.",
            )
        if whole.any():
            self.delay = whole.astype(np.int64).ravel()


def _dense(node: NirNode, shape: Shape) -> Synapses:
    weight = array_of(node, "weight")
    if weight.ndim != 2:
        raise UnsupportedLayer(
            f"{node}: weight has shape {weight.shape}", "Expected (N_out, N_in)."
        )
    if weight.shape[1] != math.prod(shape):
        raise NetworkError(
            f"{node}: weight {weight.shape} takes {weight.shape[1]} inputs, but "
            f"{math.prod(shape)} arrive from shape {shape}."
        )
    return Synapses((node.name,), shape, weight, _bias(node, len(weight)))


def _conv(node: NirNode, shape: Shape) -> Synapses:
    weight = array_of(node, "weight")
    _require_map(node, shape)
    if weight.ndim != 4:
        raise UnsupportedLayer(
            f"{node}: weight has shape {weight.shape}", "Expected (C_out, C_in / groups, Kh, Kw)."
        )
    groups = number_of(node, "groups", 1)
    if groups < 1 or weight.shape[1] * groups != shape[0] or len(weight) % groups:
        raise NetworkError(
            f"{node}: weight {weight.shape} with groups {groups} takes "
            f"{weight.shape[1] * groups} channels, but {shape} arrives."
        )
    dilation, stride = pair_of(node, "dilation", 1), pair_of(node, "stride", 1)
    said, padding = node.fields.get("padding", 0), (0, 0)
    if said == "same" if isinstance(said, str) else False:
        if any(n % 2 == 0 for n in weight.shape[2:]) or stride != (1, 1):
            raise UnsupportedLayer(
                f"{node}: padding 'same' with a kernel {weight.shape[2:]} and stride {stride} is "
                "not the same at both ends",
                "Odd kernels and stride 1 can be; pad by yourself otherwise.",
            )
        padding = (
            dilation[0] * (weight.shape[2] // 2), dilation[1] * (weight.shape[3] // 2),
        )  # fmt: skip
    elif isinstance(said, str) and said != "valid":
        raise NetworkError(f"{node}: padding is {said!r}; a number, 'same' or 'valid'.")
    elif not isinstance(said, str):
        padding = pair_of(node, "padding", 0, low=0)
    found = Synapses(
        (node.name,), shape, weight, _bias(node, len(weight)), stride, padding, dilation, groups
    )
    return _require_places(node, found)


def _pool(node: NirNode, shape: Shape) -> Synapses:
    _require_map(node, shape)
    kernel = pair_of(node, "kernel_size")
    size = 1.0 if node.type == "SumPool2d" else 1.0 / math.prod(kernel)
    one = Synapses(
        (node.name,), (1, *shape[1:]), np.full((1, 1, *kernel), size), np.zeros(1),
        stride=pair_of(node, "stride"), padding=pair_of(node, "padding", 0, low=0),
    )  # fmt: skip
    return pool(node.name, shape, _require_places(node, one))


def _require_map(node: NirNode, shape: Shape) -> None:
    if len(shape) != 3:
        raise NetworkError(f"{node} takes a map (C, H, W), but {shape} arrives.")


def _require_places(node: NirNode, synapses: Synapses) -> Synapses:
    if min(synapses.out_shape) < 1:
        raise NetworkError(
            f"{node}: its window {synapses.weight.shape[2:]} does not fit {synapses.in_shape}."
        )
    return synapses


def _bias(node: NirNode, channels: int) -> FloatArray:
    if "bias" not in node.fields:
        return np.zeros(channels)
    bias = array_of(node, "bias").ravel()
    if bias.size not in (1, channels):
        raise NetworkError(f"{node}: bias has {bias.size} values for {channels} channels.")
    return np.array(np.broadcast_to(bias, (channels,)))
