"""Trials of a study: as rows, and as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from loihi_sca.reporting.goals import goal_of
from loihi_sca.reporting.picture import Picture
from loihi_sca.reporting.tradeoffs import Point, scatter


def trial_rows(
    results: Iterable[Mapping[str, Any]], goals: Sequence[str], profile: str, best: Set[str]
) -> list[dict[str, Any]]:
    """Return a row per result: what was chosen, the goals, the test accuracy, on the front.

    Parameters
    ----------
    results : iterable of mapping
        What the runs' ``result.json`` say.
    goals : sequence of str
        Of :data:`loihi_sca.reporting.goals.OBJECTIVES`.
    profile : str
        The chip whose costs count.
    best : set of str
        The trials that no other beats.
    """
    return [
        {
            "trial": result["run"],
            "front": result["run"] in best,
            "search": result["search"],
            **{name: goal_of(name).of(result["validation"], profile) for name in goals},
            "test_accuracy": result["accuracy"],
            "digest": result["digest"],
        }
        for result in results
    ]


def front_picture(rows: Sequence[Mapping[str, Any]], x: str, x_label: str) -> Picture:
    """Draw accuracy against a cost: the front, and all other trials.

    Parameters
    ----------
    rows : sequence of mapping
        Of :func:`trial_rows`, with a goal ``accuracy``.
    x : str
        The cost, a goal too.
    x_label : str
        For people.
    """
    front = [row for row in rows if row["front"]]
    series = {
        "other trials": [row for row in rows if not row["front"]],
        "front": front,
        "front, test data": front,
    }
    points = {
        name: [
            Point(
                row[x], row["test_accuracy" if "test" in name else "accuracy"], 0.0,
                f"{row['trial']}, {chosen_text(row['search'])}",
            )
            for row in chosen
        ]
        for name, chosen in series.items()
        if chosen
    }  # fmt: skip
    label = "accuracy of the integers"
    return scatter(f"front-{x}", points, x_label=x_label, y_label=label)


def chosen_text(search: Mapping[str, Any]) -> str:
    """Return what a trial chose, in words."""
    return ", ".join(f"{key.rpartition('.')[2]} {value_text(v)}" for key, v in search.items())


def value_text(value: object) -> str:
    """Return a value with four digits, or as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
