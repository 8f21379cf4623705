"""Where cores lie on the mesh, and how far spikes travel between them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loihi_sca.hardware.mapper import LayerPlacement, Placement
from loihi_sca.hardware.schema import Profile
from loihi_sca.hardware.tiling import Counts, axes_of, outer

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
    edges = _edges(source, target)
    start = places(placement.profile, source.first, source.cores)
    end = places(placement.profile, target.first, target.cores)
    east_west = np.abs(start.column[:, None] - end.column[None, :])
    north_south = np.abs(start.row[:, None] - end.row[None, :])
    used = edges > 0
    farthest = np.stack(
        [(east_west * used).max(axis=0, initial=0), (north_south * used).max(axis=0, initial=0)],
        axis=1,
    )
    return Traffic(
        float(edges.sum()),
        edges.sum(axis=1).astype(np.float64),
        edges.sum(axis=0).astype(np.float64),
        float((edges * east_west).sum()),
        float((edges * north_south).sum()),
        farthest,
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


def _edges(source: LayerPlacement, target: LayerPlacement) -> Counts:
    """Return the source neurons that reach a target core, (source cores, target cores)."""
    geometry = target.spec.geometry
    if geometry.kind != "conv" or source is target:
        return np.repeat(source.neurons[:, None], target.cores, axis=1)
    sizes = axes_of(source.spec.geometry, source.tiling)
    per_axis: list[Counts] = []
    for own, axis, tile in zip(sizes, axes_of(geometry, target.tiling), source.tiling, strict=True):
        if axis.needs is None:
            per_axis.append(np.repeat(own.sizes[:, None], len(axis.sizes), axis=1))
        else:
            starts = np.arange(0, axis.inputs, tile)
            per_axis.append(np.add.reduceat(axis.needs.astype(np.int64), starts, axis=1).T)
    sources, targets = (math.prod(m.shape[i] for m in per_axis) for i in (0, 1))
    edges: Counts = np.einsum("ad,be,cf->abcdef", *per_axis).reshape(sources, targets)
    return edges
