"""How many channels each layer of a chain gets: an exact choice under one budget.

What a layer costs depends on its own channels and on those of the layer before, so the choices
form a chain, and dynamic programming finds the best: the state is a layer's choice and the budget
used so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Counts: TypeAlias = npt.NDArray[np.int64]
Values: TypeAlias = npt.NDArray[np.float64]

LEVELS = 1024
"""A budget of more units than this is counted in steps of a LEVELS-th of it, rounded up."""


@dataclass(frozen=True)
class Stage:
    """A layer with the numbers of channels that it may get.

    Attributes
    ----------
    choices : int array (n,)
        Numbers of channels, ascending.
    values : float array (n,)
        What each is worth.
    costs : float array (n, m)
        What each takes, for each choice of the stage before.
    """

    choices: Counts
    values: Values
    costs: Values


@dataclass(frozen=True)
class Allocation:
    """The choice made.

    Attributes
    ----------
    chosen : tuple of int
        Index into the choices of each stage.
    value, cost : float
        Sums over the chain.
    """

    chosen: tuple[int, ...]
    value: float
    cost: float


def allocate(stages: Sequence[Stage], limit: float, whole: bool = False) -> Allocation | None:
    """Return the choice of the largest value whose cost keeps a limit, None if there is none.

    Exact where costs are whole numbers and the limit is at most :data:`LEVELS`; otherwise each
    cost counts as the next larger multiple of a LEVELS-th of the limit, so that the limit is still
    kept, and what is left over is at most one such step per stage.

    Parameters
    ----------
    stages : sequence of Stage
        In order; the first has one column of costs.
    limit : float
        Of the sum of costs.
    whole : bool
        Costs are whole numbers, such as cores.
    """
    unit = 1.0 if whole and limit <= LEVELS else limit / LEVELS
    size = int(np.floor(limit / unit + 1e-9)) + 1 if limit > 0 else 1
    best = np.zeros((1, size))  # value by choice of the stage before and budget still allowed
    origins: list[Counts] = []
    for stage in stages:
        steps = np.ceil(stage.costs / (unit or 1.0) - 1e-9).astype(np.int64)
        best, origin = _advance(best, steps, stage.values)
        origins.append(origin)
    last = int(best[:, -1].argmax())
    if not np.isfinite(best[last, -1]):
        return None
    return _trace(stages, origins, last, size - 1, unit)


def _advance(best: Values, steps: Counts, values: Values) -> tuple[Values, Counts]:
    """Add a stage: for each of its choices and each budget, the best way to get there."""
    size = best.shape[1]
    budgets = np.arange(size)
    # what is taken from a budget of less than nothing was never reached
    padded = np.concatenate([np.full_like(best, -np.inf), best], axis=1)
    origin = np.empty((len(values), size), dtype=np.int64)
    reached = np.empty((len(values), size))
    for choice, taken in enumerate(np.minimum(steps, size)):
        arriving = np.take_along_axis(padded, size + budgets - taken[:, None], axis=1)
        origin[choice] = arriving.argmax(axis=0)
        reached[choice] = arriving[origin[choice], budgets] + values[choice]
    return reached, origin


def _trace(
    stages: Sequence[Stage], origins: Sequence[Counts], last: int, left: int, unit: float
) -> Allocation:
    """Follow the origins back and add up what was chosen."""
    chosen = [last]
    for stage, origin in zip(reversed(stages), reversed(origins), strict=True):
        choice = chosen[-1]
        before = int(origin[choice, left])
        left -= int(np.ceil(stage.costs[choice, before] / (unit or 1.0) - 1e-9))
        chosen.append(before)
    path = chosen[::-1]  # path[0] stands for the input
    pairs = list(zip(stages, path[1:], path[:-1], strict=True))
    return Allocation(
        tuple(path[1:]),
        float(sum(stage.values[now] for stage, now, _ in pairs)),
        float(sum(stage.costs[now, before] for stage, now, before in pairs)),
    )


def cheapest(stages: Sequence[Stage]) -> Allocation:
    """Return the choice of the least cost, whatever its value."""
    best = np.zeros(1)
    origins: list[Counts] = []
    for stage in stages:
        total = stage.costs + best[None, :]
        origins.append(total.argmin(axis=1)[:, None])
        best = total.min(axis=1)
    return _trace(stages, origins, int(best.argmin()), 0, np.inf)


def cliff_points(choices: Counts, own: Values, following: Values) -> Counts:
    """Return the indices of the choices that no larger one beats.

    A choice is beaten if a larger one costs no more, neither in its own layer for any number of
    inputs nor in the following layer for any number of outputs: more channels for the same price.

    Parameters
    ----------
    choices : int array (n,)
        Ascending.
    own : float array (n, m)
        Cost of the layer by its inputs.
    following : float array (k, n)
        Cost of the layer behind, by its outputs; it never falls with more inputs.
    """
    kept: list[int] = []
    plateau: list[int] = []
    for at in range(len(choices) - 1, -1, -1):
        if plateau and (following[:, at] < following[:, plateau[0]]).any():
            plateau = []
        if plateau and (own[plateau] <= own[at]).all(axis=1).any():
            continue
        plateau.append(at)
        kept.append(at)
    return np.array(kept[::-1], dtype=np.int64)
