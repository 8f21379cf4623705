"""Plots as SVG text, to be put into an HTML page."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

COLOURS = {
    "dense": "#64748b", "pruned": "#ea580c",
    "other trials": "#94a3b8", "front": "#ea580c", "front, test data": "#0f766e",
}  # fmt: skip


def curves(
    series: Mapping[str, Sequence[float]], *, x_label: str, y_label: str, percent: bool = False
) -> str:
    """Draw lines over epochs, one per entry, and return the ``<svg>`` element.

    Parameters
    ----------
    series : mapping of name to values
        The value at epoch 1, 2, and so on.
    x_label, y_label : str
        Axis labels.
    percent : bool
        Whether values from 0 to 1 are shown as per cent.
    """
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    with _axes() as (axes, finish):
        for name, values in series.items():
            axes.plot(
                range(1, len(values) + 1), values, label=name, color=COLOURS.get(name), lw=1.8
            )
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if percent:
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        return finish(len(series) > 1)


def scatter(
    series: Mapping[str, Sequence[tuple[float, float, float]]],
    *,
    x_label: str,
    y_label: str,
    joined: bool = True,
) -> str:
    """Draw points with error bars and return the ``<svg>`` element.

    Parameters
    ----------
    series : mapping of name to sequence of (x, y, error)
        ``y`` from 0 to 1, shown as per cent.
    x_label, y_label : str
        Axis labels.
    joined : bool
        Whether the points of a series are joined along x.
    """
    from matplotlib.ticker import PercentFormatter

    with _axes() as (axes, finish):
        for name, points in series.items():
            xs, ys, errors = zip(*sorted(points), strict=True)
            axes.errorbar(
                xs, ys, errors, label=name, color=COLOURS.get(name), marker="o", ms=4, lw=1.2,
                ls="-" if joined else "none", elinewidth=1.2, capsize=2,
            )  # fmt: skip
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        return finish(len(series) > 1)


@contextmanager
def _axes() -> Iterator[tuple[Any, Callable[[bool], str]]]:
    """Yield axes, and a function that returns what was drawn, with a legend or without."""
    # matplotlib's figure without pyplot: no global state, no display
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "loihi-sca", "font.size": 9}):
        figure = Figure(figsize=(5.2, 2.8), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)

        def finish(legend: bool) -> str:
            if legend:
                axes.legend(frameon=False)
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
            svg = text.getvalue()
            return svg[svg.index("<svg") :]

        yield axes, finish
