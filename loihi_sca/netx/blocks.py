"""Read one layer of a netx file: its type, its synapses, its neuron."""

from __future__ import annotations

import math
from typing import Any

import h5py
import numpy as np

from loihi_sca.errors import NetworkError
from loihi_sca.network import (
    Conv,
    Cuba,
    Delta,
    Dense,
    Input,
    IntArray,
    Layer,
    Neuron,
    OtherLayer,
    OtherNeuron,
    Pair,
    Pool,
    Recurrent,
    Shape,
    Sigma,
    SigmaDelta,
)
from loihi_sca.netx import access, fields
from loihi_sca.netx.limits import DEFAULT_NEURON
from loihi_sca.netx.resonators import resonating

RECURRENT = ("weight_rec", "recWeight")
"""What lava-dl and spytorch2loihi call the weights from a layer's own spikes."""


def read_layer(name: str, kind: str, group: h5py.Group, arriving: Shape | None) -> Layer:
    """Read one layer whose fields are all known.

    Parameters
    ----------
    name : str
        Of the layer, for the network and for messages.
    kind : str
        Its type in the file.
    group : h5py.Group
    arriving : tuple of int or None
        Shape of its input, None where the file does not say.

    Raises
    ------
    NetworkError
        A field is missing, is no number, or contradicts another one; the message names both.
    """
    neuron = _read_neuron(name, kind, group)
    if kind == "input":
        return _read_input(name, group, neuron)
    if kind in ("conv", "pool"):
        return _read_window(name, kind, group, arriving, neuron)
    n_out = math.prod(shape_of(group))
    tables = _tables(name, kind, group, n_out)
    first = next(iter(tables.values()))
    _require_sizes(name, group, inFeatures=first.shape[1], outFeatures=n_out)
    bias, delay = _per_channel(group, "bias", n_out), None
    if "delay" in group:
        delay = _spread_delay(name, access.integers(group, "delay"), first)
    in_shape = arriving or (first.shape[1],)
    common: dict[str, Any] = {"neuron": neuron or DEFAULT_NEURON, "bias": bias, "delay": delay}
    if kind == "dense" and list(tables) == ["weight"]:
        return Dense(name, in_shape, first, **common)
    if list(tables) == ["weight", "weight_rec"]:
        return Recurrent(name, in_shape, first, feedback=tables["weight_rec"], **common)
    other = OtherLayer(
        name, in_shape, kind, (n_out,), neuron=neuron, weights=tables, bias=bias, delay=delay
    )
    return resonating(other, group) or other


def shape_of(group: h5py.Group) -> Shape:
    """Return the shape that a layer says it gives, ``(C, H, W)`` or ``(N,)``."""
    shape = tuple(access.whole_numbers(group, "shape"))
    if len(shape) == 2:  # lava-dl: width and height, one channel
        return (1, *shape)
    if access.string(group, "type") in ("dense", "dense_rec", "dense_comp", "recurrent"):
        return (math.prod(shape),)
    return shape


def _read_input(name: str, group: h5py.Group, neuron: Neuron | None) -> Input:
    weight = access.whole_number(group, "weight") if "weight" in group else 64
    bias = access.whole_number(group, "bias") if "bias" in group else 0
    if neuron is None and (weight, bias) != (64, 0):
        raise NetworkError(
            f"{name} has weight {weight} and bias {bias}, but no neuron that they would drive: "
            "netx would pass them over."
        )
    return Input(name, shape_of(group), neuron=neuron, weight=weight, bias=bias)


