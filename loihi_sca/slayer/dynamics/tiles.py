"""What the kernels share: arrays of neurons, cut into tiles and chunks.

All arrays are time-first, ``[T, P]`` with P = samples x places x channels and the channel varying
fastest: neighbouring neurons at one timestep lie side by side, so the inner loops are vector
instructions. A kernel walks over *tiles* of about a thousand neurons; their state lives in the
first-level cache for all T steps. Tiles are grouped into a fixed number of *chunks*, the unit of
parallel work: sums are kept per chunk and added in order, so no result depends on the number of
threads or on who was faster.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.slayer.dynamics.jit import inlined

Array: TypeAlias = npt.NDArray[Any]

TILE = 1024
"""Neurons per tile, rounded up to whole rows of channels."""

PAD = 32
"""Columns that keep the rows of a table apart in the cache."""


def tile_length(channels: int) -> int:
    """Return the number of neurons in a tile."""
    return -(-TILE // channels) * channels


@inlined
def tiled(values: Array, length: int) -> Array:
    """Repeat a value per channel along a tile."""
    channels = len(values)
    tile = np.empty(length, values.dtype)
    for start in range(0, length, channels):
        tile[start : start + channels] = values
    return tile


@inlined
def add_up(tile: Array, used: int, sums: Array) -> None:
    """Add the accumulators of a tile to the sums per channel; the tile is folded, and spent."""
    channels = len(sums)
    rows = used // channels
    while rows > 1:
        half = rows // 2
        other = (rows - half) * channels
        for j in range(half * channels):
            tile[j] += tile[other + j]
        rows -= half
    for c in range(channels):
        sums[c] += tile[c]


@inlined
def add_up_widely(tile: Array, used: int, sums: Array) -> None:
    """As :func:`add_up`, for integers whose sum over a tile may need more bits."""
    channels = len(sums)
    for start in range(0, used, channels):
        for c in range(channels):
            sums[c] += tile[start + c]


@inlined
def tile_range(chunk: int, chunks: int, tiles: int) -> tuple[int, int]:
    """Return the tiles of a chunk."""
    return chunk * tiles // chunks, (chunk + 1) * tiles // chunks
