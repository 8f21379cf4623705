"""Where cores lie on the mesh, and how far spikes travel between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loihi_sca.hardware.mapping.placement import LayerPlacement, Placement
from loihi_sca.hardware.mapping.tiling import Counts, axes_of, outer
from loihi_sca.hardware.schema import Profile

Floats = npt.NDArray[np.float64]


class Places(NamedTuple):
    """Chip, and column and row of the tile, of some cores; each an int array (cores,).

    Columns go on from chip to chip, as if the chips stood in a row.
    """

    chip: Counts
    column: Counts
    row: Counts


def places(profile: Profile, first: int, cores: int) -> Places:
    """Return where consecutive cores lie: tiles are filled row by row, to and fro."""
    chip_profile = profile.chip
    columns, per_tile = int(chip_profile.mesh_columns), int(chip_profile.cores_per_tile)
    index = np.arange(first, first + cores)
    chip, on_chip = np.divmod(index, int(chip_profile.cores))
    row, along = np.divmod(on_chip // per_tile, columns)
    column = np.where(row % 2 == 0, along, columns - 1 - along)
    return Places(chip, chip * columns + column, row)


class Traffic(NamedTuple):
    """What goes from one layer to the cores of another if every source neuron spikes once.

    Attributes
    ----------
    messages : float
        Spikes times destination cores.
    sent : float array (source cores,)
        Messages per source core.
    received : float array (destination cores,)
        Messages per destination core.
    hops_east_west, hops_north_south : float
        Summed over messages.
    farthest : int array (destination cores, 2)
        Hops of the longest way to each core, east-west and north-south.
    """

    messages: float
    sent: Floats
    received: Floats
    hops_east_west: float
    hops_north_south: float
    farthest: Counts


def traffic(placement: Placement, source: LayerPlacement, target: LayerPlacement) -> Traffic:
    """Return the traffic from one layer to another, or from a layer to itself."""
    start = places(placement.profile, source.first, source.cores)
    end = places(placement.profile, target.first, target.cores)
    if target.spec.geometry.kind != "conv" or source is target:
        return _all_to_all(source.neurons, start, end)
    sent, hops = [], np.zeros(2)
    received = np.zeros(target.cores)
    farthest = np.zeros((target.cores, 2), dtype=np.int64)
    first = 0
    for edges in _edges(source, target):
        part = slice(first, first + len(edges))
        first += len(edges)
        sent.append(edges.sum(axis=1))
        received += edges.sum(axis=0)
        for axis, (here, there) in enumerate(((start.column, end.column), (start.row, end.row))):
            way = np.abs(here[part, None] - there[None, :])
            hops[axis] += float((edges * way).sum())
            longest = np.where(edges > 0, way, 0).max(axis=0)
            farthest[:, axis] = np.maximum(farthest[:, axis], longest)
    per_core = np.concatenate(sent).astype(np.float64)
    return Traffic(
        float(received.sum()), per_core, received, float(hops[0]), float(hops[1]), farthest
    )


def _all_to_all(neurons: Counts, start: Places, end: Places) -> Traffic:
    """Return the traffic where every neuron reaches every core of the target."""
    hops, farthest = [], []
    for here, there in ((start.column, end.column), (start.row, end.row)):
        # there are far fewer columns and rows than pairs of cores
        sources = np.bincount(here, weights=neurons)
        targets = np.bincount(there).astype(np.float64)
        way = np.abs(np.arange(len(sources))[:, None] - np.arange(len(targets))[None, :])
        hops.append(float(sources @ way @ targets))
        farthest.append(np.maximum(np.abs(there - here.min()), np.abs(there - here.max())))
    total = float(neurons.sum())
    return Traffic(
        total * len(end.column),
        neurons.astype(np.float64) * len(end.column),
        np.full(len(end.column), total),
        hops[0],
        hops[1],
        np.stack(farthest, axis=1),
    )


def from_host(target: LayerPlacement) -> Traffic:
    """Return the traffic from the host to a layer if every input spikes once; no hops."""
    geometry = target.spec.geometry
    received = outer(*(axis.read for axis in axes_of(geometry, target.tiling)))
    return Traffic(
        float(received.sum()),
        np.zeros(0),
        received.astype(np.float64),
        0.0,
        0.0,
        np.zeros((target.cores, 2), dtype=np.int64),
    )


def _edges(source: LayerPlacement, target: LayerPlacement) -> Iterator[Counts]:
    """Yield the source neurons that reach a target core, (source cores, target cores).

    One block per channel tile of the source, in order: the whole would not always fit in memory.
    """
    geometry = target.spec.geometry
    sizes = axes_of(source.spec.geometry, source.tiling)
    per_axis: list[Counts] = []
    for own, axis, tile in zip(sizes, axes_of(geometry, target.tiling), source.tiling, strict=True):
        if axis.needs is None:
            per_axis.append(np.repeat(own.sizes[:, None], len(axis.sizes), axis=1))
        else:
            starts = np.arange(0, axis.inputs, tile)
            per_axis.append(np.add.reduceat(axis.needs.astype(np.int64), starts, axis=1).T)
    channels, rows, columns = per_axis
    for reached in channels:
        block: Counts = np.einsum("d,be,cf->bcdef", reached, rows, columns)
        yield block.reshape(len(rows) * len(columns), -1)
