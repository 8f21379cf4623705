"""Results of a sweep, averaged over seeds, as a table and as a picture."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from loihi_sca.config import FRACTIONS
from loihi_sca.reporting.picture import Picture
from loihi_sca.reporting.tradeoffs import Point, front_of, scatter

Result: TypeAlias = dict[str, Any]
"""What a run's ``result.json`` says."""


@dataclass(frozen=True)
class Mean:
    """Mean and standard deviation over seeds.

    Attributes
    ----------
    mean, std : float
        ``std`` is that of the sample, 0 for one.
    count : int
    """

    mean: float
    std: float
    count: int


def groups(results: Sequence[Result]) -> list[list[Result]]:
    """Return results that differ by the seed only: one recipe, from random or trained weights."""
    found: dict[str, list[Result]] = {}
    for result in results:
        recipe = {key: value for key, value in result["recipe"].items() if key != "seed"}
        key = json.dumps([recipe, result["budget"], _start(result)], sort_keys=True)
        found.setdefault(key, []).append(result)
    return list(found.values())


def _start(result: Result) -> str:
    return "dense" if result.get("start") else "scratch"


def summary(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return a row per group: means over seeds of accuracy, connections, synops, cores, energy.

    Connections and synops are also given as a share of those of the dense network that a run
    started from, or of that of the same seed.
    Energies are totals, static power included; a row has none where that of a run is not known.
    ``start`` is ``dense`` where a trained dense network was pruned, and ``scratch`` elsewhere;
    ``pruning`` is the recipe's section.
    """
    whole = [r for r in results if r["budget"] is None]
    dense = {key: r for r in whole for key in (r["seed"], r.get("run", ""))}
    rows = []
    for members in groups(results):
        first = members[0]
        name, amount = next(iter((first["budget"] or {"dense": None}).items()))
        row: dict[str, Any] = {
            "budget": name, "amount": amount, "criterion": first["criterion"],
            "objective": first["objective"], "start": _start(first), "seeds": len(members),
            "pruning": first["recipe"].get("pruning"),
        }  # fmt: skip
        for figure, values in _figures(members, dense):
            mean = mean_of(values)
            row[figure], row[f"{figure}_std"] = mean.mean, mean.std
        rows.append(row)
    return rows


def _figures(
    members: Sequence[Result], dense: Mapping[int | str, Result]
) -> Iterator[tuple[str, list[float]]]:
    for figure in ("accuracy", "validation_accuracy", "connections", "synops"):
        yield figure, [m[figure] for m in members]
    whole = [dense.get(m.get("start") or m["seed"]) for m in members]
    for figure in ("connections", "synops"):
        shares = [m[figure] / w[figure] for m, w in zip(members, whole, strict=True) if w]
        if len(shares) == len(members):
            yield f"{figure}_share", shares
    for profile in members[0]["chips"]:
        yield f"cores_{profile}", [m["chips"][profile]["cores"] for m in members]
        energies = [m["chips"][profile].get("energy_uj") for m in members]
        known = [energy["best"] for energy in energies if energy is not None]
        if len(known) == len(members):  # an unknown energy is no energy of 0
            yield f"energy_uj_{profile}", known


def mean_of(values: Sequence[float]) -> Mean:
    """Return mean and standard deviation of a sample."""
    mean = sum(values) / len(values)
    spread = sum((v - mean) ** 2 for v in values) / max(len(values) - 1, 1)
    return Mean(mean, spread**0.5, len(values))


def pareto(rows: Sequence[Mapping[str, Any]], x: str, x_label: str) -> Picture:
    """Draw accuracy against a cost: one line per way to prune.

    Ways differ by criterion, and by objective and currency of the budget if there are several.

    Parameters
    ----------
    rows : sequence of mapping
        Of :func:`summary`.
    x : str
        The cost, such as ``cores_loihi2``.
    x_label : str
        For people.

    Rows whose cost is not known are left out.
    """
    rows = [row for row in rows if x in row]
    ways = [_way(row) for row in rows if row["criterion"]]
    told = [True, *(len(set(parts)) > 1 for parts in list(zip(*ways, strict=True))[1:])]
    series: dict[str, list[Point]] = {}
    for row in rows:
        name = ", ".join(itertools.compress(_way(row), told)) if row["criterion"] else "dense"
        point = Point(row[x], row["accuracy"], row["accuracy_std"], label_of(row, name))
        series.setdefault(name, []).append(point)
    return scatter(
        f"pareto-{x}", series, x_label=x_label, y_label="accuracy of the integers",
        joined=list(series), with_front=True,
    )  # fmt: skip


def label_of(row: Mapping[str, Any], way: str) -> str:
    """Return what a row is: its budget, the way it was pruned, its seeds."""
    budget = "" if row["amount"] is None else f"{row['budget']}={row['amount']}, "
    seeds = f", {row['seeds']} seeds" if row["seeds"] > 1 else ""
    return f"{budget}{way}{seeds}"


def _way(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return criterion, objective and what the budget was given in, with its chip if it has one."""
    currency = row["budget"]
    if currency not in FRACTIONS:
        currency = f"{currency} of {row['pruning']['profile']}"
    return row["criterion"], row["objective"], currency


def front(rows: Sequence[Mapping[str, Any]], x: str) -> list[Mapping[str, Any]]:
    """Return the rows that no other beats: none has less of the cost and at least the accuracy.

    Rows whose cost is not known are left out.
    """
    points = [Point(row[x], row["accuracy"], 0.0, str(i)) for i, row in enumerate(rows) if x in row]
    return [rows[i] for i in sorted(int(point.told) for point in front_of(points))]
