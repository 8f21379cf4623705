"""Plots as SVG text, to be put into an HTML page."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

COLOURS = {"dense": "#64748b", "pruned": "#ea580c"}


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
    # matplotlib's figure without pyplot: no global state, no display
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "loihi-sca", "font.size": 9}):
        figure = Figure(figsize=(5.2, 2.8), layout="constrained")
        axes = figure.add_subplot()
        for name, values in series.items():
            axes.plot(
                range(1, len(values) + 1), values, label=name, color=COLOURS.get(name), lw=1.8
            )
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if percent:
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        if len(series) > 1:
            axes.legend(frameon=False)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
