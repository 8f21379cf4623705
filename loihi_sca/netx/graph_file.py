"""The file of a network that is no chain, which netx could not say: HDF5 of a schema of our own.

At the top the attributes ``format`` (``loihi-sca graph``), ``schema``, ``tool``, ``name``,
``digest``, ``timesteps`` (left out where not known), ``readout`` and ``metadata`` (JSON). In the
group ``layers`` one group per layer, ``0``, ``1`` and so on, with the attributes ``type`` (input,
conv, dense), ``name``, ``in_shape``, ``source`` (left out where it is the layer before), for conv
``stride``, ``padding``, ``dilation``, ``groups``, for input ``weight`` and ``bias``; with the int32
datasets ``weight``, ``bias``, ``delay``, ``axon_delay`` where there are any; with the group
``neuron`` of three datasets ``current_decay``, ``voltage_decay``, ``threshold``; and with the group
``added``, in which further tables stand as layers do.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import h5py
import numpy as np

from loihi_sca.errors import NetworkError, UnsupportedLayer
from loihi_sca.files import atomic_path
from loihi_sca.network import Conv, Cuba, Dense, Input, Layer, Network
from loihi_sca.network.fixed_point import MAX_WEIGHT, MIN_WEIGHT
from loihi_sca.netx import access, in_memory
from loihi_sca.netx.readout_json import readout_as_json, readout_from_json
from loihi_sca.netx.writer import problems_of, write

FORMAT, SCHEMA = "loihi-sca graph", 1

KINDS: dict[str, type[Layer]] = {"input": Input, "conv": Conv, "dense": Dense}
ATTRIBUTES = {
    "input": ("weight", "bias"), "conv": ("stride", "padding", "dilation", "groups"), "dense": (),
}  # fmt: skip
ARRAYS = {"input": (), "conv": ("weight", "bias"), "dense": ("weight", "bias", "delay")}


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a chain as netx, which stock lava-dl loads, and any other network as our own file.

    :func:`loihi_sca.read` knows both.

    Raises
    ------
    UnsupportedLayer
        Stock lava-dl would refuse a layer of a chain; or there are layers or neurons that only
        netx has names for.
    InputError
        The path cannot be written.
    """
    if network.wiring.is_chain:
        write(network, path)
        return
    image = in_memory.image(lambda file: _write(file, network))
    with atomic_path(path) as temporary:
        temporary.write_bytes(image)


def require_runnable(network: Network) -> None:
    """Raise :class:`UnsupportedLayer` where Lava would run a network that is no chain as another.

    Such a network is not loaded by netx; but its processes are, number by number, those of netx.
    """
    if network.wiring.is_chain:
        return
    problems = [
        f"{link.table.name}: its spikes come earlier than others to the same neurons"
        for links in network.wiring.links
        for link in links
        if link.hold
    ]
    for layer in network:
        for table in layer.tables:
            whole = replace(table, neuron=layer.neuron, added=())
            found = [*_synapse_problems(table), *problems_of(whole)]
            problems += [f"{table.name}: {problem}" for problem in found]
    if problems:
        raise UnsupportedLayer(
            "cannot be run on Lava: " + "; ".join(problems),
            "Compile the network, which holds back what comes early.",
        )


def _synapse_problems(table: Layer) -> Iterator[str]:
    if isinstance(table, Dense) and table.delay is not None:
        yield "delays in a network that is no chain do not run on Lava"
    weight = table.weight if isinstance(table, Dense) else np.zeros(1, dtype=np.int32)
    if (weight % 2).any() or weight.min() < MIN_WEIGHT or weight.max() > MAX_WEIGHT:
        yield f"its weights are no even numbers from {MIN_WEIGHT} to {MAX_WEIGHT}"


def is_graph_file(file: h5py.File) -> bool:
    """Tell whether an HDF5 file is of this format."""
    return str(file.attrs.get("format", "")) == FORMAT


def read_graph(file: h5py.File, timesteps: int | None = None) -> Network:
    """Read such a file.

    Raises
    ------
    NetworkError
        It is damaged, of a newer schema, or has something that is not known.
    """
    own = dict(file.attrs)
    if int(own["schema"]) > SCHEMA:
        raise NetworkError(
            f"written by a newer loihi-sca (schema {own['schema']}, this one reads up to {SCHEMA})."
        )
    _only(file, {"layers"}, "the file")
    steps = int(own["timesteps"]) if "timesteps" in own else None
    network = Network(
        name=str(own["name"]),
        layers=_read_layers(file, "layers"),
        timesteps=steps,
        readout=readout_from_json(json.loads(own["readout"])),
        metadata=json.loads(own["metadata"]),
    )
    if network.digest() != own["digest"]:
        raise NetworkError("its content is not what its digest says: damaged or changed by hand.")
    return network if timesteps is None else network.replace(timesteps=timesteps)


