"""Plots as SVG text, to be put into an HTML page."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

COLOURS = {
    "dense": "#64748b", "pruned": "#ea580c",
    "static": "#94a3b8", "dynamic": "#0f766e",
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


def stacked_bars(
    bars: Mapping[str, Mapping[str, float]],
    bands: Mapping[str, tuple[float, float]],
    *,
    y_label: str,
) -> str:
    """Draw a bar per name from parts put on each other, with the band of the sum.

    Parameters
    ----------
    bars : mapping of name to mapping of part to value
        All with the same parts.
    bands : mapping of name to (low, high)
    y_label : str
        Says what the sum is, with its unit.
    """
    names = list(bars)
    with _axes() as (axes, finish):
        bottom = [0.0] * len(names)
        for part in next(iter(bars.values())):
            heights = [bars[name][part] for name in names]
            axes.bar(names, heights, bottom=bottom, label=part, color=COLOURS.get(part), width=0.5)
            bottom = [b + h for b, h in zip(bottom, heights, strict=True)]
        reach = (
            [b - bands[name][0] for b, name in zip(bottom, names, strict=True)],
            [bands[name][1] - b for b, name in zip(bottom, names, strict=True)],
        )
        axes.errorbar(names, bottom, reach, fmt="none", ecolor="#1e293b", capsize=4, lw=1)
        axes.set(ylabel=y_label)
        axes.tick_params(axis="x", labelsize=8)
        return finish(True)


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
