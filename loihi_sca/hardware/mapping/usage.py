"""What each core of a tiled layer uses: neurons, synapse words, input and output axons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from loihi_sca.hardware.mapping.memory import CoreBudget
from loihi_sca.hardware.mapping.tiling import (
    Axis,
    Counts,
    Histogram,
    Tiling,
    axes_of,
    kinds,
    largest_read,
    outer,
    sum_by_tile,
)
from loihi_sca.hardware.shapes import Geometry


class Usage(NamedTuple):
    """Per core, each an int array (cores,)."""

    neurons: Counts
    words: Counts
    in_axons: Counts


@lru_cache(maxsize=1 << 12)
def usage(geometry: Geometry, tiling: Tiling, budget: CoreBudget) -> Usage:
    """Return what each core of a layer uses, without its output axons."""
    if geometry.added:
        first, *more = (usage(table, tiling, budget) for table in geometry.tables)
        return Usage(
            first.neurons,
            first.words + sum(used.words for used in more),
            first.in_axons + sum(used.in_axons for used in more),
        )
    axes = axes_of(geometry, tiling)
    neurons = outer(*(axis.sizes for axis in axes))
    in_axons = _in_axons(geometry, axes, budget)
    if geometry.kind == "conv":
        words = _conv_words(geometry, tiling, budget)
    else:
        distinct, which = np.unique(neurons, return_inverse=True)
        words = np.array([budget.dense_words(geometry, int(n)) for n in distinct])[which]
    return Usage(neurons, words.astype(np.int64), in_axons)


def _in_axons(geometry: Geometry, axes: tuple[Axis, Axis, Axis], budget: CoreBudget) -> Counts:
    """Return the input axons of each core.

    One per source neuron, but where positions share the kernels: there they share the axons too,
    one per power of two that makes up the channels of the core's own tile, and one for a layer of
    neurons that values drive. Source: AxonIn column of the Intel compiler tables.
    """
    sizes = [axis.sizes for axis in axes]
    if geometry.kind == "dense":
        recurrent = geometry.neurons if geometry.recurrent_bits else 0
        return np.full(len(outer(*sizes)), geometry.inputs + recurrent, dtype=np.int64)
    if not budget.shared_kernels:
        reads = geometry.kind == "conv"
        return outer(*(axis.read for axis in axes)) if reads else np.zeros_like(outer(*sizes))
    ones = [np.ones_like(size) for size in sizes]
    return outer(ones[0] if geometry.kind == "input" else bits_set(sizes[0]), *ones[1:])


def axon_map(geometry: Geometry, tiling: Tiling, *following: Geometry) -> Counts:
    """Return the entries of each core's table of destinations, AxonMap, on Loihi 2.

    Towards a convolution one per position and power of two that makes up the tile's channels (one
    per position from an input layer), towards a dense layer or the host one per neuron. Those of
    several layers that listen add up, as do those towards the layer itself, if it is recurrent; no
    public table has such a layer.
    Source: AxonMap column of the Intel compiler tables.
    """
    sizes = [axis.sizes for axis in axes_of(geometry, tiling)]
    neurons = outer(*sizes)
    channels = np.ones_like(sizes[0]) if geometry.kind == "input" else bits_set(sizes[0])
    to_window = outer(channels, *sizes[1:])
    entries = neurons if not following else np.zeros_like(neurons)
    for reader in following:
        entries = entries + (to_window if reader.kind == "conv" else neurons)
    return entries + neurons if geometry.recurrent_bits else entries


def bits_set(numbers: Counts) -> Counts:
    """Return how many powers of two make up each number."""
    return np.array([int(n).bit_count() for n in numbers], dtype=np.int64)


def destinations(
    geometry: Geometry, tiling: Tiling, following: Sequence[tuple[Geometry, Tiling]]
) -> Counts:
    """Return the output axons of each core: the sum over its neurons of the cores they reach.

    What the last layer sends to the host is not counted.
    """
    sizes = [axis.sizes for axis in axes_of(geometry, tiling)]
    reached = np.zeros(math.prod(len(s) for s in sizes), dtype=np.int64)
    for reader, its_tiling in following:
        if reader.kind == "conv":
            readers = (axis.readers for axis in axes_of(reader, its_tiling))
            reached = reached + outer(
                *(sum_by_tile(r, size) for r, size in zip(readers, tiling, strict=True))
            )
        else:
            reached = reached + outer(*sizes) * its_tiling.cores(reader.out_shape)
    if geometry.recurrent_bits:
        reached = reached + outer(*sizes) * len(reached)
    return reached


@lru_cache(maxsize=1 << 14)
def connections(geometry: Geometry) -> int:
    """Return the synapses from other layers: borders, strides and groups as they are."""
    if geometry.added:
        return sum(map(connections, geometry.tables))
    if geometry.kind == "conv":
        whole = Tiling(*geometry.out_shape)
        channels, rows, columns = (int(a.connections.sum()) for a in axes_of(geometry, whole))
        return channels * rows * columns
    return geometry.in_shape[0] * geometry.neurons * len(geometry.bits)


def weights(geometry: Geometry) -> int:
    """Return the weights of synapses from other layers, those of a kernel once."""
    per_pair = math.prod(geometry.kernel) * len(geometry.bits)
    return per_pair * geometry.out_shape[0] * geometry.in_per_group


def recurrent_connections(geometry: Geometry) -> int:
    """Return the synapses from the layer's own neurons."""
    return geometry.neurons**2 * len(geometry.recurrent_bits)


