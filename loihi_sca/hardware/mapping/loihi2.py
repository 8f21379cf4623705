"""The Loihi 2 compiler's mapping in closed form: one tiling per layer, layers independent.

Reproduces the public compiler tables; HARDWARE notes and ``docs/hardware.md`` say which.
"""

from __future__ import annotations

from functools import lru_cache

from loihi_sca.hardware.mapping.memory import CoreBudget
from loihi_sca.hardware.mapping.tiling import Tiling
from loihi_sca.hardware.mapping.usage import largest_in_axons
from loihi_sca.hardware.shapes import Geometry


@lru_cache(maxsize=1 << 16)
def tile(geometry: Geometry, budget: CoreBudget) -> Tiling:
    """Return the tiling that the compiler chooses for a layer.

    Where not even one neuron fits a core the smallest tile is returned, and the rules say why.
    """
    if geometry.kind == "dense":
        return Tiling(_dense_neurons(geometry, budget), 1, 1)
    if budget.strategy == "loihi2-v1":
        return _full_height(geometry, budget) or _fewest_tiles(geometry, budget)
    return _fewest_tiles(geometry, budget)


def words(geometry: Geometry, budget: CoreBudget, channels: int) -> int:
    """Return the synapse words of a core that holds so many channels, or neurons if dense."""
    if geometry.kind == "conv":
        return budget.shared_words(geometry, channels)
    return budget.dense_words(geometry, channels)


def _dense_neurons(geometry: Geometry, budget: CoreBudget) -> int:
    """Return neurons per core of a dense layer, filled greedily: the last core takes the rest."""
    cap = budget.neurons_per_core(geometry.neuron)
    neurons = min(cap, geometry.neurons)
    split = budget.dense_split_after_map if geometry.from_map else budget.dense_split
    if split == "divide":
        while (needed := words(geometry, budget, neurons)) > budget.synapse_words and neurons > 1:
            neurons = -(-neurons // -(-needed // budget.synapse_words))
        return neurons
    # the cap is halved, not the neurons at hand: 4095, ..., 255, 127, 63, ...
    while words(geometry, budget, neurons) > budget.synapse_words and neurons > 1:
        cap //= 2
        neurons = min(cap, geometry.neurons)
    return neurons


def _full_height(geometry: Geometry, budget: CoreBudget) -> Tiling | None:
    """Return full channels and height by the largest power of two of columns, if that fits."""
    channels, rows, _ = geometry.out_shape
    columns = budget.neurons_per_core(geometry.neuron) // (channels * rows)
    if columns < 1 or words(geometry, budget, channels) > budget.synapse_words:
        return None
    tiling = Tiling(channels, rows, _power_of_two(columns))
    return tiling if largest_in_axons(geometry, tiling) <= budget.in_axons else None


def _fewest_tiles(geometry: Geometry, budget: CoreBudget) -> Tiling:
    """Halve the channels until the words fit, then take the fewest tiles of ``2^a x H/2^b``.

    Of equally many tiles those with the most rows win.
    """
    total_channels, height, width = geometry.out_shape
    cap = budget.neurons_per_core(geometry.neuron)
    channels = min(total_channels, cap)
    while _largest_words(geometry, budget, channels) > budget.synapse_words and channels > 1:
        channels = -(-channels // 2)
    best, cheapest = Tiling(channels, 1, 1), (True, total_channels * height * width)
    for halvings in range((height - 1).bit_length() + 1):
        rows = -(-height // (1 << halvings))
        columns = cap // (channels * rows)
        if columns < 1:
            continue
        tiling = _narrowed(geometry, Tiling(channels, rows, _power_of_two(columns)), budget)
        too_wide = largest_in_axons(geometry, tiling) > budget.in_axons
        cost = (too_wide, tiling.cores(geometry.out_shape))
        if cost < cheapest:
            best, cheapest = tiling, cost
    return best


def _narrowed(geometry: Geometry, tiling: Tiling, budget: CoreBudget) -> Tiling:
    """Halve the columns until the patch of the input that a tile reads fits the input axons."""
    columns = tiling.columns
    while columns > 1 and largest_in_axons(geometry, tiling) > budget.in_axons:
        columns //= 2
        tiling = tiling._replace(columns=columns)
    return tiling


def _largest_words(geometry: Geometry, budget: CoreBudget, channels: int) -> int:
    """Return the words of the fuller of the two tile sizes; the smaller tile may need more."""
    rest = geometry.out_shape[0] % channels
    needed = words(geometry, budget, channels)
    return max(needed, words(geometry, budget, rest)) if rest else needed


def _power_of_two(at_most: int) -> int:
    return 1 << (at_most.bit_length() - 1)
