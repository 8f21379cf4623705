"""One list of channels over all layers, as published: how far down the list a budget reaches.

The list is walked count by count, because words and cores are not monotone: a kernel of 60 channels
can take more words than one of 64, so that a longer list may fit where a shorter one does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from loihi_sca.planning.chain import Unit
from loihi_sca.planning.meters import Counts, Meter, Values

AHEAD = 24
"""Longer lists that are tried where only whole networks tell what they take."""


def lists_of(units: Sequence[Unit], scores: Sequence[Values], floors: Sequence[int]) -> Counts:
    """Return the channels of each unit for every length of the list, (lengths, units).

    Parameters
    ----------
    units : sequence of Unit
    scores : sequence of float array (C,)
        Of each unit's channels; of units that are not prunable they are not looked at.
    floors : sequence of int
        Fewest channels of each unit.
    """
    ranked = [np.sort(s) if u.prunable else None for u, s in zip(units, scores, strict=True)]
    thresholds = np.unique(np.concatenate([s for s in ranked if s is not None]))[::-1]
    columns = []
    for of_unit, floor in zip(ranked, floors, strict=True):
        counts = np.full(len(thresholds) + 1, floor)
        if of_unit is not None:
            reached = len(of_unit) - np.searchsorted(of_unit, thresholds, side="left")
            counts[1:] = np.maximum(reached, floor)
        columns.append(counts)
    lists = np.stack(columns, axis=1)
    changed = (np.diff(lists, axis=0) != 0).any(axis=1)
    longest: Counts = lists[np.append(changed, True)]
    return longest


def longest_within(
    units: Sequence[Unit],
    meter: Meter,
    lists: Counts,
    limit: float,
    total: Callable[[Counts], float],
) -> Counts | None:
    """Return the longest list that keeps a limit, None if there is none.

    Exact where what a network takes is the sum over its units. Elsewhere (energy, cores of Loihi 1)
    the place is found by bisection, and the next :data:`AHEAD` lists are tried as well.

    Parameters
    ----------
    lists : int array (lengths, units)
        Of :func:`lists_of`.
    total : callable
        What a whole network takes with so many channels in each unit.
    """
    allowed = limit * (1 + 1e-9)
    if meter.additive:
        within = np.flatnonzero(_sums(units, meter, lists) <= allowed)
        return lists[within[-1]] if len(within) else None
    best, few, many = -1, 0, len(lists) - 1
    while few <= many:
        middle = (few + many) // 2
        if total(lists[middle]) <= allowed:
            best, few = middle, middle + 1
        else:
            many = middle - 1
    for longer in range(best + 1, min(best + 1 + AHEAD, len(lists))):
        if total(lists[longer]) <= allowed:
            best = longer
    return lists[best] if best >= 0 else None


def _sums(units: Sequence[Unit], meter: Meter, lists: Counts) -> Values:
    """Return what the units take together, for each list."""
    sums = np.zeros(len(lists))
    before = np.full(len(lists), units[0].geometry.in_shape[0])
    for unit, now in zip(units, lists.T, strict=True):
        outputs, inputs = np.unique(now), np.unique(before)
        table = meter.costs(unit, outputs, inputs)
        sums += table[np.searchsorted(outputs, now), np.searchsorted(inputs, before)]
        before = now
    return sums
