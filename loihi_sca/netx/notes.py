"""What the user of a file should know and nothing can act on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import h5py
import numpy as np

from loihi_sca import hdf5_files
from loihi_sca.errors import NetworkError
from loihi_sca.network import Conv, Cuba, Delta, Dense, Layer, Network, SigmaDelta
from loihi_sca.network.fixed_point import ALIGN, MAX_WEIGHT, MIN_WEIGHT
from loihi_sca.netx import access
from loihi_sca.netx.fields import RESONATORS
from loihi_sca.netx.limits import DEFAULT_NEURON
from loihi_sca.netx.resonators import loads_changed

NOTES = "notes"
"""Key of the notes in a network's metadata."""

SPATIAL = 4
"""Axes of the weights of a convolution."""

OLD_TYPES = {"recurrent": "dense_rec"}
"""Types of layers that stock netx does not know, and builds a network without, and what it does."""

CLIPPED = 0.05
"""Share of weights at the ends of their range from which on that is said."""


def notes_of(network: Network) -> tuple[str, ...]:
    """Return the notes that reading a file has left in a network."""
    return tuple(json.loads(network.metadata.get(NOTES, "[]")))


def stock_differs(path: str | os.PathLike[str]) -> bool:
    """Tell whether stock netx would make another network of a file that can be read.

    Which is the one that was trained, and that :func:`loihi_sca.netx.write` writes so that stock
    netx loads it.
    """
    with hdf5_files.opened(path, NetworkError) as file:
        return any(_differs(group) for group in file["layer"].values())


def _differs(group: h5py.Group) -> bool:
    return access.string(group, "type") in OLD_TYPES or _turns_otherwise(group)


def _turns_otherwise(group: h5py.Group) -> bool:
    """Tell whether a layer is of resonators whose mantissas stock netx changes."""
    neuron = group.get("neuron")
    resonates = isinstance(neuron, h5py.Group) and access.string(neuron, "type") in RESONATORS
    return resonates and {"sinDecay", "cosDecay"} <= set(neuron) and loads_changed(neuron)


def find_notes(blocks: h5py.Group, network: Network) -> tuple[str, ...]:
    """Return notes on a file of others.

    Parameters
    ----------
    blocks : h5py.Group
        The group ``layer`` of the file.
    network : Network
        What was read from it.
    """
    found = [note for index in blocks for note in _of_group(f"layer/{index}", blocks[index])]
    found += [note for layer in network for note in _of_layer(layer)]
    biased = [x.name for x in network if isinstance(x, Conv | Dense) and _has_bias(x)]
    if biased:
        found.append(
            f"{', '.join(biased)}: there are biases, and a file cannot say whether it was trained "
            "with delay_shift=False; only then are these spikes those of SLAYER"
        )
    return tuple(found)


def _of_group(name: str, group: h5py.Group) -> Iterator[str]:
    if len(group.attrs):
        yield f"{name}: HDF5 attributes {', '.join(group.attrs)} are passed over, as netx does"
    kind = access.string(group, "type")
    if kind in OLD_TYPES:
        yield (
            f"{name}: its type {kind!r} is one that stock netx passes over without a word; "
            f"netx.write writes {OLD_TYPES[kind]!r}, and Lava gets that"
        )
    if _turns_otherwise(group):
        yield (
            f"{name}: stock netx makes smaller ones of some mantissas sinDecay and cosDecay, by "
            "rounding; netx.write writes them so that they load, and Lava gets that"
        )
    weight = group.get("weight")
    if "kernelSize" in group and isinstance(weight, h5py.Dataset) and weight.ndim < SPATIAL:
        yield (
            f"{name}: its weight is squeezed to {weight.shape}, which stock netx does not load; "
            "netx.write writes all axes"
        )
    neuron = group.get("neuron")
    if not (isinstance(neuron, h5py.Group) and "theta" in neuron and "vThMant" in neuron):
        return
    theta, mantissa = (np.max(access.raw(neuron[x])) for x in ("theta", "vThMant"))
    if theta != ALIGN * mantissa:
        yield (
            f"{name}: theta is {theta:.10g}, and vThMant would make it {ALIGN * mantissa:.10g}; "
            "the chip and netx take vThMant"
        )


def _of_layer(layer: Layer) -> Iterator[str]:
    if layer.neuron is DEFAULT_NEURON:
        yield (
            f"{layer.name}: the file gives it no neuron, so that it gets the integrator of netx, "
            "which never spikes: it is there to have its voltage read"
        )
    if isinstance(layer.neuron, Delta | SigmaDelta) and layer.neuron.threshold == 0:
        yield (
            f"{layer.name}: its threshold is 0, at which Lava sends every change; SLAYER holds "
            "back those below 1/4096, and other messages come out"
        )
    if not isinstance(layer, Conv | Dense):
        return
    at_the_end = np.mean((layer.weight <= MIN_WEIGHT) | (layer.weight >= MAX_WEIGHT))
    if at_the_end >= CLIPPED and isinstance(layer.neuron, Cuba):
        yield (
            f"{layer.name}: {at_the_end:.0%} of its weights are {MIN_WEIGHT} or {MAX_WEIGHT}, as "
            "if clipped; a neuron's scale other than 64 (here threshold mantissa "
            f"{layer.neuron.threshold}) does that when lava-dl exports"
        )


def _has_bias(layer: Conv | Dense) -> bool:
    return layer.bias is not None and bool(layer.bias.any())
