"""Budgets instead of ratios: how many channels each layer keeps, for a network that fits.

The kept importance is made as large as the budget allows. A budget is one of the mapper's
quantities, such as cores, and what a plan promises is what the mapper says of the planned network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.config import TRUST, Objective
from loihi_sca.errors import ConfigError
from loihi_sca.hardware.shapes import Architecture
from loihi_sca.planning.allocation import Allocation, Stage, allocate, cheapest
from loihi_sca.planning.candidates import FINE, around, candidates
from loihi_sca.planning.chain import Unit, chain_of
from loihi_sca.planning.filling import fill, reason_for_less
from loihi_sca.planning.meters import Counts, Meter, Values
from loihi_sca.planning.outline import Outline
from loihi_sca.planning.ranking import lists_of, longest_within
from loihi_sca.planning.target import Target

Importance: TypeAlias = Mapping[str, npt.NDArray[np.float32]]
"""Score of every channel, by layer."""

LEAST_EVEN = 1e-3
"""Share of worth that all channels have alike even if scores are trusted: worth stays finite."""

TRIES = 16
"""Searches with a tighter aim, where a search's costs are not all of what counts in the end."""


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
    reason : str
        Why less than :data:`loihi_sca.planning.filling.USED` of the budget is used, if so.
    """

    target: Target
    channels: dict[str, int]
    promised: float
    architecture: Architecture
    reason: str = ""


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
        everything = [u.channels for u in units]
        whole = _as_plan(outline, target, everything, units)
        reason = reason_for_less(
            units, everything, target.limit, lambda _: whole.promised, target.meter.unit
        )
        return replace(whole, reason=reason)
    worth = [_values(u, importance, objective, trust) for u in units]
    problem = _Problem(units, target.meter, worth, candidates(units, target.meter, floors))
    if objective == "rank":
        return _ranked(outline, target, problem, importance, floors)
    return _filled(_tightened(outline, target, problem), outline, problem)


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

    def least_cost(self) -> float:
        """Return what the units take at least, together."""
        return cheapest(self.stages(self.options)).cost

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
    """Search with a tighter aim until the whole network keeps the limit, then loosen the aim.

    The search may also take more of a network to cost more than it does, so that aims beyond the
    limit are tried.
    """
    limit, best = target.limit, None
    low, high, aim = problem.least_cost(), limit, limit
    if outline.architecture.additions and not target.meter.additive:
        high = max(limit, problem.cost([u.channels for u in problem.units]))
    for _ in range(TRIES):
        counts = problem.solve(aim)
        found = None if counts is None else _as_plan(outline, target, counts, problem.units)
        if found is not None and found.promised <= limit * (1 + 1e-9):
            if best is None or found.promised > best.promised:
                best = found
            if aim == high or high - aim < 0.02 * aim:
                break
            low, aim = aim, (aim + high) / 2
        else:
            high, guess = aim, low
            if counts is not None and found is not None:
                # what the search does not see, such as static power, may be more than is left
                high = min(aim, problem.cost(counts))
                guess = high * min(limit / found.promised, 0.97)
            aim = guess if guess > low else (low + high) / 2
    if best is None:
        best = _as_plan(outline, target, problem.least(), problem.units)
    if best.promised <= limit * (1 + 1e-9):
        return best
    raise ConfigError(_out_of_reach(outline, target, problem))


def _filled(found: Plan, outline: Outline, problem: _Problem) -> Plan:
    """Give what is left to layers that can use it, and say why there is anything left."""
    target, units = found.target, problem.units

    def total(counts: Sequence[int]) -> float:
        return _as_plan(outline, target, counts, units).promised

    counts = [found.channels.get(u.name, u.channels) for u in units]
    meter = target.meter
    if meter.whole and not meter.additive and found.promised < target.limit:
        counts = fill(units, counts, target.limit, total)
        found = _as_plan(outline, target, counts, units)
    return replace(found, reason=reason_for_less(units, counts, target.limit, total, meter.unit))


def _ranked(
    outline: Outline,
    target: Target,
    problem: _Problem,
    importance: Importance | None,
    floors: Sequence[int],
) -> Plan:
    """Keep the best channels of one list over all layers, as many as the limit allows."""
    units = problem.units

    def total(counts: Sequence[int]) -> float:
        return _as_plan(outline, target, counts, units).promised

    scores = [_scores(u, importance) if u.prunable else np.zeros(0) for u in units]
    lists = lists_of(units, scores, floors)
    counts = longest_within(
        units, target.meter, lists, target.limit, lambda x: total([int(n) for n in x])
    )
    if counts is None:
        raise ConfigError(_out_of_reach(outline, target, problem))
    chosen = [int(n) for n in counts]
    reason = reason_for_less(units, chosen, target.limit, total, target.meter.unit)
    return replace(_as_plan(outline, target, chosen, units), reason=reason)


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
        f"pruning.{target.budget.name} = {target.budget.amount} cannot be reached: the limit is "
        f"{target.limit:,.4g} {target.meter.unit}, and with the floors given the network takes at "
        f"least {least.promised:,.4g} ({closest}). Ask for more, lower pruning.min_channels, or "
        "make the layers smaller."
    )
