"""Cutting a layer into tiles along channels, rows and columns, one tile per core.

Everything here is a product over the three axes, so that a layer of a million neurons costs no
more than the number of its tiles.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.hardware.shapes import Geometry, Volume

Counts = npt.NDArray[np.int64]


Histogram: TypeAlias = tuple[tuple[int, int], ...]


class Tiling(NamedTuple):
    """Size of the tile that a core holds; the last tile of an axis may be smaller."""

    channels: int
    rows: int
    columns: int

    def tiles(self, shape: Volume) -> Volume:
        """Return the number of tiles per axis."""
        return (
            -(-shape[0] // self.channels),
            -(-shape[1] // self.rows),
            -(-shape[2] // self.columns),
        )

    def cores(self, shape: Volume) -> int:
        """Return the number of tiles."""
        return math.prod(self.tiles(shape))


class Axis(NamedTuple):
    """One axis of a tiled layer, seen from its input.

    Attributes
    ----------
    sizes : int array (tiles,)
        Output positions of each tile.
    needs : bool array (tiles, inputs) or None
        Which input positions a tile reads; None where every tile reads all.
    synapses : int array (tiles, inputs) or None
        How many output positions of the tile read an input position; None where all do.
    inputs : int
    """

    sizes: Counts
    needs: npt.NDArray[np.bool_] | None
    synapses: Counts | None
    inputs: int

    @property
    def read(self) -> Counts:
        """Input positions that each tile reads, (tiles,)."""
        if self.needs is None:
            return np.full(len(self.sizes), self.inputs, dtype=np.int64)
        read: Counts = np.count_nonzero(self.needs, axis=1).astype(np.int64)
        return read

    @property
    def connections(self) -> Counts:
        """Pairs of output and input position in each tile, (tiles,)."""
        if self.synapses is None:
            return self.sizes * self.inputs
        connections: Counts = self.synapses.sum(axis=1)
        return connections

    @property
    def readers(self) -> Counts:
        """Tiles that read each input position, (inputs,)."""
        if self.needs is None:
            return np.full(self.inputs, len(self.sizes), dtype=np.int64)
        readers: Counts = np.count_nonzero(self.needs, axis=0).astype(np.int64)
        return readers


def sizes_of(length: int, tile: int) -> Counts:
    """Return the sizes of the tiles of an axis."""
    sizes = np.full(-(-length // tile), tile, dtype=np.int64)
    sizes[-1] = length - tile * (len(sizes) - 1)
    return sizes


def sum_by_tile(values: Counts, tile: int) -> Counts:
    """Sum values along an axis (its last) within each tile."""
    starts = np.arange(0, values.shape[-1], tile)
    summed: Counts = np.add.reduceat(values, starts, axis=-1)
    return summed


def axes_of(geometry: Geometry, tiling: Tiling) -> tuple[Axis, Axis, Axis]:
    """Return channels, rows and columns of a tiled layer."""
    if geometry.kind != "conv":
        channels, rows, columns = (
            Axis(sizes_of(length, tile), None, None, inputs)
            for length, tile, inputs in zip(
                geometry.out_shape, tiling, geometry.in_shape, strict=True
            )
        )
        return channels, rows, columns
    return (
        _channel_axis(
            geometry.in_shape[0], geometry.out_shape[0], geometry.groups, tiling.channels
        ),
        _window_axis(*_window(geometry, 1, tiling.rows)),
        _window_axis(*_window(geometry, 2, tiling.columns)),
    )


def _window(geometry: Geometry, axis: int, tile: int) -> tuple[int, ...]:
    """Return what decides a spatial axis of a convolution."""
    return (
        geometry.in_shape[axis], geometry.out_shape[axis], tile, geometry.kernel[axis - 1],
        geometry.stride[axis - 1], geometry.padding[axis - 1], geometry.dilation[axis - 1],
    )  # fmt: skip


@lru_cache(maxsize=1 << 12)
def _window_axis(
    inputs: int, outputs: int, tile: int, kernel: int, stride: int, padding: int, dilation: int
) -> Axis:
    sizes = sizes_of(outputs, tile)
    out = np.arange(outputs)
    taps = (out * stride - padding)[:, None] + np.arange(kernel) * dilation
    inside = (taps >= 0) & (taps < inputs)
    tile_of = np.broadcast_to((out // tile)[:, None], taps.shape)
    flat = tile_of[inside] * inputs + taps[inside]
    counts = np.bincount(flat, minlength=len(sizes) * inputs).reshape(len(sizes), inputs)
    return Axis(sizes, counts > 0, counts.astype(np.int64), inputs)


def largest_read(geometry: Geometry, axis: int, tile: int) -> int:
    """Return the most input positions that a tile of a convolution reads on one spatial axis."""
    return _largest_read(*_window(geometry, axis, tile))


@lru_cache(maxsize=1 << 14)
def _largest_read(*window: int) -> int:
    return int(_window_axis(*window).read.max())


class Kinds(NamedTuple):
    """The different tiles of an axis, by how often they read their inputs.

    Attributes
    ----------
    histograms : tuple
        Per kind, pairs of (output positions that read an input position, number of such inputs).
    kind_of : int array (tiles,)
    """

    histograms: tuple[Histogram, ...]
    kind_of: Counts


def kinds(geometry: Geometry, axis: int, tile: int) -> Kinds:
    """Return the different tiles of an axis of a convolution."""
    if axis:
        return _window_kinds(*_window(geometry, axis, tile))
    return _channel_kinds(geometry.in_shape[0], geometry.out_shape[0], geometry.groups, tile)


@lru_cache(maxsize=1 << 14)
def _window_kinds(*window: int) -> Kinds:
    return _kinds(_window_axis(*window))


@lru_cache(maxsize=1 << 14)
def _channel_kinds(inputs: int, outputs: int, groups: int, tile: int) -> Kinds:
    if groups > 1:
        return _kinds(_channel_axis(inputs, outputs, groups, tile))
    full, rest = divmod(outputs, tile)
    sizes = [tile] * (full > 0) + [rest] * (rest > 0)
    kind_of = np.zeros(full + (rest > 0), dtype=np.int64)
    kind_of[-1] = len(sizes) - 1
    return Kinds(tuple(((size, inputs),) for size in sizes), kind_of)


def _kinds(axis: Axis) -> Kinds:
    assert axis.synapses is not None  # noqa: S101 - only an axis read in full has none
    most = int(axis.synapses.max()) + 1
    counts = np.stack([np.bincount(row, minlength=most) for row in axis.synapses])
    counts[:, 0] = 0
    distinct, kind_of = np.unique(counts, axis=0, return_inverse=True)
    histograms = (tuple((n, int(k)) for n, k in enumerate(row) if k) for row in distinct)
    return Kinds(tuple(histograms), kind_of)


@lru_cache(maxsize=1 << 10)
def _channel_axis(inputs: int, outputs: int, groups: int, tile: int) -> Axis:
    sizes = sizes_of(outputs, tile)
    if groups == 1:
        return Axis(sizes, None, None, inputs)
    group_of_output = np.arange(outputs) // (outputs // groups)
    flat = (np.arange(outputs) // tile) * groups + group_of_output
    per_group = np.bincount(flat, minlength=len(sizes) * groups).reshape(len(sizes), groups)
    counts = np.repeat(per_group, inputs // groups, axis=1)
    return Axis(sizes, counts > 0, counts.astype(np.int64), inputs)


def outer(channels: Counts, rows: Counts, columns: Counts) -> Counts:
    """Return the product over the axes, one value per core; columns vary fastest."""
    product: Counts = (channels[:, None, None] * rows[:, None] * columns).ravel()
    return product
