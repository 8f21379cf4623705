"""Write a network as NIR: as true to NIR's equations as they allow, with its integers beside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.errors import ConfigError
from loihi_sca.exchange import own
from loihi_sca.exchange.nir_file import write_graph
from loihi_sca.exchange.nir_graph import Edge, NirGraph, NirNode
from loihi_sca.exchange.nir_notes import find_notes, is_direct, is_uniform
from loihi_sca.exchange.tools import NirTool, Tool, find_tool
from loihi_sca.network import (
    Conv,
    Cuba,
    Dense,
    Input,
    IntArray,
    Layer,
    Network,
    Pool,
    Recurrent,
    Shape,
)
from loihi_sca.network.fixed_point import ALIGN, MAX_DECAY
from loihi_sca.problems import Problem, raise_for

FOREVER = 1 << 20
"""Time steps of the time constant that stands for none: ``IF`` is what snnTorch reads as a neuron
with a decay of 0.9 and sinabs as one with a lower bound."""

AT_ONCE = 1 / 64
"""Time steps of the time constant of an exponential decay that forgets everything."""

DEFAULT_DT = 1e-4
"""Seconds per time step where the tool does not say."""

FloatArray = npt.NDArray[np.float64]


def write_nir(
    network: Network,
    path: str | os.PathLike[str],
    *,
    tool: NirTool = "nir",
    dt: float | None = None,
) -> tuple[str, ...]:
    """Write a network as NIR; :func:`loihi_sca.read_nir` gives back the same, bit for bit.

    Parameters
    ----------
    network : Network
        Of Input, Conv, Pool, Dense and Recurrent layers with CUBA neurons, each of which may hear
        several others.
    path : path-like
        Written atomically; the same network gives the same bytes.
    tool : {"nir", "snntorch", "norse", "sinabs"}
        Who shall run it. ``nir`` is NIR by its equations; the others have readings of their own.
    dt : float, optional
        Seconds per time step, by default 1e-4, or what the tool takes.

    Returns
    -------
    tuple of str
        What the tool, or NIR, will not do as the chip does.

    Raises
    ------
    UnsupportedLayer
        Layers or neurons that NIR has no node for. All are listed.
    ConfigError
        There is no such tool, or it has another time step.
    InputError
        The path cannot be written. What was there before is still there.

    Notes
    -----
    NIR integrates ``tau_syn dI/dt = -I + w_in S`` and ``tau_mem dv/dt = v_leak - v + r I``
    (Pedersen et al. 2024, doi:10.1038/s41467-024-52259-9). One Euler step of ``dt`` is the neuron
    of :class:`loihi_sca.network.Cuba`, but for its rounding, with ``tau = 4096 dt / decay``,
    ``r = tau_mem / dt``, ``w_in = tau_syn / dt``, and a bias of ``v_leak dt / tau_mem``.

    Examples
    --------
    >>> import numpy as np
    >>> import loihi_sca
    >>> from loihi_sca.network import Cuba, Dense, Network
    >>> weight = np.full((10, 64), 2, np.int32)
    >>> output = Dense("output", (1, 8, 8), weight, neuron=Cuba(4096, 0, 60))
    >>> network = Network("tiny", (output,), timesteps=4)
    >>> loihi_sca.write_nir(network, "tiny.nir")
    ()
    >>> loihi_sca.read_nir("tiny.nir") == network
    True
    """
    found = find_tool(tool)
    if dt is not None and not (np.isfinite(dt) and dt > 0):
        raise ConfigError(f"dt is {dt}, must be a number of seconds above 0.")
    if dt is not None and found.dt not in (None, dt):
        raise ConfigError(f"dt is {dt}, but {tool} takes {found.dt} whatever a file says.")
    raise_for(_problems(network))
    write_graph(as_graph(network, found, dt or found.dt or DEFAULT_DT), os.fspath(path))
    return tuple(find_notes(network, found))


def _problems(network: Network) -> Iterator[Problem]:
    for layer in network:
        if type(layer) not in own.KINDS.values():
            yield Problem(
                layer.name, f"NIR has no node for a {type(layer).__name__}", "Export it as netx."
            )
        elif isinstance(layer.neuron, Cuba) or (isinstance(layer, Input) and not layer.neuron):
            continue
        elif layer.neuron is None:
            yield Problem(
                layer.name, "it has no neuron, so that nothing is known about its dynamics",
                "Give it one.",
            )  # fmt: skip
        else:
            yield Problem(
                layer.name, f"NIR has no node for a {type(layer.neuron).__name__} neuron",
                "Export it as netx.",
            )  # fmt: skip


@dataclass
class _Draft:
    """A graph that grows at its end."""

    nodes: dict[str, NirNode]
    edges: list[Edge]
    ends: tuple[str, ...]

    def add(self, name: str, kind: str, after: tuple[str, ...] | None = None, **fields: Any) -> str:
        """Add a node behind others, by default behind the last."""
        self.nodes[name] = NirNode(name, kind, fields)
        self.edges += [(end, name) for end in (self.ends if after is None else after)]
        self.ends = (name,)
        return name


def as_graph(network: Network, tool: Tool, dt: float) -> NirGraph:
    """Return the graph of a network; nodes are in order and their names sort in this order too."""
    draft = _Draft({}, [], ())
    draft.add("input", "Input", shape=np.array(network.in_shape))
    ends: dict[int | None, tuple[str, ...]] = {None: draft.ends}
    for index, layer in enumerate(network):
        mark = own.mark_of(index, network)
        if not isinstance(layer, Input):
            _add_tables(draft, mark, index, network, ends, tool, dt)
        if isinstance(layer.neuron, Cuba):
            kind, fields = _neuron(layer, layer.neuron, tool, dt)
            draft.add(f"{mark}_neuron", kind, **fields)
        if isinstance(layer, Recurrent):
            _add_feedback(draft, mark, layer, tool)
        if layer.axon_delay is not None and layer.axon_delay.any():
            late = _spread(layer.axon_delay * dt, layer.out_shape)
            draft.add(f"{mark}_axon", "Delay", delay=late)
        ends[index] = draft.ends
    *others, _ = network.wiring.heads
    for index in others:
        shape = np.array(network.layers[index].out_shape)
        draft.add(f"{own.mark_of(index, network)}_head", "Output", ends[index], shape=shape)
    draft.add("output", "Output", ends[len(network.layers) - 1], shape=np.array(network.out_shape))
    return NirGraph(draft.nodes, tuple(draft.edges), tool.version, own.describe(network, tool, dt))


def _add_tables(
    draft: _Draft,
    mark: str,
    index: int,
    network: Network,
    ends: dict[int | None, tuple[str, ...]],
    tool: Tool,
    dt: float,
) -> None:
    """Add the synapses of a layer, from each of those that it hears; its neurons sum them up."""
    ways: list[str] = []
    for number, link in enumerate(network.wiring.links[index]):
        before = link.source
        shape = network.in_shape if before is None else network.layers[before].out_shape
        draft.ends = ends[before]
        called = own.added_mark(mark, number - 1) if number else mark
        _add_synapses(draft, called, link.table, shape, tool, dt)
        ways += draft.ends
    draft.ends = tuple(ways)


def _add_feedback(draft: _Draft, mark: str, layer: Recurrent, tool: Tool) -> None:
    """Add a way from a layer's neurons to themselves, which takes a step as any cycle does."""
    [neuron] = draft.ends
    _add_dense(draft, f"{mark}_feedback", layer.feedback, None, tool)
    draft.edges.append((f"{mark}_feedback", neuron))
    draft.ends = (neuron,)


