"""The Loihi 2 compiler's mapping in closed form: one tiling per layer, layers independent.

The compiler tries :class:`Ways` to cut a layer, coarser ones first, and takes the first whose
synapse words fit a core. The ways do not depend on the layer's inputs, which only multiply the
words; so the mapper, which asks for one number of inputs, and a search, which asks for a thousand,
read the same table.

Reproduces the public compiler tables that ``docs/hardware.md`` names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from loihi_sca.hardware.mapping.memory import CoreBudget
from loihi_sca.hardware.mapping.tiling import Counts, Tiling
from loihi_sca.hardware.shapes import Geometry


class Ways(NamedTuple):
    """What the ways to cut a layer take, in the order in which the compiler tries them.

    Synapse words of ``n`` inputs are ``words * n + recurrent``: per input channel (within a group)
    of a convolution, per input of a dense layer. Synapses added to those of the layer's own input
    do not depend on it, and count as recurrent ones do. Each an int array (..., ways).

    Attributes
    ----------
    cores : int array
    words, recurrent : int array
        Of the fullest core.
    total_words, total_recurrent : int array
        Of all cores.
    """

    cores: Counts
    words: Counts
    recurrent: Counts
    total_words: Counts
    total_recurrent: Counts


def tile(geometry: Geometry, budget: CoreBudget) -> Tiling:
    """Return the tiling that the compiler chooses for a layer.

    Where not even one neuron fits a core the smallest tile is returned, and the rules say why.
    """
    tilings, found = ways(geometry, budget)
    taken = choose(found, geometry, budget, np.array([fan_in(geometry)]))
    return tilings[int(taken[0])]


def fan_in(geometry: Geometry) -> int:
    """Return the inputs that the words of a layer are proportional to."""
    return geometry.in_per_group if geometry.kind == "conv" else geometry.in_shape[0]


def choose(found: Ways, geometry: Geometry, budget: CoreBudget, inputs: Counts) -> Counts:
    """Return which way the compiler takes for each number of inputs: the first that fits.

    Parameters
    ----------
    found : Ways of int arrays (..., ways)
    inputs : int array (m,)
        As :func:`fan_in` counts them.

    Returns
    -------
    int array (..., m)
        The last way where none fits.
    """
    if divides(geometry, budget):
        return _divided(found, budget, inputs)
    *counts, number = found.words.shape
    taken = np.full((*counts, len(inputs)), number - 1, dtype=np.int64)
    for way in range(number - 2, -1, -1):
        needed = found.words[..., way, None] * inputs + found.recurrent[..., way, None]
        taken[needed <= budget.synapse_words] = way
    return taken


def ways(geometry: Geometry, budget: CoreBudget) -> tuple[tuple[Tiling, ...], Ways]:
    """Return the ways to cut a layer and what they take, arrays (ways,)."""
    return _ways(_without_inputs(geometry), budget)


def ways_by_channels(geometry: Geometry, budget: CoreBudget, most: int) -> Ways:
    """Return what the ways take for 1 to ``most`` output channels, arrays (most, ways).

    Where there are fewer ways than elsewhere, the last is repeated.
    """
    return _ways_by_channels(_without_inputs(geometry), budget, most)


def _without_inputs(geometry: Geometry) -> Geometry:
    """Return the same for layers that differ in their inputs only."""
    groups = geometry.groups if geometry.kind == "conv" else 1
    return replace(geometry, in_shape=(groups, 1, 1), stride=(1, 1), padding=(0, 0))


@lru_cache(maxsize=1 << 6)
def _ways_by_channels(geometry: Geometry, budget: CoreBudget, most: int) -> Ways:
    found = [tuple(_tilings(geometry, budget, n)) for n in range(1, most + 1)]
    number = max(len(each) for each in found)
    padded = [each + each[-1:] * (number - len(each)) for each in found]
    return _taken(geometry, budget, np.arange(1, most + 1)[:, None], np.array(padded))


@lru_cache(maxsize=1 << 16)
def _ways(geometry: Geometry, budget: CoreBudget) -> tuple[tuple[Tiling, ...], Ways]:
    channels = geometry.out_shape[0]
    tilings = tuple(_tilings(geometry, budget, channels))
    return tilings, _taken(geometry, budget, np.array([channels]), np.array(tilings))


def _taken(geometry: Geometry, budget: CoreBudget, outputs: Counts, tilings: Counts) -> Ways:
    """Return what tilings, (..., ways, 3), of layers of some output channels, (..., 1), take."""
    size = np.minimum(tilings[..., 0], outputs)
    tiles = -(-outputs // size)
    positions = np.ones_like(tiles)
    for axis in (1, 2):
        positions *= -(-geometry.out_shape[axis] // tilings[..., axis])
    sizes = np.stack([size, outputs - size * (tiles - 1)])
    (full, rest), (full_own, rest_own) = _words(geometry, budget, sizes)
    full_more, rest_more = _added_words(geometry, budget, sizes)
    return Ways(
        tiles * positions,
        np.maximum(full, rest),
        outputs * np.maximum(full_own, rest_own) + np.maximum(full_more, rest_more),
        ((tiles - 1) * full + rest) * positions,
        outputs * ((tiles - 1) * full_own + rest_own)
        + ((tiles - 1) * full_more + rest_more) * positions,
    )


def _added_words(geometry: Geometry, budget: CoreBudget, channels: Counts) -> Counts:
    """Return the words of the synapses that are added, of cores of some channels."""
    words = np.zeros_like(channels)
    for table in geometry.added:
        per_input, _ = _words(_without_inputs(table), budget, channels)
        words = words + fan_in(table) * per_input
    return words


def _words(geometry: Geometry, budget: CoreBudget, channels: Counts) -> tuple[Counts, Counts]:
    """Return words per input and per neuron of the layer itself, of cores of some channels."""
    if geometry.kind == "conv":
        return budget.shared_words(geometry, channels), np.zeros_like(channels)
    arriving, own = geometry.bits, geometry.recurrent_bits
    return (
        budget.table_words(geometry, arriving, channels),
        budget.table_words(geometry, own, channels),
    )


def divides(geometry: Geometry, budget: CoreBudget) -> bool:
    """Return whether a layer's neurons are divided by what they need, instead of halved."""
    split = budget.dense_split_after_map if geometry.from_map else budget.dense_split
    return geometry.kind == "dense" and split == "divide"


