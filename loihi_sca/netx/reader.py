"""Read a netx HDF5 file, ours or not, into a network; what is not understood is refused by name."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import h5py

from loihi_sca import hdf5_files
from loihi_sca.errors import NetworkError, UnsupportedLayer
from loihi_sca.network import ComplexDense, Dense, Input, Layer, Network, Readout, Shape
from loihi_sca.netx import access, fields
from loihi_sca.netx.blocks import read_layer
from loihi_sca.netx.graph_file import is_graph_file, read_graph
from loihi_sca.netx.notes import NOTES, find_notes
from loihi_sca.netx.readout_json import readout_from_json
from loihi_sca.netx.writer import GROUP, SCHEMA


def read(
    path: str | os.PathLike[str],
    *,
    input_shape: Shape | None = None,
    timesteps: int | None = None,
) -> Network:
    """Read a netx file, or one that :func:`loihi_sca.netx.save` wrote.

    Blocks and neurons that are not simulated come back as :class:`OtherLayer` and
    :class:`OtherNeuron`, so that they can be mapped.

    Parameters
    ----------
    path : path-like
        The file.
    input_shape : tuple of int, optional
        ``(C, H, W)``; only needed where the file starts with a convolution and does not say it.
    timesteps : int, optional
        Steps per sample; by default what the file says, if it does.

    Raises
    ------
    NetworkError
        The file is not HDF5, is damaged, lacks a field, or has one that is not known; see
        :mod:`loihi_sca.netx.fields`.
    UnsupportedLayer
        It has a type of layer, or of time step, that is not supported.

    Notes
    -----
    What a user should know about a file of others, and what changes nothing, stands in the
    network's metadata: :func:`loihi_sca.netx.notes_of`.

    Examples
    --------
    >>> import numpy as np
    >>> import loihi_sca
    >>> from loihi_sca.network import ComplexDense, Cuba, Dense, Network
    >>> weight = np.full((10, 64), 2, np.int32)
    >>> output = Dense("output", (1, 8, 8), weight, neuron=Cuba(4096, 0, 60))
    >>> network = Network("tiny", (output,), timesteps=4)
    >>> loihi_sca.write(network, "tiny.net")
    >>> loihi_sca.read("tiny.net") == network
    True
    """
    path = hdf5_files.path_of(path)
    with hdf5_files.network_in(path, "netx") as file:
        if is_graph_file(file):
            return read_graph(file, timesteps)
        return _read_network(path, file, input_shape, timesteps)


def _read_network(
    path: Path, file: h5py.File, input_shape: Shape | None, timesteps: int | None
) -> Network:
    blocks = access.group(file, "layer", "the file")
    own = dict(file[GROUP].attrs) if GROUP in file else {}
    if own and int(own["schema"]) > SCHEMA:
        raise NetworkError(
            f"written by a newer loihi-sca (schema {own['schema']}, this one reads up to {SCHEMA})."
        )
    steps = _read_simulation(file)
    shape = input_shape or tuple(int(n) for n in own.get("in_shape", ())) or None
    layers, readout = _read_layers(blocks, shape)
    if own:
        readout = readout_from_json(json.loads(own["readout"]))
        names = json.loads(own["layer_names"])
        shapes = json.loads(own.get("in_shapes", "null")) or [x.in_shape for x in layers]
        layers = [_as_written(*x) for x in zip(layers, names, shapes, strict=True)]
        if bool(own.get("constant", False)):
            layers[0] = _with_constant(layers[0])
    network = Network(
        name=str(own.get("name", path.stem)),
        layers=tuple(layers),
        timesteps=steps if timesteps is None else timesteps,
        readout=readout,
        metadata=json.loads(own.get("metadata", "{}")),
    )
    found = () if own else find_notes(blocks, network)
    if found:
        network = network.replace(metadata={**network.metadata, NOTES: json.dumps(found)})
    return network


def _read_simulation(file: h5py.File) -> int | None:
    """Return the timesteps of a sample, and refuse what else stands at the top and is not known."""
    strange = sorted(set(file) - {"layer", "simulation", GROUP})
    if strange:
        raise NetworkError(
            f"the file has {', '.join(map(repr, strange))} at its top, which is not known here; "
            "known are 'layer' and 'simulation'. Delete it if it says nothing about spikes."
        )
    if "simulation" not in file:
        return None
    group = access.group(file, "simulation", "the file")
    fields.require_known("simulation", group, fields.SIMULATION)
    values = {"Ts": access.raw(access.dataset(group, "Ts"))} if "Ts" in group else {}
    for other in fields.other_values(values, fields.SIMULATION):
        raise UnsupportedLayer(
            f"simulation/{other.name} = {fields.shown(values[other.name])}: {other.why}. "
            f"{other.instead}"
        )
    return access.whole_number(group, "tSample") if "tSample" in group else None


def _read_layers(blocks: h5py.Group, shape: Shape | None) -> tuple[list[Layer], Readout]:
    """Return the layers, and what stands for the host's read-out at their end."""
    strange = sorted(set(blocks) - {str(index) for index in range(len(blocks))})
    if strange:
        raise NetworkError(
            f"group 'layer' has {', '.join(map(repr, strange))}; its {len(blocks)} layers must be "
            f"called '0' to '{len(blocks) - 1}'."
        )
    layers: list[Layer] = []
    readout, ended = Readout(), ""
    for index in range(len(blocks)):
        group = access.group(blocks, str(index), "group 'layer'")
        kind = access.string(group, "type")
        name = f"{index}-{kind}"
        if ended:
            raise UnsupportedLayer(
                f"{name} comes after {ended}, which averages what the host reads, so that nothing "
                "can follow."
            )
        _require_known_layer(name, kind, group)
        if kind == "average":
            readout, ended = _read_average(name, group, shape), name
        elif kind == "flatten":
            _check_flatten(name, group, shape)
        else:
            layers.append(read_layer(name, kind, group, shape))
            shape = layers[-1].out_shape
    return layers, readout


def _require_known_layer(name: str, kind: str, group: h5py.Group) -> None:
    if kind in fields.NOT_READ:
        raise UnsupportedLayer(f"{name} is {fields.NOT_READ[kind]}.")
    if kind not in fields.LAYERS:
        known = ", ".join(fields.LAYERS)
        raise UnsupportedLayer(f"{name}: layer type {kind!r} is not known; known are {known}.")
    neuron = "" if kind in ("average", "flatten") else "neuron"
    fields.require_known(name, group, fields.LAYERS[kind], skip=neuron)


def _read_average(name: str, group: h5py.Group, shape: Shape | None) -> Readout:
    groups = math.prod(access.whole_numbers(group, "shape"))
    if shape is None or groups < 1 or math.prod(shape) % groups:
        raise NetworkError(
            f"{name}: shape says that it averages {shape} outputs in {groups} groups, which must "
            "be of equal size."
        )
    return Readout("average", groups=groups)


def _check_flatten(name: str, group: h5py.Group, shape: Shape | None) -> None:
    said = tuple(access.whole_numbers(group, "shape")) if "shape" in group else None
    if said and shape and math.prod(said) != math.prod(shape):
        raise NetworkError(f"{name}: shape is {said}, but {shape} arrives.")


def _with_constant(layer: Layer) -> Layer:
    if not isinstance(layer, Input):
        raise NetworkError(f"{layer.name}: only an input can have a constant channel.")
    return replace(layer, constant=True)


def _as_written(layer: Layer, name: str, in_shape: list[int]) -> Layer:
    if isinstance(layer, Dense | ComplexDense):
        return replace(layer, name=name, in_shape=tuple(in_shape))
    return replace(layer, name=name)
