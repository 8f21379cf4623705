"""Trials of a study, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loihi_sca.reporting.plots import scatter


def front_picture(rows: Sequence[Mapping[str, Any]], x: str, x_label: str) -> str:
    """Draw accuracy against a cost, an ``<svg>`` element: the front, and all other trials.

    Parameters
    ----------
    rows : sequence of mapping
        Of :class:`loihi_sca.runs.study.Studied`, with a goal ``accuracy``.
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
        name: [(r[x], r["test_accuracy" if "test" in name else "accuracy"], 0.0) for r in chosen]
        for name, chosen in series.items()
        if chosen
    }
    return scatter(points, x_label=x_label, y_label="accuracy of the integers", joined=False)
