"""What a graph of ours says about itself beside NIR: a JSON string and arrays of integers."""

from __future__ import annotations

import json
from dataclasses import fields
from importlib.metadata import version
from typing import Any

import numpy as np

from loihi_sca.errors import NetworkError
from loihi_sca.exchange.nir_graph import NirGraph
from loihi_sca.exchange.tools import Tool
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
)
from loihi_sca.netx.readout_json import decay_as_json, readout_as_json, readout_from_json

KEY = "loihi_sca"
"""Name of the JSON string in a graph's metadata; arrays are called ``loihi_sca_FIELD_INDEX``."""

SCHEMA = 1

KINDS: dict[str, type[Layer]] = {
    "input": Input, "conv": Conv, "pool": Pool, "dense": Dense, "recurrent": Recurrent,
}  # fmt: skip

ARRAYS = ("weight", "bias", "delay", "axon_delay", "feedback")
"""Fields that travel as arrays. Weights that a node holds as they are do not travel twice."""


def mark_of(index: int, network: Network) -> str:
    """Return what the names of a layer's nodes begin with; they sort as the layers do."""
    return f"{index:0{len(str(len(network.layers)))}d}"


def added_mark(mark: str, number: int) -> str:
    """Return what the names of the nodes of synapses that are added to a layer's begin with."""
    return f"{mark}_added{number:03d}"


def weight_node(mark: str, layer: Layer) -> str | None:
    """Return the name of the node that holds the weights of a layer as they are, if one does."""
    if isinstance(layer, Conv):
        return f"{mark}_conv"
    if isinstance(layer, Dense) and (layer.delay is None or not layer.delay.any()):
        return f"{mark}_dense"
    return None


def describe(network: Network, tool: Tool, dt: float) -> dict[str, Any]:
    """Return the metadata of a network's graph: all that is needed to make the network anew."""
    arrays: dict[str, IntArray] = {}
    layers = []
    for index, layer in enumerate(network):
        mark = mark_of(index, network)
        added = [
            _described(table, added_mark(mark, k), f"{index}_{k}", arrays)
            for k, table in enumerate(layer.added)
        ]
        layers.append({**_described(layer, mark, str(index), arrays), "added": added})
    about = {
        "schema": SCHEMA,
        "tool": f"loihi-sca {version('loihi-sca')}",
        "for": tool.name,
        "dt": dt,
        "digest": network.digest(),
        "name": network.name,
        "timesteps": network.timesteps,
        "readout": readout_as_json(network.readout),
        "metadata": dict(network.metadata),
        "layers": layers,
    }
    return {KEY: json.dumps(about, sort_keys=True), **arrays}


def _array_name(place: str, key: str) -> str:
    return f"{KEY}_{key}_{place}"


def _described(layer: Layer, mark: str, place: str, arrays: dict[str, IntArray]) -> dict[str, Any]:
    """Return a layer as JSON, and put what no node holds as it is among the arrays."""
    holder = weight_node(mark, layer)
    for key in ARRAYS:
        value = getattr(layer, key, None)
        if isinstance(value, np.ndarray) and not (key == "weight" and holder):
            arrays[_array_name(place, key)] = value
    return {**_layer_as_json(layer), "weight_node": holder}


def _layer_as_json(layer: Layer) -> dict[str, Any]:
    [kind] = [name for name, of in KINDS.items() if type(layer) is of]
    said: dict[str, Any] = {"kind": kind}
    for f in fields(layer):
        if f.name == "added":
            continue
        value = getattr(layer, f.name)
        if isinstance(value, Cuba):
            value = [
                decay_as_json(value.current_decay), decay_as_json(value.voltage_decay),
                int(value.threshold),
            ]  # fmt: skip
        if not isinstance(value, np.ndarray):
            said[f.name] = value
    return said


def is_ours(graph: NirGraph) -> bool:
    """Tell whether a graph says what network it is."""
    return KEY in graph.metadata


def settings(graph: NirGraph) -> tuple[str, float]:
    """Return for which tool, and for which time step, a graph of ours was written."""
    about = json.loads(graph.metadata[KEY])
    return str(about["for"]), float(about["dt"])


def network_of(graph: NirGraph) -> Network:
    """Return the network that a graph of ours says it is; whether its nodes agree is not looked at.

    Raises
    ------
    NetworkError
        It was written by a newer version, or what it says does not hold together.
    """
    about = json.loads(graph.metadata[KEY])
    if int(about["schema"]) > SCHEMA:
        raise NetworkError(
            f"written by a newer loihi-sca (schema {about['schema']}, this one reads up to "
            f"{SCHEMA})."
        )
    network = Network(
        name=str(about["name"]),
        layers=tuple(_layer(str(i), said, graph) for i, said in enumerate(about["layers"])),
        timesteps=about["timesteps"],
        readout=readout_from_json(about["readout"]),
        metadata=about["metadata"],
    )
    if network.digest() != about["digest"]:
        raise NetworkError(
            "the metadata of loihi-sca do not describe the network that was written: damaged."
        )
    return network


def _layer(place: str, said: dict[str, Any], graph: NirGraph) -> Layer:
    values = dict(said)
    values["added"] = tuple(
        _layer(f"{place}_{k}", table, graph) for k, table in enumerate(values.get("added", ()))
    )
    kind = KINDS[values.pop("kind")]
    if values.get("neuron") is not None:
        current, voltage, threshold = values["neuron"]
        values["neuron"] = Cuba(_decay(current), _decay(voltage), threshold)
    for key in ("in_shape", "stride", "padding", "dilation"):
        if key in values:
            values[key] = tuple(values[key])
    holder = values.pop("weight_node")
    if holder is not None:
        values["weight"] = np.asarray(graph.nodes[holder].fields["weight"])
    for key in ARRAYS:
        if _array_name(place, key) in graph.metadata:
            values[key] = np.asarray(graph.metadata[_array_name(place, key)])
    return kind(**values)


def _decay(value: Any) -> int | IntArray:
    return np.array(value) if isinstance(value, list) else int(value)
