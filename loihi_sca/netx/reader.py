"""Read any netx HDF5 file, ours or not, into a network."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from loihi_sca.errors import LoihiScaError, NetworkError
from loihi_sca.network import (
    Conv,
    Cuba,
    Dense,
    Input,
    IntArray,
    Layer,
    Network,
    Neuron,
    OtherLayer,
    OtherNeuron,
    Pair,
    Pool,
    Readout,
    Shape,
)
from loihi_sca.netx import fields
from loihi_sca.netx.limits import DEFAULT_NEURON
from loihi_sca.netx.writer import GROUP, SCHEMA

CUBA_TYPES = ("CUBA", "LOIHI")

_DAMAGE = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What h5py and numpy raise about fields that are not what they should be."""


def read(
    path: str | os.PathLike[str],
    *,
    input_shape: Shape | None = None,
    timesteps: int | None = None,
) -> Network:
    """Read a netx file.

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
        The file is not HDF5, is damaged, or lacks a field.
    """
    path = Path(path)
    try:
        with h5py.File(path, "r") as file:
            return _read_network(path, file, input_shape, timesteps)
    except LoihiScaError as error:
        raise type(error)(f"{path}: {error}") from error
    except OSError as error:
        if not path.exists():
            raise NetworkError(f"{path}: no such file.") from error
        raise NetworkError(f"{path}: not a readable HDF5 file ({error}).") from error
    except _DAMAGE as error:
        raise NetworkError(f"{path}: damaged netx file ({error}).") from error


def _read_network(
    path: Path, file: h5py.File, input_shape: Shape | None, timesteps: int | None
) -> Network:
    blocks = fields.group(file, "layer", "the file")
    own = dict(file[GROUP].attrs) if GROUP in file else {}
    if own and int(own["schema"]) > SCHEMA:
        raise NetworkError(
            f"written by a newer loihi-sca (schema {own['schema']}, this one reads up to {SCHEMA})."
        )
    shape = input_shape or tuple(int(n) for n in own.get("in_shape", ())) or None
    layers: list[Layer] = []
    readout = Readout()
    for index in range(len(blocks)):
        group = fields.group(blocks, str(index), "group 'layer'")
        kind = fields.string(group, "type")
        if kind == "flatten":
            continue
        if kind == "average":
            readout = Readout("average", groups=math.prod(fields.whole_numbers(group, "shape")))
            continue
        layer = _read_layer(f"{index}-{kind}", kind, group, shape)
        layers.append(layer)
        shape = layer.out_shape
    if own:
        readout = _readout_from_json(json.loads(own["readout"]))
        names = json.loads(own["layer_names"])
        shapes = json.loads(own.get("in_shapes", "null")) or [x.in_shape for x in layers]
        layers = [_as_written(*x) for x in zip(layers, names, shapes, strict=True)]
    if timesteps is None and "simulation/tSample" in file:
        timesteps = int(fields.whole_numbers(file, "simulation/tSample")[0])
    return Network(
        name=str(own.get("name", path.stem)),
        layers=tuple(layers),
        timesteps=timesteps,
        readout=readout,
        metadata=json.loads(own.get("metadata", "{}")),
    )


def _read_layer(name: str, kind: str, group: h5py.Group, arriving: Shape | None) -> Layer:
    """Read one block; ``arriving`` is the shape of its input, None where the file does not say."""
    neuron = _read_neuron(name, group)
    if kind == "input":
        shape = _shape_of(group)
        if neuron is None:
            return Input(name, shape)
        weight = fields.whole_numbers(group, "weight")[0] if "weight" in group else 64
        bias = fields.whole_numbers(group, "bias")[0] if "bias" in group else 0
        return Input(name, shape, neuron=neuron, weight=int(weight), bias=int(bias))
    if kind in ("conv", "pool"):
        return _read_window(name, kind, group, arriving, neuron)
    if (
        kind == "dense"
        and "weight_rec" not in group
        and isinstance(group.get("weight"), h5py.Dataset)
    ):
        return _read_dense(name, group, arriving, neuron or DEFAULT_NEURON)
    shape = _shape_of(group)
    tables = _tables(name, group, math.prod(shape))
    fallback = (next(iter(tables.values())).shape[1],) if tables else shape
    return OtherLayer(name, arriving or fallback, kind, shape, neuron=neuron, weights=tables)


