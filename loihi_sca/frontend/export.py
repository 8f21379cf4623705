"""Front end: trained SLAYER modules to the integer network.

A model runs a row of blocks (:mod:`loihi_sca.model.route`); each becomes a layer
(:mod:`loihi_sca.frontend.convert`) or a read-out, or is refused with a reason
(:mod:`loihi_sca.model.unsupported`).

**delay_shift.** With ``delay_shift=True``, lava-dl's default, a block's output comes one step late,
as it would if all layers shared one clock. On the chip here each layer has its own clock, which
starts when its first spike can arrive, so the shift is a matter of labels, *unless* a later block
has a bias: that acts while the first spikes are still on their way. So:

* no bias after the shift: exact; output spikes come as many steps earlier as blocks shift
  (``output_shift`` in the network's metadata), and the last steps, which SLAYER cuts off, are
  there;
* a biased Dense after it: exact, by a synaptic delay;
* a biased Conv after it: refused, and so are a biased sigma-delta block and a recurrent one with a
  norm. ``delay_shift="drop"``
  compiles the model as if all its blocks had ``delay_shift=False``, which is what to train with.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import torch

from loihi_sca.compiler.passes.relay_currents import current_problems, relay_currents
from loihi_sca.data import ENCODED
from loihi_sca.errors import LoihiScaError, NetworkError, UnsupportedLayer
from loihi_sca.frontend import branching, residual
from loihi_sca.frontend.convert import layer_of, readout_of
from loihi_sca.frontend.input_shape import input_shape_of
from loihi_sca.frontend.integers import current_of
from loihi_sca.frontend.settled import settled
from loihi_sca.model.neurons import neuron_problems, readout_problems
from loihi_sca.model.residual import Residual
from loihi_sca.model.route import INPUT, Call, Route, find_route
from loihi_sca.model.stream import Weighting
from loihi_sca.model.unsupported import block_problems, lava_name
from loihi_sca.model.walk import ON_STREAM
from loihi_sca.network import Dense, Graded, Input, IntArray, Layer, Network, Readout, Shape
from loihi_sca.problems import Problem, raise_for

OPEN_STREAM = "the model ends in a residual stream of weighted spikes, and the chip sends spikes"
NO_STREAM = "a stem opens a residual stream over spikes, and only behind it can others read it"
ON_NO_STREAM = "it takes spikes, and a residual stream of weighted spikes arrives"
LATE_STREAM = "blocks before it have delay_shift=True, and a residual stream has no room for that"

DelayShift: TypeAlias = Literal["exact", "drop"]


def to_network(
    model: Any,
    *,
    timesteps: int | None = None,
    name: str = "network",
    input_shape: Shape | None = None,
    delay_shift: DelayShift = "exact",
) -> Network:
    """Convert a model to integers, block by block.

    A pruned channel keeps its place, with all its weights and its bias zero: it cannot spike, and
    :func:`loihi_sca.compiler.compile_network` removes it and everything that listens to it.

    Parameters
    ----------
    model : module or list of modules
        See :data:`loihi_sca.model.walk.Model`. It is not changed.
    timesteps : int, optional
        Steps T per sample.
    name : str
        Name of the network.
    input_shape : tuple of int, optional
        ``(C, H, W)`` or ``(N,)``; by default the model's ``in_shape``.
    delay_shift : {"exact", "drop"}
        What to do about blocks with ``delay_shift=True``; see the module's text.

    Raises
    ------
    UnsupportedLayer
        Blocks have no exact counterpart; all of them are listed.
    """
    return convert(
        model, timesteps=timesteps, name=name, input_shape=input_shape, delay_shift=delay_shift
    ).exact()


@dataclass(frozen=True)
class Conversion:
    """A model as far as it could be converted.

    Attributes
    ----------
    network : Network or None
        None where there are problems.
    problems : tuple of Problem
        All there are.
    route : Route
        The blocks, in the order in which they run.
    """

    network: Network | None
    problems: tuple[Problem, ...]
    route: Route

    def exact(self) -> Network:
        """Return the network, or raise :class:`UnsupportedLayer` with all problems."""
        raise_for(self.problems)
        if self.network is None:
            raise NetworkError("the model has no blocks.")
        return self.network


def convert(
    model: Any,
    *,
    timesteps: int | None = None,
    name: str = "network",
    input_shape: Shape | None = None,
    delay_shift: DelayShift = "exact",
) -> Conversion:
    """Convert as far as possible; the parameters are those of :func:`to_network`."""
    shape = input_shape_of(model, input_shape)
    route = find_route(model, shape, timesteps)
    known = [*branching.repeated_problems(route), *branching.branch_problems(route, delay_shift)]
    state = _State(shape, delay_shift, known)
    with torch.no_grad():
        for call in route.calls:
            if isinstance(call.block, ON_STREAM):
                state.add_on_stream(call)
            else:
                state.add(call)
    if not (route.failed and state.problems):  # wrong blocks are why a forward pass fails
        state.problems.extend(route.problems)
    if state.stream and not state.problems:
        state.problems.append(Problem(name, OPEN_STREAM, "End the stream with StreamNeurons."))
    if not state.has_neurons and not state.problems:
        state.problems.append(
            Problem(name, "the model has no block with neurons", "Add Conv or Dense blocks.")
        )
    if state.problems:
        return Conversion(None, tuple(state.problems), route)
    metadata = {"output_shift": str(state.late)} if state.late else {}
    encoded = getattr(model, "encoded", None)
    if isinstance(encoded, str):
        metadata[ENCODED] = encoded
    try:
        network = Network(name, tuple(state.layers), timesteps, state.readout, metadata)
    except NetworkError as error:
        problem = Problem(name, *_reason(error))
        return Conversion(None, (problem,), route)
    problems = current_problems(network, state.currents)
    if problems:
        return Conversion(None, problems, route)
    return Conversion(relay_currents(network, state.currents), (), route)


@dataclass
class _State:
    """What has been converted so far.

    Attributes
    ----------
    shape : tuple of int or None
        What the next block takes; None behind a block that could not be converted.
    late : int
        Steps by which SLAYER's shifts have delayed the spikes so far, and our network has not.
    stream : tuple of Conv
        What is on the residual stream; empty where spikes flow.
    currents : dict of layer name to int array (C_out,)
        What norms of recurrent blocks add to currents at every step.
    """

    shape: Shape | None
    delay_shift: DelayShift
    problems: list[Problem]
    layers: list[Layer] = field(default_factory=list)
    readout: Readout = field(default_factory=Readout)
    ends: branching.Ends = field(default_factory=branching.Ends)
    late: int = 0
    has_neurons: bool = False
    finished: bool = False
    stream: residual.Stream = ()
    currents: dict[str, IntArray] = field(default_factory=dict)

    def add(self, call: Call) -> None:
        """Convert one block."""
        name, block = call.name, call.block
        if call.source is not None:
            self.shape = self.ends.hear(call.source)
        if not call.fed:
            self.shape = None  # what it takes is no longer known
        elif self.shape is not None:
            self.shape = call.shape or self.shape
        found = list(block_problems(name, block))
        if self.stream:
            found.append(Problem(name, ON_NO_STREAM, "End the stream with StreamNeurons."))
        kind = None if found else lava_name(block)
        if self.finished:
            found.append(Problem(name, "it follows the read-out", "End with the read-out."))
        if kind is not None and getattr(block, "neuron", None) is not None:
            problems_of = readout_problems if kind == "Affine" else neuron_problems
            found.extend(problems_of(name, block))
        if kind == "Input" and self.layers:
            found.append(Problem(name, "an Input block is not the first", "Move it to the front."))
        self.has_neurons = self.has_neurons or kind not in ("Input", "Flatten", "Average", "Affine")
        if kind != "Input":
            self._begin()
        if found:
            self.problems.extend(found)
            self.shape = None
        elif kind in ("Average", "Affine"):
            self._read_out(name, block)
        elif kind == "Flatten":
            self.shape = None if self.shape is None else (int(np.prod(self.shape)),)
        elif self.shape is not None:
            self._convert(name, block, self.shape)
        self.ends.note(name, self.shape, name, self.layers if kind == "Flatten" else ())

    def _begin(self) -> None:
        """Let the network begin with what is given to it, where no block does."""
        if not self.layers and self.shape is not None:
            self.layers.append(Input("input", self.shape))
            self.ends.note(INPUT, self.shape, "input")

    def add_on_stream(self, call: Call) -> None:
        """Convert a block that opens, continues or ends a residual stream."""
        name, block = call.name, call.block
        found = list(residual.stream_problems(name, block))
        if self.late:
            found.append(Problem(name, LATE_STREAM, "Set delay_shift=False in all blocks."))
        if bool(self.stream) == isinstance(block, Weighting) and self.shape is not None:
            found.append(Problem(name, NO_STREAM, "Begin with one stem, end with StreamNeurons."))
        self.has_neurons = self.has_neurons or not isinstance(block, Weighting)
        self._begin()
        if found or not call.fed or self.shape is None:
            self.problems.extend(found)
            self.shape, self.stream = None, ()
            return
        try:
            self._convert_on_stream(name, settled(block), call.shape or self.shape)
        except LoihiScaError as error:
            self.problems.append(Problem(name, *_reason(error)))
            self.shape, self.stream = None, ()
        self.ends.note(name, self.shape, name)

    def _convert_on_stream(self, name: str, block: Any, shape: Shape) -> None:
        if isinstance(block, Weighting):
            self.stream = residual.opened(name, block, shape, self.layers[-1].name)
        elif isinstance(block, Residual):
            *layers, self.stream = residual.extended(name, block, self.stream)
            self.layers.extend(layers)
        else:
            self.layers.append(residual.ended(name, block, self.stream))
            self.stream = ()
        last = self.stream or self.layers
        self.shape = last[-1].out_shape

    def _convert(self, name: str, block: Any, shape: Shape) -> None:
        try:
            block = settled(block)
            layer, current = layer_of(name, block, shape), current_of(block)
            layer = self.ends.wired(self._shifted(layer, block, current), self.layers)
        except LoihiScaError as error:
            reason, instead = _reason(error)
            self.problems.append(Problem(name, reason.removeprefix(f"{name}: "), instead))
            self.shape = None
            return
        if current is not None:
            self.currents[name] = current
        self.layers.append(layer)
        self.shape = layer.out_shape

    def _shifted(self, layer: Layer, block: Any, current: IntArray | None) -> Layer:
        """Account for a block's delay_shift, and for those before it."""
        if self.delay_shift == "drop":
            return layer
        bias = getattr(layer, "bias", None)
        biased = isinstance(bias, np.ndarray) and bool(bias.any())
        if self.late and (biased or current is not None):
            if (
                current is None
                and isinstance(layer, Dense)
                and not isinstance(layer.neuron, Graded)
            ):
                layer = dataclasses.replace(layer, delay=np.full_like(layer.weight, self.late))
                self.late = 0
            else:
                self.problems.append(
                    Problem(
                        layer.name,
                        f"blocks before it have delay_shift=True, so that its bias acts "
                        f"{self.late} steps before its first spikes, and on the chip with them",
                        'Set delay_shift=False in all blocks, or compile with delay_shift="drop", '
                        "which does that; the spikes are then those of the model without shifts.",
                    )
                )
        self.late += int(getattr(block, "delay_shift", False) is True)
        return layer

    def _read_out(self, name: str, block: Any) -> None:
        self.finished = True
        try:
            self.readout = readout_of(settled(block))
        except LoihiScaError as error:
            self.problems.append(Problem(name, *_reason(error)))


def _reason(error: LoihiScaError) -> tuple[str, str]:
    if isinstance(error, UnsupportedLayer):
        return error.reason, error.instead
    return str(error).rstrip("."), "Check the shapes of the blocks before it."
