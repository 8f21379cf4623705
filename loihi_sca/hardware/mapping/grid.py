"""Cores and words of a layer for many channel counts at once.

What :func:`~loihi_sca.hardware.mapping.cliffs.cores_and_words` says, as tables over numbers of
output and input channels, for searches that need a million entries in a fraction of a second. The
tests hold the two equal, entry by entry.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loihi_sca.hardware.mapping.cliffs import cores_and_words
from loihi_sca.hardware.mapping.memory import CoreBudget
from loihi_sca.hardware.mapping.tiling import Counts, largest_read
from loihi_sca.hardware.shapes import Geometry


class NeedTable(NamedTuple):
    """What a layer takes, int arrays (outputs, inputs).

    Attributes
    ----------
    cores : int array
    words : int array
        Synapse words of all its cores.
    """

    cores: Counts
    words: Counts


def need_table(
    geometry: Geometry, budget: CoreBudget, outputs: Counts, inputs: Counts
) -> NeedTable:
    """Return what a layer takes for every pair of output and input channels.

    Parameters
    ----------
    geometry : Geometry
        The layer as it is; a depthwise one takes the outputs, ``inputs`` is then repeated.
    budget : Budget
        The chip.
    outputs, inputs : int array (n,), (m,)
        Channels, or neurons and inputs of a dense layer.
    """
    plain = geometry.groups == 1 and not geometry.recurrent_bits and len(geometry.bits) == 1
    if plain and budget.shared_kernels and geometry.kind in ("conv", "dense"):
        table = _conv if geometry.kind == "conv" else _dense
        return table(geometry, budget, outputs, inputs)
    return _one_by_one(geometry, budget, outputs, inputs)


def _one_by_one(
    geometry: Geometry, budget: CoreBudget, outputs: Counts, inputs: Counts
) -> NeedTable:
    depthwise = geometry.groups > 1
    columns = inputs[:1] if depthwise else inputs
    found = [
        [cores_and_words(geometry, budget, int(o), None if depthwise else int(i)) for i in columns]
        for o in outputs
    ]
    cores = np.array([[n.cores for n in row] for row in found], dtype=np.int64)
    words = np.array([[n.total_words for n in row] for row in found], dtype=np.int64)
    shape = (len(outputs), len(inputs))
    return NeedTable(np.broadcast_to(cores, shape), np.broadcast_to(words, shape))


def _conv(geometry: Geometry, budget: CoreBudget, outputs: Counts, inputs: Counts) -> NeedTable:
    """Cut channels until the words fit, then rows and columns; see ``loihi2.tile``."""
    single = geometry.with_channels(out=1, into=1)
    # words are proportional to the inputs: per input channel, for every number of channels
    per_input = np.array([budget.shared_words(single, c) for c in range(int(outputs.max()) + 1)])
    total = np.broadcast_to(outputs[:, None], (len(outputs), len(inputs)))
    channels = np.minimum(total, budget.neurons_per_core(geometry.neuron))
    while True:
        needed = np.maximum(per_input[channels], per_input[total % channels]) * inputs
        too_many = (needed > budget.synapse_words) & (channels > 1)
        if not too_many.any():
            break
        channels = np.where(too_many, -(-channels // 2), channels)
    spatial = _fewest_tiles(geometry, budget, channels, inputs)
    if budget.strategy == "loihi2-v1":
        whole, fits = _full_height(geometry, budget, total, inputs)
        fits &= per_input[total] * inputs <= budget.synapse_words
        spatial, channels = np.where(fits, whole, spatial), np.where(fits, total, channels)
    tiles = -(-total // channels)
    rest = total - channels * (tiles - 1)
    words = ((tiles - 1) * per_input[channels] + per_input[rest]) * inputs
    return NeedTable(tiles * spatial, words * spatial)


def _fewest_tiles(
    geometry: Geometry, budget: CoreBudget, channels: Counts, inputs: Counts
) -> Counts:
    """Return the spatial tiles, the fewest over all halvings of the height."""
    _, height, width = geometry.out_shape
    cap = budget.neurons_per_core(geometry.neuron)
    best = np.full(channels.shape, height * width)
    best_is_wide = np.ones(channels.shape, dtype=np.bool_)
    for halvings in range((height - 1).bit_length() + 1):
        rows = -(-height // (1 << halvings))
        most = cap // (channels * rows)
        columns, wide = _narrowed(geometry, budget, rows, np.maximum(most, 1), inputs)
        tiles = -(-height // rows) * -(-width // columns)
        better = (best_is_wide & ~wide) | ((best_is_wide == wide) & (tiles < best))
        better &= most > 0
        best = np.where(better, tiles, best)
        best_is_wide = np.where(better, wide, best_is_wide)
    return best


def _full_height(
    geometry: Geometry, budget: CoreBudget, channels: Counts, inputs: Counts
) -> tuple[Counts, npt.NDArray[np.bool_]]:
    """Return the tiles of full channels and height, and where neurons and axons allow them."""
    _, height, width = geometry.out_shape
    most = budget.neurons_per_core(geometry.neuron) // (channels * height)
    power = _power_of_two(np.maximum(most, 1))
    wide = _patches(geometry, height, power)[power] * inputs > budget.in_axons
    return -(-width // (1 << power)), (most > 0) & ~wide


def _narrowed(
    geometry: Geometry, budget: CoreBudget, rows: int, columns: Counts, inputs: Counts
) -> tuple[Counts, npt.NDArray[np.bool_]]:
    """Return powers of two of columns that the input axons allow, and where none does."""
    power = _power_of_two(columns)
    patches = _patches(geometry, rows, power)
    while True:
        wide = patches[power] * inputs > budget.in_axons
        narrower = wide & (power > 0)
        if not narrower.any():
            return 1 << power, wide
        power = np.where(narrower, power - 1, power)


def _patches(geometry: Geometry, rows: int, power: Counts) -> Counts:
    """Return the input positions that a tile reads, by the power of two of its columns."""
    read_rows = largest_read(geometry, 1, rows)
    edges = (1 << p for p in range(int(power.max()) + 1))
    return np.array([largest_read(geometry, 2, edge) * read_rows for edge in edges])


def _power_of_two(at_most: Counts) -> Counts:
    return (np.frexp(at_most.astype(np.float64))[1] - 1).astype(np.int64)


def _dense(geometry: Geometry, budget: CoreBudget, outputs: Counts, inputs: Counts) -> NeedTable:
    """Cut neurons until the words fit; see ``loihi2._dense_neurons``."""
    cap = np.full((len(outputs), len(inputs)), budget.neurons_per_core(geometry.neuron))
    bits = budget.synapse_bits(geometry, geometry.bits[0], True)
    most = int(min(outputs.max(), cap[0, 0]))
    per_input = np.array([budget.axon_words(n, bits) for n in range(most + 1)])
    total = np.broadcast_to(outputs[:, None], cap.shape)
    neurons = np.minimum(total, cap)
    split = budget.dense_split_after_map if geometry.from_map else budget.dense_split
    while True:
        needed = per_input[neurons] * inputs
        too_many = (needed > budget.synapse_words) & (neurons > 1)
        if not too_many.any():
            break
        if split == "divide":
            parts = -(-needed // budget.synapse_words)
            neurons = np.where(too_many, -(-neurons // parts), neurons)
        else:
            cap = np.where(too_many, cap // 2, cap)
            neurons = np.minimum(total, cap)
    cores = -(-total // neurons)
    words = ((cores - 1) * per_input[neurons] + per_input[total - neurons * (cores - 1)]) * inputs
    return NeedTable(cores, words)


def input_steps(geometry: Geometry, budget: CoreBudget, outputs: int, inputs: int) -> Counts | None:
    """Return the ends of the ranges of inputs within which a layer's cores do not change.

    None where no closed form says so.

    Parameters
    ----------
    geometry : Geometry
        The layer as it is.
    outputs, inputs : int
        The most that are asked for.
    """
    plain = geometry.groups == 1 and not geometry.recurrent_bits and len(geometry.bits) == 1
    if not plain or not budget.shared_kernels:
        return None
    if geometry.kind == "dense":
        split = budget.dense_split_after_map if geometry.from_map else budget.dense_split
        if split == "divide":  # how often it divides depends on the very number of words
            return None
        bits = budget.synapse_bits(geometry, geometry.bits[0], True)
        most = min(outputs, budget.neurons_per_core(geometry.neuron))
        ends = {budget.synapse_words // budget.axon_words(n, bits) for n in range(1, most + 1)}
    else:
        single = geometry.with_channels(out=1, into=1)
        words = {budget.shared_words(single, c) for c in range(1, outputs + 1)}
        height, width = geometry.out_shape[1:]
        rows = {-(-height // (1 << n)) for n in range((height - 1).bit_length() + 1)}
        columns = np.array([max(width, budget.neurons_per_core(geometry.neuron)).bit_length()])
        patches = {int(p) for r in rows for p in _patches(geometry, r, columns) if p}
        ends = {budget.synapse_words // n for n in words} | {budget.in_axons // p for p in patches}
    return np.array(sorted({min(e, inputs) for e in ends if e > 0} | {inputs}), dtype=np.int64)