def largest_read_neurons(geometry: Geometry, tiling: Tiling) -> int:
    """Return the source neurons that the fullest core reads: its input axons on Loihi 1."""
    if geometry.added:
        return sum(largest_read_neurons(table, tiling) for table in geometry.tables)
    if geometry.kind == "conv":
        spatial = largest_read(geometry, 1, tiling.rows) * largest_read(geometry, 2, tiling.columns)
        if geometry.groups == 1:
            return geometry.in_shape[0] * spatial
        return int(axes_of(geometry, tiling)[0].read.max()) * spatial
    recurrent = geometry.neurons if geometry.recurrent_bits else 0
    return geometry.inputs + recurrent if geometry.kind == "dense" else 0


def largest_words(geometry: Geometry, tiling: Tiling, budget: CoreBudget) -> int:
    """Return the synapse words of the fullest core where kernels are not shared (Loihi 1).

    With several tables at most so many: the fullest core need not be the same one for each.
    """
    if geometry.added:
        return sum(largest_words(table, tiling, budget) for table in geometry.tables)
    if geometry.kind == "dense":
        return budget.dense_words(geometry, min(tiling.channels, geometry.out_shape[0]))
    if geometry.kind != "conv":
        return 0
    return int(_distinct_words(geometry, tiling, budget).max())


def _conv_words(geometry: Geometry, tiling: Tiling, budget: CoreBudget) -> Counts:
    if not budget.shared_kernels:
        at = [kinds(geometry, axis, tile).kind_of for axis, tile in enumerate(tiling)]
        words: Counts = _distinct_words(geometry, tiling, budget)[np.ix_(*at)].ravel()
        return words
    channels, rows, columns = axes_of(geometry, tiling)
    distinct, which = np.unique(channels.sizes, return_inverse=True)
    per_tile = np.array([budget.shared_words(geometry, int(n)) for n in distinct], dtype=np.int64)
    ones = [np.ones(len(axis.sizes), dtype=np.int64) for axis in (rows, columns)]
    return outer(per_tile[which], *ones)


def _distinct_words(geometry: Geometry, tiling: Tiling, budget: CoreBudget) -> Counts:
    """Return the words of every kind of core where kernels are not shared, one axis per axis."""
    bits = budget.synapse_bits(geometry, geometry.bits[0], True) if geometry.bits else 0
    channels, rows, columns = (
        kinds(geometry, axis, tile).histograms for axis, tile in enumerate(tiling)
    )
    return np.array(
        [[[_unshared_words(c, r, w, bits, budget) for w in columns] for r in rows]
         for c in channels],
        dtype=np.int64,
    )  # fmt: skip


@lru_cache(maxsize=1 << 16)
def _unshared_words(
    channels: Histogram, rows: Histogram, columns: Histogram, bits: int, budget: CoreBudget
) -> int:
    """Return the words where every in-axon has synapses of its own.

    An input position read by ``r`` rows, ``w`` columns and ``c`` channels of the tile has
    ``r w c`` synapses. Source: nengo-loihi ``block.py``.
    """
    return sum(
        budget.axon_words(c * r * w, bits) * n_c * n_r * n_w
        for c, n_c in channels
        for r, n_r in rows
        for w, n_w in columns
    )