def _read_window(
    name: str, kind: str, group: h5py.Group, arriving: Shape | None, neuron: Neuron | None
) -> Layer:
    geometry = {
        "stride": _pair(group, "stride", 1),
        "padding": _pair(group, "padding", 0),
        "dilation": _pair(group, "dilation", 1),
    }
    weight = fields.integers(group, "weight")
    if weight.ndim == 5 and weight.shape[4] == 1:
        weight = weight[..., 0]
    if weight.ndim != 4:
        raise NetworkError(f"{name}: weight has shape {weight.shape}, expected 4 dimensions.")
    if arriving is None:
        raise NetworkError(
            f"{name} is a {kind} layer and the file does not say the shape of its input. "
            "Pass it: --input-shape C,H,W."
        )
    if kind == "pool":
        return Pool(
            name, arriving, weight[0, 0], neuron=neuron, axon_delay=_axon_delay(group), **geometry
        )
    groups = int(fields.whole_numbers(group, "groups")[0]) if "groups" in group else 1
    conv = Conv(
        name, arriving, weight, neuron=neuron, bias=_bias(group, weight.shape[0]), groups=groups,
        axon_delay=_axon_delay(group), **geometry,
    )  # fmt: skip
    if conv.out_shape != _shape_of(group):
        raise NetworkError(
            f"{name}: the file says it gives {_shape_of(group)}, but {arriving} convolved gives "
            f"{conv.out_shape}."
        )
    return conv


def _read_dense(
    name: str, group: h5py.Group, arriving: Shape | None, neuron: Neuron | None
) -> Dense:
    n_out = math.prod(_shape_of(group))
    weight = _table(name, group["weight"], n_out)
    n_in = weight.shape[1]
    delay = None
    if "delay" in group:
        delay = _spread_delay(name, fields.integers(group, "delay"), weight)
    return Dense(
        name, arriving or (n_in,), weight, neuron=neuron, bias=_bias(group, n_out), delay=delay
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


def _read_neuron(name: str, group: h5py.Group) -> Neuron | None:
    if "neuron" not in group:
        return None
    neuron = fields.group(group, "neuron", name)
    kind = fields.string(neuron, "type")
    graded = fields.flag(neuron, "gradedSpike")
    if kind not in CUBA_TYPES or graded:
        values = {
            k: fields.plain(fields.raw(v))
            for k, v in neuron.items()
            if k != "type" and isinstance(v, h5py.Dataset)
        }
        return OtherNeuron(f"{kind} with graded spikes" if graded else kind, values)
    threshold = fields.whole_numbers(neuron, "vThMant")[0]
    return Cuba(_decay(neuron, "iDecay"), _decay(neuron, "vDecay"), threshold)


def _decay(group: h5py.Group, name: str) -> int | IntArray:
    values = fields.integers(group, name)
    return values if values.size > 1 else int(values.ravel()[0])


def _tables(name: str, group: h5py.Group, n_out: int) -> dict[str, IntArray]:
    found: dict[str, IntArray] = {}
    for key in ("weight", "weight_rec", "weight/real", "weight/imag"):
        if isinstance(group.get(key), h5py.Dataset):
            found[key] = _table(name, group[key], n_out)
    return found


def _table(name: str, dataset: h5py.Dataset, n_out: int) -> IntArray:
    weight = fields.rounded(dataset)
    if weight.size % n_out:
        raise NetworkError(f"{name}: {weight.size} weights do not divide among {n_out} neurons.")
    return weight.reshape(n_out, -1)


def _bias(group: h5py.Group, channels: int) -> IntArray | None:
    if "bias" not in group:
        return None
    bias = fields.integers(group, "bias").ravel()
    return np.full(channels, bias[0], dtype=np.int32) if bias.size == 1 else bias


def _axon_delay(group: h5py.Group) -> IntArray | None:
    return fields.integers(group, "delay").ravel() if "delay" in group else None


def _shape_of(group: h5py.Group) -> Shape:
    shape = tuple(int(n) for n in fields.whole_numbers(group, "shape"))
    if len(shape) == 2:  # lava-dl: width and height, one channel
        return (1, *shape)
    if fields.string(group, "type").startswith("dense"):
        return (math.prod(shape),)
    return shape


def _pair(group: h5py.Group, name: str, default: int) -> Pair:
    values = fields.whole_numbers(group, name) if name in group else [default]
    return int(values[0]), int(values[-1])


def _readout_from_json(value: dict[str, Any]) -> Readout:
    weight = None if value["weight"] is None else np.array(value["weight"], dtype=np.int32)
    decays = value.get("decays")
    neuron = None
    if decays is not None:
        current, voltage = (np.array(d) if isinstance(d, list) else int(d) for d in decays)
        neuron = Cuba(current, voltage, threshold=0)
    return Readout(value["kind"], groups=value["groups"], weight=weight, neuron=neuron)


def _as_written(layer: Layer, name: str, in_shape: list[int]) -> Layer:
    if isinstance(layer, Dense):
        return replace(layer, name=name, in_shape=tuple(in_shape))
    return replace(layer, name=name)