def _write(file: h5py.File, network: Network) -> None:
    about: dict[str, Any] = {
        "format": FORMAT, "schema": SCHEMA, "tool": f"loihi-sca {version('loihi-sca')}",
        "name": network.name, "digest": network.digest(),
        "readout": json.dumps(readout_as_json(network.readout), sort_keys=True),
        "metadata": json.dumps(dict(network.metadata), sort_keys=True),
    }  # fmt: skip
    if network.timesteps is not None:
        about["timesteps"] = network.timesteps
    file.attrs.update(about)
    for index, layer in enumerate(network):
        _write_layer(file.create_group(f"layers/{index}"), layer)


def _write_layer(group: h5py.Group, layer: Layer) -> None:
    kind = next((kind for kind, cls in KINDS.items() if type(layer) is cls), None)
    if isinstance(layer, Input) and layer.constant:
        raise UnsupportedLayer(
            f"{layer.name}: a constant channel has no place in the file of a network that is no "
            "chain", "Feed the ones as data."
        )  # fmt: skip
    if kind is None or not isinstance(layer.neuron, Cuba | None):
        what = type(layer if kind is None else layer.neuron).__name__
        raise UnsupportedLayer(
            f"{layer.name}: {what} has no place in the file of a network that is no chain",
            "Compile it, or use CUBA neurons.",
        )
    group.attrs["type"], group.attrs["name"] = kind, layer.name
    group.attrs["in_shape"] = np.array(layer.in_shape)
    if layer.source is not None:
        group.attrs["source"] = layer.source
    for name in ATTRIBUTES[kind]:
        group.attrs[name] = getattr(layer, name)
    for name in (*ARRAYS[kind], "axon_delay"):
        if getattr(layer, name) is not None:
            group[name] = getattr(layer, name)
    if layer.neuron is not None:
        for name in ("current_decay", "voltage_decay", "threshold"):
            group[f"neuron/{name}"] = np.asarray(getattr(layer.neuron, name), dtype=np.int32)
    for index, table in enumerate(layer.added):
        _write_layer(group.create_group(f"added/{index}"), table)


def _read_layers(parent: h5py.Group, name: str) -> tuple[Layer, ...]:
    groups = access.group(parent, name, parent.name)
    _only(groups, {str(index) for index in range(len(groups))}, groups.name)
    return tuple(
        _read_layer(access.group(groups, str(index), groups.name)) for index in range(len(groups))
    )


def _read_layer(group: h5py.Group) -> Layer:
    own = dict(group.attrs)
    kind = str(own["type"])
    if kind not in KINDS:
        raise NetworkError(f"{group.name} is of type {kind!r}; known are {', '.join(KINDS)}.")
    arrays = {*ARRAYS[kind], "axon_delay"}
    _only(group, {*arrays, "neuron", "added"}, group.name)
    _only(own, {"type", "name", "in_shape", "source", *ATTRIBUTES[kind]}, f"{group.name} as @")
    fields: dict[str, Any] = {name: access.integers(group, name) for name in arrays & set(group)}
    for name in ATTRIBUTES[kind]:
        value = np.asarray(own[name])
        fields[name] = tuple(int(n) for n in value) if value.ndim else int(value)
    if "neuron" in group:
        fields["neuron"] = _read_neuron(access.group(group, "neuron", group.name))
    if "added" in group:
        fields["added"] = _read_layers(group, "added")
    if "source" in own:
        fields["source"] = str(own["source"])
    shape = tuple(int(n) for n in own["in_shape"])
    return KINDS[kind](name=str(own["name"]), in_shape=shape, **fields)


def _read_neuron(group: h5py.Group) -> Cuba:
    names = ("current_decay", "voltage_decay", "threshold")
    _only(group, set(names), group.name)
    current, voltage, threshold = (access.integers(group, name) for name in names)
    return Cuba(current, voltage, int(threshold))


def _only(found: Any, known: set[str], owner: str) -> None:
    if strange := sorted(set(found) - known):
        raise NetworkError(f"{owner} has {', '.join(map(repr, strange))}, which is not known here.")
