"""The picture of accuracy against a cost, for sweeps and studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from loihi_sca.reporting.picture import Picture, Table, drawing
from loihi_sca.reporting.text import percent
from loihi_sca.reporting.theme import FAINT, colour_of, marker_of

FOCUSABLE = 60
"""Up to so many points can be gone through with the keyboard; the table has them all."""


class Point(NamedTuple):
    """One network.

    Attributes
    ----------
    cost, accuracy, error : float
        ``error`` of the accuracy, which is 0 to 1.
    told : str
        What network it is.
    """

    cost: float
    accuracy: float
    error: float
    told: str


def scatter(
    name: str,
    series: Mapping[str, Sequence[Point]],
    *,
    x_label: str,
    y_label: str,
    joined: Sequence[str] = (),
    with_front: bool = False,
) -> Picture:
    """Draw points with error bars, by series, with what each of them is.

    Parameters
    ----------
    name : str
        Of the picture.
    series : mapping of name to sequence of Point
    x_label, y_label : str
    joined : sequence of str
        Series whose points are joined along x.
    with_front : bool
        Draw a line along the points that no other beats.
    """
    from matplotlib.ticker import PercentFormatter

    tips: dict[str, str] = {}
    rows: list[tuple[str, ...]] = []
    with drawing(height=3.1) as (figure, ((panel,),)):
        for number, (called, points) in enumerate(series.items()):
            points, colour = sorted(points), colour_of(called, number)
            xs, ys, errors, _ = zip(*points, strict=True)
            panel.errorbar(xs, ys, errors, color=colour, lw=1.2, elinewidth=1.2, capsize=2,
                           ls="-" if called in joined else "none")  # fmt: skip
            for i, point in enumerate(points):
                gid = f"point-{number}-{i}"
                panel.plot(point.cost, point.accuracy, marker_of(number), ms=5, color=colour,
                           gid=gid, label=None if i else called)  # fmt: skip
                accuracy = percent(point.accuracy)
                accuracy += f" ± {percent(point.error)}" if point.error else ""
                tips[gid] = f"{point.told}: {accuracy}, {point.cost:,.5g} {x_label}"
                rows.append((point.told, called, f"{point.cost:,.5g}", accuracy))
        if with_front:
            line = front_of([p for points in series.values() for p in points])
            panel.plot([p.cost for p in line], [p.accuracy for p in line], "--", color=FAINT,
                       drawstyle="steps-post", lw=1, zorder=1, label="front")  # fmt: skip
        panel.set(xlabel=x_label, ylabel=y_label)
        panel.yaxis.set_major_formatter(PercentFormatter(1.0))
        if len(series) > 1:
            panel.legend()
    costs = [p.cost for points in series.values() for p in points]
    best = max((p for points in series.values() for p in points), key=lambda p: p.accuracy)
    text = (
        f"{len(rows)} points, {x_label} from {min(costs):,.5g} to {max(costs):,.5g}; the highest "
        f"accuracy is {percent(best.accuracy)}, of {best.told}."
    )
    title = f"{y_label[:1].upper()}{y_label[1:]} against {x_label}"
    table = Table("all points", ("network", "series", x_label, y_label), rows, words=(1,))
    return Picture(name, title, text, figure, table, tips, focusable=len(rows) <= FOCUSABLE)


def front_of(points: Sequence[Point]) -> list[Point]:
    """Return the points, by cost, that no other beats: none costs less and is as accurate."""
    return sorted(
        p
        for p in points
        if not any(q.cost <= p.cost and q.accuracy >= p.accuracy and q[:2] != p[:2] for q in points)
    )
