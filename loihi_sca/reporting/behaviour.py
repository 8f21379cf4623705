"""Pictures of what a network does: its answers, and one sample layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.reporting.picture import Picture, Table, drawing
from loihi_sca.reporting.text import percent
from loihi_sca.reporting.theme import INK, PAPER, SERIES

NUMBERED = 20
"""Up to so many classes have their counts written into the cells."""

ROWS = 64
"""Neurons of a layer that are drawn, evenly chosen."""

DARK = 0.55
"""Share from which letters in a cell have the colour of the page."""


def confusion(name: str, counts: npt.NDArray[np.int64], told: str) -> Picture:
    """Draw the confusion matrix (classes, classes): true class down, answer across.

    Parameters
    ----------
    name : str
        Of the network.
    counts : int array (classes, classes)
    told : str
        What samples they are.
    """
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    classes = len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = float(np.trace(counts) / max(counts.sum(), 1))
    tips = {}
    with drawing(height=4.4) as (figure, ((panel,),)):
        panel.grid(visible=False)
        for row, column in np.argwhere(counts):
            share, gid = float(shares[row, column]), f"cell-{row}-{column}"
            colour = to_rgba(SERIES[0] if row == column else SERIES[1], share)
            cell = Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, gid=gid)
            panel.add_patch(cell)
            tips[gid] = f"class {row} answered as {column}: {counts[row, column]:,} samples"
            if classes <= NUMBERED:
                panel.text(column, row, str(counts[row, column]), ha="center", va="center",
                           color=PAPER if share > DARK else INK, fontsize="small")  # fmt: skip
        panel.set(xlim=(-0.5, classes - 0.5), ylim=(classes - 0.5, -0.5), aspect="equal")
        panel.set(xlabel="answer", ylabel="true class")
        if classes <= NUMBERED:
            panel.set(xticks=range(classes), yticks=range(classes))
    wrong = counts - np.diag(np.diag(counts))
    worst = [divmod(int(i), classes) for i in np.argsort(-wrong, axis=None, kind="stable")[:3]]
    mixed = ", ".join(f"{a} taken for {b} {wrong[a, b]} times" for a, b in worst if wrong[a, b])
    text = f"{percent(right)} of {told} are right. " + (f"Most often: {mixed}." if mixed else "")
    rows = [
        (str(a), str(b), f"{counts[a, b]:,}", percent(float(shares[a, b])))
        for a, b in np.argwhere(wrong)[np.argsort(-wrong[wrong > 0], kind="stable")]
    ]
    head = ("true class", "answer", "samples", "of the class")
    table = Table("wrong answers, the most frequent first", head, rows[:50])
    title = f"Confusion, {name}: shade is the share of the true class, orange where it is wrong"
    return Picture(f"confusion-{name}", title, text, figure, table, tips)


def raster(
    name: str, spikes: Mapping[str, npt.NDArray[Any]], told: str, graded: bool = False
) -> Picture:
    """Draw when the neurons of each layer spike in one sample.

    Parameters
    ----------
    name : str
        Of the network.
    spikes : mapping of layer name to int array (neurons, T)
        In order; time is local to each layer. Messages where ``graded``.
    told : str
        Which sample it is.
    """
    from matplotlib.ticker import MaxNLocator

    shown = {layer: _chosen(all_of) for layer, all_of in spikes.items()}
    heights = [max(len(rows), 8) ** 0.5 for rows in shown.values()]
    options: dict[str, Any] = {"sharex": True, "gridspec_kw": {"height_ratios": heights}}
    height = 0.9 + sum(heights) * 0.16
    with drawing(len(spikes), 1, height=height, **options) as (figure, axes):
        for number, (layer, rows) in enumerate(shown.items()):
            panel = axes[number, 0]
            panel.grid(visible=False)
            panel.add_patch(_marks(rows, SERIES[number % len(SERIES)]))
            panel.set(xlim=(-0.5, rows.shape[1] - 0.5), ylim=(len(rows) - 0.5, -0.5), yticks=[])
            neurons = len(spikes[layer])
            few = f", {len(rows)} of {neurons:,}" if len(rows) < neurons else f", {neurons}"
            panel.set_title(f"{layer}{few} neurons", loc="left", pad=2)
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[-1, 0].set_xlabel("timestep of the layer")
    word = "messages" if graded else "spikes"
    counts = {layer: (int(np.count_nonzero(x)), x.size) for layer, x in spikes.items()}
    text = ", ".join(f"{layer} {n:,} {word}" for layer, (n, _) in counts.items())
    table = Table(
        f"{word} in this sample", ("layer", "neurons", word, "per neuron and timestep"),
        [
            (layer, f"{len(spikes[layer]):,}", f"{n:,}", f"{n / size:.4f}")
            for layer, (n, size) in counts.items()
        ],
    )  # fmt: skip
    title = f"{word.capitalize()} of {told}, layer by layer, {name}"
    return Picture(f"raster-{name}", title, f"{text}.", figure, table)


def _chosen(spikes: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return at most :data:`ROWS` neurons, evenly chosen."""
    count = min(ROWS, len(spikes))
    rows: npt.NDArray[np.bool_] = spikes[np.arange(count) * len(spikes) // count] != 0
    return rows


def _marks(rows: npt.NDArray[np.bool_], colour: str) -> Any:
    """Return all spikes as one path, a box per uninterrupted run: one path stays small."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    padded = np.pad(rows.astype(np.int8), ((0, 0), (1, 1)))
    edges = np.diff(padded, axis=1)
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    corners: list[tuple[float, float]] = []
    for (row, first), (_, last) in zip(starts, ends, strict=True):
        left, right, top, bottom = first - 0.45, last - 0.55, row - 0.4, row + 0.4
        corners += [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    box = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    path = Path(np.array(corners).reshape(-1, 2), box * len(starts))
    return PathPatch(path, facecolor=colour, linewidth=0)