def _read_window(
    name: str, kind: str, group: h5py.Group, arriving: Shape | None, neuron: Neuron | None
) -> Layer:
    if isinstance(group.get("weight"), h5py.Group):
        raise NetworkError(f"{name}: its weight is complex, and netx has no such {kind} layer.")
    groups = access.whole_number(group, "groups") if kind == "conv" else 1
    geometry = {key: _pair(group, key) for key in ("stride", "padding", "dilation")}
    weight = _kernels(name, kind, group, groups)
    if "kernelSize" in group and _pair(group, "kernelSize") != weight.shape[2:]:
        raise NetworkError(
            f"{name}: kernelSize is {_pair(group, 'kernelSize')}, but its weight has shape "
            f"{weight.shape}."
        )
    if arriving is None:
        raise NetworkError(
            f"{name} is a {kind} layer and the file does not say the shape of its input. "
            "Pass it: --input-shape C,H,W."
        )
    channels = arriving[0] if kind == "pool" else weight.shape[0]
    common: dict[str, Any] = {
        "neuron": neuron, "axon_delay": _per_channel(group, "delay", channels), **geometry
    }  # fmt: skip
    layer: Layer
    if kind == "pool":
        if weight.shape[:2] != (1, 1):
            raise NetworkError(
                f"{name}: weight has shape {weight.shape}; a pool has one window for all channels, "
                "(1, 1, Kh, Kw)."
            )
        layer = Pool(name, arriving, weight[0, 0], **common)
    else:
        beside = f" in {groups} groups" if groups != 1 else ""
        inputs = weight.shape[1] * groups
        _require_sizes(name, group, beside, inChannels=inputs, outChannels=weight.shape[0])
        bias = _per_channel(group, "bias", weight.shape[0])
        layer = Conv(name, arriving, weight, bias=bias, groups=groups, **common)
    if layer.out_shape != shape_of(group):
        raise NetworkError(
            f"{name}: the file says it gives shape {shape_of(group)}, but {arriving} through its "
            f"window (weight {weight.shape}, stride {geometry['stride']}, padding "
            f"{geometry['padding']}, dilation {geometry['dilation']}) gives {layer.out_shape}."
        )
    return layer