def _tilings(geometry: Geometry, budget: CoreBudget, channels: int) -> Iterator[Tiling]:
    """Yield the ways to cut a layer of so many output channels, or neurons if dense."""
    cap = budget.neurons_per_core(geometry.neuron)
    if geometry.kind == "dense":
        if divides(geometry, budget):
            yield from (Tiling(n, 1, 1) for n in range(min(cap, channels), 0, -1))
            return
        while cap:
            # the cap is halved, not the neurons at hand: 4095, ..., 255, 127, 63, ...
            yield Tiling(min(cap, channels), 1, 1)
            cap //= 2
        return
    _, height, width = geometry.out_shape
    if budget.strategy == "loihi2-v1" and (columns := cap // (channels * height)):
        yield Tiling(channels, height, _power_of_two(columns))
    held = min(channels, cap)
    while True:
        yield Tiling(held, *_fewest_tiles(height, width, cap // held, -(-channels // held)))
        if held == 1:
            return
        held = -(-held // 2)


@lru_cache(maxsize=1 << 14)
def _fewest_tiles(height: int, width: int, positions: int, slices: int) -> tuple[int, int]:
    """Return rows and columns, ``H/2^b`` and ``2^a``, that cut a map into the fewest tiles.

    Of equally many tiles those cut most along the height, as long as that has fewer tiles than
    columns and channels together. Source: the tiles of YOLO-KP's compiler table.

    Parameters
    ----------
    height, width : int
    positions : int
        At most so many in a tile, at least 1.
    slices : int
        Tiles along the channels.
    """
    best, fewest = (1, 1), height * width + 1
    for halvings in range((height - 1).bit_length() + 1):
        rows = -(-height // (1 << halvings))
        if rows > positions:
            continue
        columns = _power_of_two(positions // rows)
        high, wide = -(-height // rows), -(-width // columns)
        if high * wide < fewest or (high * wide == fewest and high < wide * slices):
            best, fewest = (rows, columns), high * wide
    return best


def _divided(found: Ways, budget: CoreBudget, inputs: Counts) -> Counts:
    """Divide the neurons by ``ceil(words / limit)`` until the words fit.

    Way ``i`` has ``i`` neurons less than the first, down to one.
    """
    most = len(found.words)
    at = np.zeros(len(inputs), dtype=np.int64)
    while True:
        needed = found.words[at] * inputs + found.recurrent[at]
        too_many = (needed > budget.synapse_words) & (at < most - 1)
        if not too_many.any():
            return at
        neurons = -(-(most - at) // -(-needed // budget.synapse_words))
        at = np.where(too_many, most - neurons, at)


def _power_of_two(at_most: int) -> int:
    return 1 << (at_most.bit_length() - 1)
