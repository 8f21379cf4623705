"""Pictures of a training: curves, the channels that live, the scores that decided."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from loihi_sca.reporting.picture import Picture, Table, close_unused, drawing
from loihi_sca.reporting.text import percent
from loihi_sca.reporting.theme import NAMED, SERIES, colour_of, marker_of

Epochs = Sequence[Mapping[str, Any]]
"""Lines of ``metrics.jsonl`` of one model."""

COLUMNS = 3
"""Panels beside each other."""

PANEL = 1.35
"""Height of a row of panels, in inches."""


def curves(models: Mapping[str, Epochs]) -> Picture:
    """Draw loss and accuracies over the epochs, by model."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    with drawing(2, 1, height=4.0, sharex=True) as (figure, ((loss,), (accuracy,))):
        for number, (model, epochs) in enumerate(models.items()):
            xs, colour = [e["number"] for e in epochs], colour_of(model, number)
            marker = "." if len(xs) < 3 else None
            loss.plot(xs, [e["loss"] for e in epochs], color=colour, label=model, marker=marker)
            for key, style, what in (
                ("accuracy", ":", "training"), ("validation_accuracy", "-", "validation"),
            ):  # fmt: skip
                accuracy.plot(
                    xs, [e[key] for e in epochs], style, color=colour, marker=marker,
                    label=f"{model}, {what}",
                )  # fmt: skip
        loss.set(ylabel="loss")
        accuracy.set(xlabel="epoch", ylabel="accuracy")
        accuracy.yaxis.set_major_formatter(PercentFormatter(1.0))
        accuracy.xaxis.set_major_locator(MaxNLocator(integer=True))
        loss.legend()
        accuracy.legend()
    ends = "; ".join(
        f"{model}: loss {epochs[0]['loss']:.3g} to {epochs[-1]['loss']:.3g}, validation accuracy "
        f"{percent(epochs[0]['validation_accuracy'])} to "
        f"{percent(epochs[-1]['validation_accuracy'])} after {len(epochs)} epochs"
        for model, epochs in models.items()
    )
    rows = [
        (
            model, str(e["number"]), f"{e['loss']:.4g}", percent(e["accuracy"]),
            percent(e["validation_accuracy"]),
        )
        for model, epochs in models.items() for e in epochs
    ]  # fmt: skip
    head = ("model", "epoch", "loss", "training accuracy", "validation accuracy")
    table = Table("every epoch", head, rows)
    return Picture("training", "Loss and accuracy over the epochs", f"{ends}.", figure, table)