def _kernels(name: str, kind: str, group: h5py.Group, groups: int) -> IntArray:
    """Return weights (C_out, C_in / groups, Kh, Kw); old files squeeze out the axes of size 1."""
    weight = access.integers(group, "weight")
    if weight.ndim == 5 and weight.shape[4] == 1:
        return weight[..., 0]
    sizes = ("kernelSize",) if kind == "pool" else ("outChannels", "inChannels", "kernelSize")
    if weight.ndim < 4 and all(key in group for key in sizes):
        channels = (1, 1)
        if kind == "conv":
            inputs = access.whole_number(group, "inChannels")
            channels = (access.whole_number(group, "outChannels"), inputs // max(groups, 1))
        full = (*channels, *_pair(group, "kernelSize"))
        if [n for n in full if n != 1] == [n for n in weight.shape if n != 1]:
            return weight.reshape(full)
        raise NetworkError(f"{name}: weight has shape {weight.shape}, but {sizes} say {full}.")
    if weight.ndim != 4:
        raise NetworkError(
            f"{name}: weight has shape {weight.shape}, expected 4 dimensions, or {sizes} beside it."
        )
    return weight


def _tables(name: str, kind: str, group: h5py.Group, n_out: int) -> dict[str, IntArray]:
    """Return the synapse tables of a dense layer, that of its own spikes as ``weight_rec``."""
    if isinstance(group.get("weight"), h5py.Group):
        found = {f"weight/{x}": _table(name, group, f"weight/{x}", n_out) for x in ("real", "imag")}
    else:
        found = {"weight": _table(name, group, "weight", n_out)}
    if kind in ("dense_rec", "recurrent"):
        named = [key for key in RECURRENT if key in group]
        if len(named) != 1:
            raise NetworkError(
                f"{name} is recurrent and must have one of the fields {' and '.join(RECURRENT)}, "
                f"it has {len(named)}."
            )
        found["weight_rec"] = _table(name, group, named[0], n_out)
    for key, table in found.items():
        inputs = n_out if key == "weight_rec" else next(iter(found.values())).shape[1]
        if table.shape[1] != inputs:
            raise NetworkError(
                f"{name}: {key} has shape {table.shape}, expected {(n_out, inputs)}."
            )
    return found


def _table(name: str, group: h5py.Group, key: str, n_out: int) -> IntArray:
    """Return weights (N_out, N_in); old files squeeze out the axes of size 1."""
    weight = access.integers(group, key)
    if weight.ndim < 2 and weight.size % n_out == 0:
        return weight.reshape(n_out, -1)
    if weight.ndim > 2 and math.prod(weight.shape[2:]) == 1:
        weight = weight.reshape(weight.shape[:2])
    if weight.ndim != 2 or weight.shape[0] != n_out:
        raise NetworkError(
            f"{name}: {key} has shape {weight.shape}, and shape says that the layer has {n_out} "
            f"neurons: expected ({n_out}, inputs)."
        )
    return weight


def _require_sizes(name: str, group: h5py.Group, beside: str = "", **sizes: int) -> None:
    """Raise where a size in the file is not that of the weights."""
    for key, size in sizes.items():
        if key in group and access.whole_number(group, key) != size:
            raise NetworkError(
                f"{name}: {key} is {access.whole_number(group, key)}, but its weight has "
                f"{size}{beside}."
            )


def _spread_delay(name: str, delay: IntArray, weight: IntArray) -> IntArray:
    """Spread delays to (N_out, N_in) as lava-dl does: per output first, then per input."""
    n_out, n_in = weight.shape
    if delay.size == 1 or delay.shape == (n_in,) != (n_out,):
        return np.broadcast_to(delay.reshape(1, -1), weight.shape)
    if delay.shape == (n_out,):
        return np.broadcast_to(delay.reshape(-1, 1), weight.shape)
    if delay.shape == weight.shape:
        return delay
    raise NetworkError(
        f"{name}: delay {delay.shape} fits neither outputs nor inputs of {weight.shape}."
    )


def _read_neuron(name: str, kind: str, group: h5py.Group) -> Neuron | None:
    """Read the neuron of a layer, whose type ``kind`` says which part a sigma-delta one takes."""
    if "neuron" not in group:
        return None
    neuron = access.group(group, "neuron", name)
    family = access.string(neuron, "type")
    simulated = fields.SIMULATED.get(family)
    if simulated is None and family not in fields.OTHER_NEURONS:
        known = ", ".join((*fields.SIMULATED, *fields.OTHER_NEURONS))
        raise NetworkError(f"{name}: neuron type {family!r} is not known; known are {known}.")
    fields.require_known(f"{name}/neuron", neuron, simulated or fields.MAPPED)
    values = {
        key: access.plain(access.raw(access.dataset(neuron, key)))
        for key in neuron
        if key != "type"
    }
    if simulated is None:
        return OtherNeuron(family, values)
    for key, value in values.items():
        if np.asarray(value).dtype.kind not in "biuf" and key != "activation":
            raise NetworkError(f"{name}: neuron/{key} is {value!r}, not a number.")
    other = [x.name for x in fields.other_values(values, simulated)]
    if other:
        graded = ["graded spikes"] if "gradedSpike" in other else []
        said = graded + [f"{x} {fields.shown(values[x])}" for x in other if x != "gradedSpike"]
        return OtherNeuron(f"{family} with {' and '.join(said)}", values)
    if family == "SDNN":
        return _sigma_delta(name, kind, neuron)
    channels = shape_of(group)[0]
    try:
        return Cuba(
            _decay(neuron, "iDecay", channels),
            _decay(neuron, "vDecay", channels),
            access.whole_number(neuron, "vThMant"),
        )
    except NetworkError as error:
        raise NetworkError(f"{name}, neuron/iDecay, vDecay and vThMant: {error}") from error


def _sigma_delta(name: str, kind: str, neuron: h5py.Group) -> Neuron:
    if kind != "input" and "sigma_output" in neuron:
        return Sigma()
    try:
        threshold = access.whole_number(neuron, "vThMant")
        return Delta(threshold) if kind == "input" else SigmaDelta(threshold)
    except NetworkError as error:
        raise NetworkError(f"{name}, neuron/vThMant: {error}") from error


def _decay(group: h5py.Group, name: str, channels: int) -> int | IntArray:
    values = access.integers(group, name).ravel()
    if values.size not in (1, channels):
        raise NetworkError(f"{name} has {values.size} values for {channels} channels.")
    return values if values.size > 1 else int(values[0])


def _per_channel(group: h5py.Group, name: str, channels: int) -> IntArray | None:
    """Return one number per channel, where the file has one for all or one for each."""
    if name not in group:
        return None
    values = access.integers(group, name).ravel()
    return np.full(channels, values[0], dtype=np.int32) if values.size == 1 else values


def _pair(group: h5py.Group, name: str) -> Pair:
    values = access.whole_numbers(group, name)
    if len(values) > 2:
        raise NetworkError(f"field {name!r} of {group.name!r} has {len(values)} numbers, not two.")
    return values[0], values[-1]
