"""Budgets instead of ratios: how many channels each layer keeps, for a network that fits.

The kept importance is made as large as the budget allows. A budget is one of the mapper's
quantities, such as cores, and what a plan promises is what the mapper says of the planned network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.config import FRACTIONS, TRUST, Objective, PruningConfig
from loihi_sca.errors import ConfigError
from loihi_sca.hardware import load_profile
from loihi_sca.hardware.shapes import Architecture
from loihi_sca.planning.allocation import Allocation, Stage, allocate, cheapest
from loihi_sca.planning.candidates import FINE, around, candidates
from loihi_sca.planning.chain import Unit, chain_of
from loihi_sca.planning.meters import Counts, Meter, Rates, Values, meter_of
from loihi_sca.planning.outline import Outline
from loihi_sca.problems import CHAINS, NO_ADD

Importance: TypeAlias = Mapping[str, npt.NDArray[np.float32]]
"""Score of every channel, by layer."""

LEAST_EVEN = 1e-3
"""Share of worth that all channels have alike even if scores are trusted: worth stays finite."""

TRIES = 12
"""Searches with a tighter aim, where a search's costs are not all of what counts in the end."""


@dataclass(frozen=True)
class Target:
    """A budget in the units of its meter.

    Attributes
    ----------
    name : str
        Key of the recipe.
    given : float or str
        As the recipe gives it.
    limit, dense : float
        What the network may take, and what the dense one takes.
    meter : Meter
        What is counted.
    """

    name: str
    given: float | str
    limit: float
    dense: float
    meter: Meter


def target_of(config: PruningConfig, outline: Outline, rates: Rates | None = None) -> Target:
    """Return the budget of a recipe in the units of its meter.

    Raises
    ------
    ConfigError
        There is no such profile, or it is a budget of a chip for a network that cannot be mapped.
    """
    name, given = config.budget
    if outline.architecture.additions and name not in FRACTIONS:
        blocks = ", ".join(addition.block for addition in outline.architecture.additions)
        raise ConfigError(
            f"pruning.{name} = {given}: needs the network mapped to a chip, and {blocks} cannot "
            f"be: {NO_ADD}. {CHAINS} Budgets for this network are {', '.join(FRACTIONS)}."
        )
    meter = meter_of(name, config.profile, outline.prunable, rates or Rates())
    dense = meter.total(outline.architecture)
    if isinstance(given, str):  # "2 chips"
        limit = int(given.split()[0]) * float(int(load_profile(config.profile).chip.cores))
    else:
        limit = given * dense if name in FRACTIONS else float(given)
    if name == "keep":
        limit = float(round(limit))
    return Target(name, given, limit, dense, meter)


@dataclass(frozen=True)
class Plan:
    """How many channels every layer keeps.

    Attributes
    ----------
    target : Target
        The budget.
    channels : dict of str to int
        By prunable layer.
    promised : float
        What the planned network takes, in the units of the target.
    architecture : Architecture
        The planned network.
    """

    target: Target
    channels: dict[str, int]
    promised: float
    architecture: Architecture


def plan(
    outline: Outline,
    target: Target,
    *,
    importance: Importance | None = None,
    floor: int = 1,
    objective: Objective = "harmonic",
    trust: float = TRUST,
) -> Plan:
    """Divide a budget over the layers so that the kept importance is largest.

    Parameters
    ----------
    outline : Outline
        The dense network.
    target : Target
        The budget.
    importance : mapping of str to float array (C,), optional
        Scores of the channels of every prunable layer; by default all channels count the same.
    floor : int
        No layer gets fewer channels, unless it has fewer.
    objective : {"harmonic", "product", "sum", "rank"}
        The harmonic mean over the layers of the share of importance that a layer keeps; the product
        of these shares; the plain sum of the importance kept; or the best of one list over all
        layers, as many as fit.
    trust : float
        How far shares of importance are believed, from 0, where all channels of a layer count
        alike, to 1; see :class:`loihi_sca.config.PruningConfig`.

    Raises
    ------
    ConfigError
        The budget cannot be reached; the message says how close one gets.
    """
    units = chain_of(outline)
    floors = [min(floor, u.channels) if u.prunable else u.channels for u in units]
    if target.dense <= target.limit:
        return _as_plan(outline, target, [u.channels for u in units], units)
    worth = [_values(u, importance, objective, trust) for u in units]
    problem = _Problem(units, target.meter, worth, candidates(units, target.meter, floors))
    if objective == "rank":
        return _ranked(outline, target, problem, importance, floors)
    return _tightened(outline, target, problem)


