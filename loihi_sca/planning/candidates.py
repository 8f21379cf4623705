"""Which numbers of channels are worth considering for each layer.

For cores these are the cliff points, and none that could matter is left out. For what grows with
every channel they are spread over the range, and once more, finer, around what a first search
found.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from loihi_sca.hardware.mapping.grid import input_steps
from loihi_sca.hardware.mapping.memory import CoreBudget, core_budget_of
from loihi_sca.planning.allocation import cliff_points
from loihi_sca.planning.chain import Unit
from loihi_sca.planning.meters import Cores, Meter

Counts = npt.NDArray[np.int64]

SPREAD = 40
"""Counts per layer in a first search over quantities without cliffs."""

SPREAD_SLOW = 10
"""The same where the mapper takes milliseconds per layer (Loihi 1)."""

FINE = 24
"""Counts per layer in the second search, around the first."""


def candidates(units: Sequence[Unit], meter: Meter, floors: Sequence[int]) -> list[Counts]:
    """Return ascending channel counts for each unit, from its floor to what it has."""
    if isinstance(meter, Cores) and meter.is_chain:
        found = _cliffs(units, meter, floors)
        if found is not None:
            return found
    spread = spread_of(meter)
    return [
        _spread(floor, unit.channels, spread) for unit, floor in zip(units, floors, strict=True)
    ]


def around(found: Counts, chosen: int, all_counts: int) -> Counts:
    """Return counts between the neighbours of a chosen one, that one and its neighbours included.

    Parameters
    ----------
    found : int array
        Candidates of the first search.
    chosen : int
        Index of the one chosen.
    all_counts : int
        At most so many.
    """
    low, high = found[max(chosen - 1, 0)], found[min(chosen + 1, len(found) - 1)]
    even = np.linspace(low, high, min(all_counts, int(high - low) + 1)).round().astype(np.int64)
    fine: Counts = np.unique(np.append(even, found[chosen]))
    return fine


def spread_of(meter: Meter) -> int:
    """Return how many counts per layer a first search takes."""
    slow = isinstance(meter, Cores) and not core_budget_of(meter.profile).shared_kernels
    return SPREAD_SLOW if slow else SPREAD


def _spread(floor: int, channels: int, most: int) -> Counts:
    """Return counts in equal ratios."""
    return np.unique(np.geomspace(floor, channels, most).round().astype(np.int64))


def _cliffs(units: Sequence[Unit], meter: Cores, floors: Sequence[int]) -> list[Counts] | None:
    """Return the cliff points of each unit; None where the profile has no closed form for them."""
    budget = core_budget_of(meter.profile)
    widths = [unit.geometry.in_shape[0] // unit.positions for unit in units]
    steps = [_steps(unit, budget, width) for unit, width in zip(units, widths, strict=True)]
    found: list[Counts] = []
    for at, (unit, floor) in enumerate(zip(units, floors, strict=True)):
        counts = np.arange(floor, unit.channels + 1)
        own_steps = steps[at]
        if own_steps is None:
            return None
        own = meter.costs(unit, counts, own_steps)
        ranges = np.zeros((1, len(counts)))
        if at + 1 < len(units) and (behind := steps[at + 1]) is not None:
            # within a range of its inputs the next unit costs the same
            ranges[0] = np.searchsorted(behind, counts)
        found.append(counts[cliff_points(counts, own, ranges)])
    return found


def _steps(unit: Unit, budget: CoreBudget, inputs: int) -> Counts | None:
    """Return the ends of the ranges of input channels within which a unit's cores are the same."""
    if unit.geometry.kind == "input" or unit.geometry.groups > 1:  # which have the inputs they have
        return np.array([inputs])
    outputs, heard = unit.channels + unit.hands_on, inputs + unit.hears_constant
    ends = input_steps(unit.geometry, budget, outputs, heard * unit.positions)
    if ends is None:
        return None
    channels: Counts = np.unique(np.maximum(ends // unit.positions - unit.hears_constant, 1))
    return channels