def _add_synapses(
    draft: _Draft, mark: str, layer: Layer, arriving: Shape, tool: Tool, dt: float
) -> None:
    neuron = layer.neuron
    direct = isinstance(neuron, Cuba) and is_direct(neuron)
    if isinstance(layer, Dense):
        bias = layer.bias if direct else None
        if len(arriving) == 3:
            draft.add(
                f"{mark}_flatten", "Flatten", input_type=np.array(arriving), start_dim=0, end_dim=-1
            )
        if layer.delay is not None and layer.delay.any():
            _add_delayed(draft, mark, layer, bias, dt)
        else:
            _add_dense(draft, f"{mark}_dense", layer.weight, bias, tool)
    elif isinstance(layer, Conv | Pool):
        channels = layer.out_channels
        weight = layer.weight
        if isinstance(layer, Pool):
            weight = np.broadcast_to(weight, (channels, 1, *layer.kernel)).copy()
        bias = layer.bias if isinstance(layer, Conv) and direct else None
        draft.add(
            f"{mark}_conv", "Conv2d", input_shape=np.array(layer.in_shape[1:]), weight=weight,
            stride=np.array(layer.stride), padding=np.array(layer.padding),
            dilation=np.array(layer.dilation),
            groups=layer.groups if isinstance(layer, Conv) else channels,
            bias=np.zeros(channels, np.int32) if bias is None else bias,
        )  # fmt: skip