@dataclass(frozen=True)
class _Problem:
    """A search: the units, what their channels are worth and which counts are considered."""

    units: Sequence[Unit]
    meter: Meter
    worth: Sequence[Values]
    options: Sequence[Counts]

    def stages(self, options: Sequence[Counts]) -> list[Stage]:
        """Return the table of costs between neighbours."""
        stages = []
        before = np.array([self.units[0].geometry.in_shape[0]])
        for unit, values, counts in zip(self.units, self.worth, options, strict=True):
            stages.append(Stage(counts, values[counts - 1], self.meter.costs(unit, counts, before)))
            before = counts
        return stages

    def solve(self, limit: float) -> list[int] | None:
        """Return the channels of each unit, None if there is no way."""
        stages = self.stages(self.options)
        found = allocate(stages, limit, self.meter.whole)
        if found is None:
            return None
        options = self.options
        if not self.meter.whole:  # once more, with finer steps
            options = [around(o, c, FINE) for o, c in zip(options, found.chosen, strict=True)]
            finer = allocate(self.stages(options), limit, False)
            options, found = (options, finer) if finer else (self.options, found)
        return _counts(options, found)

    def cost(self, counts: Sequence[int]) -> float:
        """Return what the search takes a choice of channels to cost."""
        return float(cheapest(self.stages([np.array([n]) for n in counts])).cost)

    def least(self) -> list[int]:
        """Return the channels that cost least."""
        return _counts(self.options, cheapest(self.stages(self.options)))


def _counts(options: Sequence[Counts], allocation: Allocation) -> list[int]:
    return [int(o[c]) for o, c in zip(options, allocation.chosen, strict=True)]


def _values(
    unit: Unit, importance: Importance | None, objective: Objective, trust: float
) -> Values:
    """Return what the best ``k`` channels of a unit are worth, for k from 1 to all, (C,)."""
    if not unit.prunable:
        return np.zeros(unit.channels)
    scores = np.ones(unit.channels)
    if importance is not None:
        scores = np.asarray(importance[unit.name], dtype=np.float64)
    if objective == "sum":
        kept: Values = np.cumsum(np.sort(scores)[::-1])
        return kept
    share = np.arange(1, unit.channels + 1) / unit.channels
    positive = np.cumsum(np.sort(np.maximum(scores, 0.0))[::-1])
    if positive[-1] > 0:  # nothing is known of the channels otherwise
        even = max(1 - trust, LEAST_EVEN)
        share = even * share + (1 - even) * positive / positive[-1]
    return np.log(share) if objective == "product" else -1 / share


def _tightened(outline: Outline, target: Target, problem: _Problem) -> Plan:
    """Search with a tighter aim until the whole network keeps the limit, then loosen the aim."""
    limit, best = target.limit, None
    aim = too_high = limit
    for _ in range(TRIES):
        counts = problem.solve(aim)
        if counts is None:
            break
        found = _as_plan(outline, target, counts, problem.units)
        if found.promised <= limit * (1 + 1e-9):
            best = found
            if aim == limit or too_high - aim < 0.02 * limit:
                break
            aim = (aim + too_high) / 2
        else:
            # what the search does not see, such as static power, may be more than the aim leaves
            too_high = min(aim, problem.cost(counts))
            aim = too_high * min(limit / found.promised, 0.97)
    if best is not None:
        return best
    raise ConfigError(_out_of_reach(outline, target, problem))


def _ranked(
    outline: Outline,
    target: Target,
    problem: _Problem,
    importance: Importance | None,
    floors: Sequence[int],
) -> Plan:
    """Keep the best channels of one list over all layers, as many as the limit allows."""
    units = problem.units
    scores = [_scores(u, importance) for u in units if u.prunable]
    ranking = np.sort(np.concatenate(scores))[::-1]
    best, few, many = None, 0, len(ranking)
    while few <= many:  # how many are kept, by bisection: more channels take more
        middle = (few + many) // 2
        least = ranking[middle - 1] if middle else np.inf
        counts = [
            max(floor, int((_scores(u, importance) >= least).sum())) if u.prunable else floor
            for u, floor in zip(units, floors, strict=True)
        ]
        found = _as_plan(outline, target, counts, units)
        if found.promised <= target.limit * (1 + 1e-9):
            best, few = found, middle + 1
        else:
            many = middle - 1
    if best is None:
        raise ConfigError(_out_of_reach(outline, target, problem))
    return best


def _scores(unit: Unit, importance: Importance | None) -> Values:
    """Return the scores of a unit; without any, such that layers are cut in proportion."""
    if importance is None:
        return 1.0 - np.arange(unit.channels) / unit.channels
    return np.asarray(importance[unit.name], dtype=np.float64)


def _as_plan(
    outline: Outline, target: Target, counts: Sequence[int], units: Sequence[Unit]
) -> Plan:
    channels = {u.name: c for u, c in zip(units, counts, strict=True) if u.prunable}
    architecture = outline.with_channels(channels)
    return Plan(target, channels, target.meter.total(architecture), architecture)


def _out_of_reach(outline: Outline, target: Target, problem: _Problem) -> str:
    least = _as_plan(outline, target, problem.least(), problem.units)
    closest = ", ".join(f"{name} {count}" for name, count in least.channels.items())
    return (
        f"pruning.{target.name} = {target.given} cannot be reached: the limit is "
        f"{target.limit:,.4g} {target.meter.unit}, and with the floors given the network takes at "
        f"least {least.promised:,.4g} ({closest}). Ask for more, lower pruning.min_channels, or "
        "make the layers smaller."
    )
