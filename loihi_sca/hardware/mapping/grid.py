"""Cores and words of a layer for many channel counts at once.

What :func:`~loihi_sca.hardware.mapping.need.cores_and_words` says, as tables over numbers of
output and input channels, for searches that need a million entries in a fraction of a second.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loihi_sca.hardware.mapping import loihi2
from loihi_sca.hardware.mapping.memory import CoreBudget
from loihi_sca.hardware.mapping.need import cores_and_words
from loihi_sca.hardware.mapping.tiling import Counts
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
        The layer as it is; a grouped one takes the outputs, whatever the ``inputs``.
    budget : CoreBudget
        The chip.
    outputs, inputs : int array (n,), (m,)
        Channels, or neurons and inputs of a dense layer.
    """
    if not budget.shared_kernels:
        return _one_by_one(geometry, budget, outputs, inputs)
    if geometry.groups > 1:
        inputs = np.full_like(inputs, loihi2.fan_in(geometry))
    if loihi2.divides(geometry, budget):
        return _row_by_row(geometry, budget, outputs, inputs)
    most = 1 << (int(outputs.max()) - 1).bit_length()
    every = loihi2.ways_by_channels(geometry, budget, most)
    ways = loihi2.Ways(*(values[outputs - 1] for values in every))
    taken = loihi2.choose(ways, geometry, budget, inputs)
    cores, _, _, words, recurrent = (np.take_along_axis(each, taken, axis=1) for each in ways)
    return NeedTable(cores, words * inputs + recurrent)


def _row_by_row(
    geometry: Geometry, budget: CoreBudget, outputs: Counts, inputs: Counts
) -> NeedTable:
    """Return the table where every number of outputs has its own number of ways."""
    cores = np.empty((len(outputs), len(inputs)), dtype=np.int64)
    words = np.empty_like(cores)
    for row, channels in enumerate(outputs):
        _, ways = loihi2.ways(geometry.with_channels(int(channels)), budget)
        taken = loihi2.choose(ways, geometry, budget, inputs)
        cores[row] = ways.cores[taken]
        words[row] = ways.total_words[taken] * inputs + ways.total_recurrent[taken]
    return NeedTable(cores, words)


def _one_by_one(
    geometry: Geometry, budget: CoreBudget, outputs: Counts, inputs: Counts
) -> NeedTable:
    grouped = geometry.groups > 1
    columns = inputs[:1] if grouped else inputs
    found = [
        [cores_and_words(geometry, budget, int(o), None if grouped else int(i)) for i in columns]
        for o in outputs
    ]
    cores = np.array([[n.cores for n in row] for row in found], dtype=np.int64)
    words = np.array([[n.total_words for n in row] for row in found], dtype=np.int64)
    shape = (len(outputs), len(inputs))
    return NeedTable(np.broadcast_to(cores, shape), np.broadcast_to(words, shape))


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
    if not budget.shared_kernels or geometry.groups > 1:
        return None
    if loihi2.divides(geometry, budget):  # how often depends on the very number of words
        return None
    most = 1 << (outputs - 1).bit_length()
    ways = loihi2.ways_by_channels(geometry, budget, most)
    room = budget.synapse_words - ways.recurrent[:outputs]
    ends = np.unique(room // np.maximum(ways.words[:outputs], 1))
    steps: Counts = np.unique(np.minimum(np.append(ends[ends > 0], inputs), inputs))
    return steps