def _add_dense(
    draft: _Draft, name: str, weight: IntArray, bias: IntArray | None, tool: Tool | None
) -> None:
    if bias is None and tool is not None and tool.name == "sinabs":  # which reads no Linear
        bias = np.zeros(len(weight), np.int32)
    if bias is None:
        draft.add(name, "Linear", weight=weight)
    else:
        draft.add(name, "Affine", weight=weight, bias=bias)


def _add_delayed(draft: _Draft, mark: str, layer: Dense, bias: IntArray | None, dt: float) -> None:
    """Add a way from the input for every delay that occurs, with the synapses that have it."""
    assert layer.delay is not None  # noqa: S101  for the type checker
    source, ways = draft.ends, list[str]()
    for delay in np.unique(layer.delay):
        draft.ends = source
        if delay:
            late = np.full(layer.weight.shape[1], delay * dt)
            draft.add(f"{mark}_delay{delay:010d}", "Delay", delay=late)
        weight = np.where(layer.delay == delay, layer.weight, 0).astype(np.int32)
        name = f"{mark}_dense{delay:010d}"
        _add_dense(draft, name, weight, None if ways else bias, None)
        ways.append(name)
    draft.ends = tuple(ways)


def _neuron(layer: Layer, neuron: Cuba, tool: Tool, dt: float) -> tuple[str, dict[str, Any]]:
    """Return type and fields of a neuron; all have the shape of its layer, as nir wants it."""
    shape = (1,) if tool.flat_fields and is_uniform(layer, neuron) else layer.out_shape
    decay = np.asarray(neuron.voltage_decay)
    steps = _steps(decay, tool)
    # how much of the voltage one step of input is: 1, or what a tool that passes over r makes of it
    size = dt / (steps * dt) if tool.unit_resistance and not tool.exponential else 1.0
    threshold = neuron.threshold + (0.5 / ALIGN if tool.fires_at else 0.0)
    bias = layer.bias if isinstance(layer, Conv | Dense) else None
    direct = is_direct(neuron) or isinstance(layer, Input)
    leak = 0.0 if bias is None or direct else bias * (size * steps)
    fields: dict[str, Any] = {
        "r": np.ones(()) if tool.unit_resistance else steps,
        "v_leak": leak,
        "v_threshold": threshold * size,
    }
    if tool.writes_reset:
        fields["v_reset"] = 0.0
    if direct:
        fields["tau"] = steps * dt
    else:
        current = _steps(np.asarray(neuron.current_decay), tool)
        fields |= {"tau_mem": steps * dt, "tau_syn": current * dt, "w_in": current}
    spread = {key: _spread(np.asarray(value), shape) for key, value in sorted(fields.items())}
    return ("LIF" if direct else "CubaLIF"), spread


def _steps(decay: IntArray, tool: Tool) -> FloatArray:
    """Return the time constant of a decay, in time steps."""
    left = (MAX_DECAY - decay) / MAX_DECAY
    if tool.exponential:
        inside = np.clip(left, 1e-300, 1 - 1 / (2 * MAX_DECAY))
        steps = np.where(decay == MAX_DECAY, AT_ONCE, -1 / np.log(inside))
    else:
        steps = MAX_DECAY / np.maximum(decay, 1)
    return np.where(decay == 0, float(FOREVER), steps)


def _spread(values: npt.NDArray[Any], shape: Shape) -> FloatArray:
    """Return one value, or one per channel, as an array of the shape of a layer."""
    full = values.reshape(-1, *[1] * (len(shape) - 1)) if values.ndim else values
    return np.array(np.broadcast_to(full, shape), dtype=np.float64)