def validation_curves(runs: Mapping[str, Epochs]) -> Picture:
    """Draw the validation accuracy of several runs over their epochs."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    with drawing(height=2.6 + 0.19 * len(runs)) as (figure, ((panel,),)):
        for number, (run, epochs) in enumerate(runs.items()):
            panel.plot(
                [e["number"] for e in epochs], [e["validation_accuracy"] for e in epochs],
                color=SERIES[number % len(SERIES)], marker=marker_of(number), ms=3, lw=1, label=run,
            )  # fmt: skip
        panel.set(xlabel="epoch", ylabel="validation accuracy")
        panel.yaxis.set_major_formatter(PercentFormatter(1.0))
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(loc="outside lower center")
    rows = [
        (run, str(len(e)), percent(e[-1]["validation_accuracy"]), f"{e[-1]['loss']:.4g}")
        for run, e in runs.items()
    ]
    table = Table("after the last epoch", ("run", "epochs", "validation accuracy", "loss"), rows)
    text = "; ".join(
        f"{run}: {accuracy} after {epochs} epochs" for run, epochs, accuracy, _ in rows
    )
    title = "Validation accuracy over the epochs, by run"
    return Picture("validation", title, f"{text}.", figure, table)


def channels(model: str, epochs: Epochs) -> Picture:
    """Draw the channels that live, by layer, with those that updates switched off and on.

    Runs of older versions tell what was switched for all layers together only.
    """
    from matplotlib.ticker import MaxNLocator

    names = list(epochs[-1]["alive"])
    panels = ["all layers", *names]
    rows, columns = math.ceil(len(panels) / COLUMNS), min(len(panels), COLUMNS)
    with drawing(rows, columns, height=PANEL * rows + 0.5, sharex=True) as (figure, axes):
        xs = [e["number"] for e in epochs]
        for panel, name in zip(close_unused(axes, len(panels)), panels, strict=False):
            alive, off, on = zip(*(_counts(e, name) for e in epochs), strict=True)
            panel.bar(xs, [-n for n in off], color=NAMED["pruned"], label="pruned")
            panel.bar(xs, on, color=NAMED["regenerated"], label="regenerated", hatch="////",
                      edgecolor="#ffffff", linewidth=0)  # fmt: skip
            panel.plot(xs, alive, color=SERIES[0], label="alive", drawstyle="steps-mid")
            panel.set_title(name)
            panel.xaxis.set_major_locator(MaxNLocator(3, integer=True))
            panel.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        _joint_legend(figure, axes[0, 0], "epoch")
    first, last = (e["alive"] for e in (epochs[0], epochs[-1]))
    text = ", ".join(f"{name} {first.get(name, 0)} to {last[name]}" for name in names)
    told = sum(e["pruned"] for e in epochs), sum(e["regenerated"] for e in epochs)
    text = (
        f"Channels after the first and the last epoch: {text}. Switched off {told[0]} times, on "
        f"again {told[1]} times."
    )
    if told[0] and not any(e.get("changes") for e in epochs):
        text += " This run does not record by layer which were switched; the first panel has all."
    table = Table("channels alive after each epoch (pruned, regenerated)", ("epoch", *panels), [
        (str(e["number"]), *(_cell(*_counts(e, name)) for name in panels)) for e in epochs
    ])  # fmt: skip
    title = f"Channels alive by layer, {model}: above 0 regenerated, below 0 pruned in the epoch"
    return Picture(f"channels-{model}", title, text, figure, table)


def scores(model: str, epochs: Epochs) -> Picture | None:
    """Draw the scores at the last update that pruned; None where the run does not record them."""
    from matplotlib.ticker import MaxNLocator

    updates = [e for e in epochs if any(c.get("scores") for c in e.get("changes", {}).values())]
    cuts = [e for e in updates if any(c["pruned"] for c in e["changes"].values())]
    if not updates:
        return None
    epoch = (cuts or updates)[-1]
    found = {name: c["scores"] for name, c in epoch["changes"].items() if c["scores"]}
    rows, columns = math.ceil(len(found) / COLUMNS), min(len(found), COLUMNS)
    with drawing(rows, columns, height=PANEL * rows + 0.6) as (figure, axes):
        panels = close_unused(axes, len(found))
        for panel, (name, one) in zip(panels, found.items(), strict=True):
            bins, low = len(one["kept"]), one["low"]
            width = (one["high"] - low) / bins or 1.0
            lefts = [low + i * width for i in range(bins)]
            for key, bottom, hatch in (("kept", None, None), ("pruned", one["kept"], "////")):
                panel.bar(
                    lefts, one[key], width, bottom, align="edge", label=key, hatch=hatch,
                    color=SERIES[0] if key == "kept" else NAMED["pruned"], edgecolor="#ffffff",
                    linewidth=0,
                )  # fmt: skip
            panel.set_title(name)
            panel.xaxis.set_major_locator(MaxNLocator(3))
            panel.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        _joint_legend(figure, axes[0, 0], "score of a channel")
    table = Table(
        "lowest and highest score of the channels that lived",
        ("layer", "lowest", "highest", "kept", "pruned"),
        [
            (n, f"{s['low']:.4g}", f"{s['high']:.4g}", str(sum(s["kept"])), str(sum(s["pruned"])))
            for n, s in found.items()
        ],
    )
    text = "; ".join(
        f"{n}: {sum(s['kept'])} kept and {sum(s['pruned'])} pruned of scores {s['low']:.3g} to "
        f"{s['high']:.3g}"
        for n, s in found.items()
    )
    title = f"Scores by layer at the last update of epoch {epoch['number']}, {model}"
    return Picture(f"scores-{model}", title, f"{text}.", figure, table)


def _joint_legend(figure: Any, panel: Any, x_label: str) -> None:
    """Draw one legend and one label for all panels."""
    figure.supxlabel(x_label, fontsize="medium")
    figure.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=3)


def _counts(epoch: Mapping[str, Any], name: str) -> tuple[int, int, int]:
    """Return channels alive, pruned and regenerated, of a layer or of all."""
    if name == "all layers":
        return sum(epoch["alive"].values()), epoch["pruned"], epoch["regenerated"]
    change = epoch.get("changes", {}).get(name, {"pruned": 0, "regenerated": 0})
    return epoch["alive"].get(name, 0), change["pruned"], change["regenerated"]


def _cell(alive: int, pruned: int, regenerated: int) -> str:
    return f"{alive} (-{pruned}, +{regenerated})" if pruned or regenerated else str(alive)
