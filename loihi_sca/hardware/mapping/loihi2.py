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
    """The ways to cut one layer, in the order in which the compiler tries them.

    Synapse words of ``n`` inputs are ``words * n + recurrent``: per input channel (within a group)
    of a convolution, per input of a dense layer.

    Attributes
    ----------
    tilings : tuple of Tiling
    cores : int array (ways,)
    words, recurrent : int array (ways,)
        Of the fullest core.
    total_words, total_recurrent : int array (ways,)
        Of all cores.
    """

    tilings: tuple[Tiling, ...]
    cores: Counts
    words: Counts
    recurrent: Counts
    total_words: Counts
    total_recurrent: Counts


def tile(geometry: Geometry, budget: CoreBudget) -> Tiling:
    """Return the tiling that the compiler chooses for a layer.

    Where not even one neuron fits a core the smallest tile is returned, and the rules say why.
    """
    found = ways(geometry, budget)
    taken = choose(found, geometry, budget, np.array([fan_in(geometry)]))
    return found.tilings[int(taken[0])]


def fan_in(geometry: Geometry) -> int:
    """Return the inputs that the words of a layer are proportional to."""
    return geometry.in_per_group if geometry.kind == "conv" else geometry.in_shape[0]


def choose(found: Ways, geometry: Geometry, budget: CoreBudget, inputs: Counts) -> Counts:
    """Return which way the compiler takes for each number of inputs: the first that fits.

    Parameters
    ----------
    inputs : int array (m,)
        As :func:`fan_in` counts them.

    Returns
    -------
    int array (m,)
        The last way where none fits.
    """
    if divides(geometry, budget):
        return _divided(found, budget, inputs)
    needed = np.multiply.outer(found.words, inputs) + found.recurrent[:, None]
    fits = needed <= budget.synapse_words
    fits[-1] = True
    first: Counts = fits.argmax(axis=0)
    return first


def ways(geometry: Geometry, budget: CoreBudget) -> Ways:
    """Return the ways to cut a layer, whatever its inputs."""
    # equal layers but for their inputs share one entry
    groups = geometry.groups if geometry.kind == "conv" else 1
    return _ways(replace(geometry, in_shape=(groups, 1, 1)), budget)


@lru_cache(maxsize=1 << 16)
def _ways(geometry: Geometry, budget: CoreBudget) -> Ways:
    tilings = tuple(_tilings(geometry, budget))
    shape = np.array(geometry.out_shape)
    sizes = np.minimum(np.array(tilings, dtype=np.int64), shape)
    tiles = -(-shape // sizes)
    before = tiles[:, 0] - 1
    full, full_own = _words(geometry, budget, sizes[:, 0])
    rest, rest_own = _words(geometry, budget, shape[0] - sizes[:, 0] * before)
    positions = tiles[:, 1] * tiles[:, 2]
    return Ways(
        tilings,
        tiles.prod(axis=1),
        np.maximum(full, rest),
        np.maximum(full_own, rest_own),
        (before * full + rest) * positions,
        (before * full_own + rest_own) * positions,
    )


def _words(geometry: Geometry, budget: CoreBudget, channels: Counts) -> tuple[Counts, Counts]:
    """Return words per input, and those of the layer's own neurons, of cores of some channels."""
    if geometry.kind == "conv":
        shared = [budget.shared_words(geometry, int(n)) for n in channels]
        return np.array(shared, dtype=np.int64), np.zeros_like(channels)
    bits, own = geometry.bits, geometry.recurrent_bits
    per_own_neuron = budget.table_words(geometry, own, channels)
    return budget.table_words(geometry, bits, channels), geometry.neurons * per_own_neuron


def divides(geometry: Geometry, budget: CoreBudget) -> bool:
    """Return whether a layer's neurons are divided by what they need, instead of halved."""
    split = budget.dense_split_after_map if geometry.from_map else budget.dense_split
    return geometry.kind == "dense" and split == "divide"


def _tilings(geometry: Geometry, budget: CoreBudget) -> Iterator[Tiling]:
    cap = budget.neurons_per_core(geometry.neuron)
    if geometry.kind == "dense":
        neurons = min(cap, geometry.neurons)
        if divides(geometry, budget):
            yield from (Tiling(n, 1, 1) for n in range(neurons, 0, -1))
            return
        while cap:
            # the cap is halved, not the neurons at hand: 4095, ..., 255, 127, 63, ...
            yield Tiling(min(cap, geometry.neurons), 1, 1)
            cap //= 2
        return
    channels, rows, width = geometry.out_shape
    if budget.strategy == "loihi2-v1" and (columns := cap // (channels * rows)):
        yield Tiling(channels, rows, _power_of_two(columns))
    channels = min(channels, cap)
    while True:
        yield Tiling(channels, *_fewest_tiles(rows, width, cap // channels))
        if channels == 1:
            return
        channels = -(-channels // 2)


@lru_cache(maxsize=1 << 14)
def _fewest_tiles(height: int, width: int, positions: int) -> tuple[int, int]:
    """Return rows and columns, ``H/2^b`` and ``2^a``, that cut a map into the fewest tiles.

    Of equally many tiles those with the most rows win.

    Parameters
    ----------
    positions : int
        At most so many in a tile, at least 1.
    """
    best, fewest = (1, 1), height * width + 1
    for halvings in range((height - 1).bit_length() + 1):
        rows = -(-height // (1 << halvings))
        if rows > positions:
            continue
        columns = _power_of_two(positions // rows)
        tiles = -(-height // rows) * -(-width // columns)
        if tiles < fewest:
            best, fewest = (rows, columns), tiles
    return best


def _divided(found: Ways, budget: CoreBudget, inputs: Counts) -> Counts:
    """Divide the neurons by ``ceil(words / limit)`` until the words fit.

    Way ``i`` has ``i`` neurons less than the first, down to one.
    """
    most = len(found.tilings)
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
