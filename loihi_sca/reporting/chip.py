"""Pictures of what a network takes of a chip: energy, time, and what fewer channels save."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from loihi_sca.hardware.mapping.cliffs import Cliffs, LayerCliffs
from loihi_sca.reporting.picture import Picture, Table, close_unused, drawing
from loihi_sca.reporting.text import band_text
from loihi_sca.reporting.theme import INK, NAMED, PAPER, SERIES, THEME

KINDS = {
    "synop": "synops", "update": "neuron updates", "spike": "spikes", "axon_out": "messages",
    "axon_in": "messages", "tile": "messages", "hop_east_west": "hops", "hop_north_south": "hops",
    "core_step": "core-steps",
}  # fmt: skip
"""What the constants of a profile's ``energy`` section are drawn as."""

BOUND = {"synops": SERIES[0], "updates": SERIES[3], "messages": SERIES[1]}
"""Colours of what takes a core longest."""

COLUMNS = 3
MOST = 6
"""Cliffs of a layer in the table."""


def total_energy(chip: str, energies: Mapping[str, Mapping[str, Any]]) -> Picture:
    """Draw static and dynamic energy per sample, with the band of their sum.

    Parameters
    ----------
    chip : str
    energies : mapping of network to mapping
        The ``energy`` of an estimate's JSON.
    """
    with drawing(height=1.0 + 0.36 * len(energies)) as (figure, ((panel,),)):
        bars, left = list(energies), [0.0] * len(energies)
        for part in ("static", "dynamic"):
            widths = [e[f"{part}_uj"]["best"] for e in energies.values()]
            panel.barh(bars, widths, left=left, label=part, color=NAMED[part], height=0.5)
            left = [a + b for a, b in zip(left, widths, strict=True)]
        _bands(panel, bars, [e["total_uj"] for e in energies.values()])
        _finish(panel, "total energy per sample, uJ")
        figure.legend(loc="outside upper center", ncols=2)
    rows = [
        (bar, *(band_text(e[f"{part}_uj"], "uJ") for part in ("total", "static", "dynamic")))
        for bar, e in energies.items()
    ]
    text = "; ".join(f"{bar}: {total}, of it static {static}" for bar, total, static, _ in rows)
    table = Table("energy per sample, best (low to high)", ("", "total", "static", "dynamic"), rows)
    title = f"Total energy per sample on {chip}, static power included, with its band"
    return Picture(f"energy-{'-'.join(bars)}-{chip}", title, f"{text}.", figure, table)


def layer_energy(network: str, chip: str, energy: Mapping[str, Any]) -> Picture:
    """Draw the dynamic energy per sample of each layer, by kind of operation, with its band."""
    layers = [x for x in energy["layers"] if x["dynamic_uj"]["high"]]  # the host's take nothing
    kinds: dict[str, dict[str, float]] = {}
    for layer in layers:
        for item, band in layer["items_uj"].items():
            of_kind = kinds.setdefault(KINDS.get(item, item), {})
            of_kind[layer["name"]] = of_kind.get(layer["name"], 0.0) + band["best"]
    kinds = {kind: values for kind, values in kinds.items() if any(values.values())}
    names, left = [x["name"] for x in layers], [0.0] * len(layers)
    with drawing(height=1.2 + 0.26 * len(layers)) as (figure, ((panel,),)):
        for number, (kind, values) in enumerate(kinds.items()):
            widths = [values.get(name, 0.0) for name in names]
            panel.barh(names, widths, left=left, label=kind, color=SERIES[number % len(SERIES)],
                       height=0.6)  # fmt: skip
            left = [a + b for a, b in zip(left, widths, strict=True)]
        _bands(panel, names, [x["dynamic_uj"] for x in layers])
        _finish(panel, "dynamic energy per sample, uJ")
        figure.legend(loc="outside upper center", ncols=3)
    rows = [
        (
            x["name"], band_text(x["dynamic_uj"], "uJ"),
            *(f"{values.get(x['name'], 0.0):.3g}" for values in kinds.values()),
        )
        for x in layers
    ]  # fmt: skip
    head = ("layer", "dynamic", *(f"{kind}, uJ" for kind in kinds))
    text = "; ".join(f"{row[0]}: {row[1]}" for row in rows)
    table = Table("dynamic energy per sample by layer, best (low to high)", head, rows)
    title = f"Dynamic energy by layer and kind of operation, {network} on {chip}"
    return Picture(f"layer-energy-{network}-{chip}", title, f"{text}.", figure, table)


def layer_time(network: str, chip: str, latency: Mapping[str, Any]) -> Picture:
    """Draw the time that the busiest core of each layer takes for a step, on top of the barrier."""
    layers, barrier = latency["layers"], latency["barrier_us"]
    names = [x["layer"] for x in layers]
    with drawing(height=1.2 + 0.26 * len(layers)) as (figure, ((panel,),)):
        panel.barh(names, [barrier["best"]] * len(names), color=NAMED["static"], label="barrier",
                   height=0.6)  # fmt: skip
        for kind, colour in BOUND.items():
            bound = [x for x in layers if x["what"] == kind]
            panel.barh(
                [x["layer"] for x in bound], [x["time_us"]["best"] for x in bound],
                left=[barrier["best"]] * len(bound), color=colour, height=0.6,
                label=kind if bound else None,
            )  # fmt: skip
        sums = [{k: x["time_us"][k] + barrier[k] for k in barrier} for x in layers]
        _bands(panel, names, sums)
        _finish(panel, "time per step, us")
        panel.set_yticks(names)
        figure.legend(loc="outside upper center", ncols=4)
    rows = [(x["layer"], band_text(x["time_us"], "us"), x["what"], str(x["core"])) for x in layers]
    step, sample = (band_text(latency[key], "us") for key in ("step_us", "sample_us"))
    text = (
        f"A step takes as long as the slowest core of all and the barrier: {step}; a sample of "
        f"{latency['timesteps']} steps {sample}. The slowest core is one of "
        f"{latency['binding']['layer']}, bound by {latency['binding']['what']}."
    )
    head = ("layer", "busiest core, without barrier", "bound by", "core")
    table = Table("time per step by layer, best (low to high)", head, rows, words=(2,))
    title = f"Time per step of the busiest core of each layer, {network} on {chip}"
    return Picture(f"layer-time-{network}-{chip}", title, text, figure, table)


def layer_cliffs(found: Cliffs) -> Picture:
    """Draw what fewer channels save, by layer; cores that are saved too are marked."""
    from matplotlib.ticker import MaxNLocator

    rows, columns = math.ceil(len(found) / COLUMNS), min(len(found), COLUMNS)
    with drawing(rows, columns, height=1.35 * rows + 0.6) as (figure, axes):
        for panel, layer in zip(close_unused(axes, len(found)), found, strict=True):
            _draw_cliffs(panel, layer)
            panel.xaxis.set_major_locator(MaxNLocator(3, integer=True))
            if layer.cliffs:
                panel.yaxis.set_major_locator(MaxNLocator(3))
        handles: dict[str, Any] = {}
        for panel in axes.flat:
            handles |= dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
        figure.legend(handles.values(), handles, loc="outside upper center", ncols=2)
        figure.supxlabel("channels", fontsize="medium")
        figure.supylabel("synapse words saved", fontsize="medium")
    table_rows = [
        (
            x.layer, f"{c.channels:,}", f"{c.cores:,}", f"{c.following_cores:,}", f"{c.words:,}",
            f"{c.saved_cores:,}", f"{c.saved_words:,}",
        )
        for x in found for c in x.cliffs[:MOST]
    ]  # fmt: skip
    table = Table(
        f"the next {MOST} cheaper counts of each layer",
        ("layer", "channels", "cores", "cores behind", "words per core", "cores saved",
         "words saved"), table_rows,
    )  # fmt: skip
    text = "; ".join(_told(x) for x in found)
    title = f"Cliffs: channel counts cheaper than all above, {found.network} on {found.profile}"
    text = f"{text}. {found.note}".rstrip()
    return Picture(f"cliffs-{found.network}-{found.profile}", title, text, figure, table)


def _draw_cliffs(panel: Any, layer: LayerCliffs) -> None:
    xs = [layer.channels, *(c.channels for c in layer.cliffs)]
    ys = [0, *(c.saved_words for c in layer.cliffs)]
    panel.plot(xs, ys, drawstyle="steps-post", color=SERIES[0], marker=".", ms=3)
    before, fewer = 0, []
    for cliff in layer.cliffs:
        if cliff.saved_cores > before:
            fewer.append(cliff)
        before = cliff.saved_cores
    if fewer:
        panel.plot(
            [c.channels for c in fewer], [c.saved_words for c in fewer], "D", ms=4, ls="none",
            color=SERIES[1], label="a core fewer too",
        )  # fmt: skip
    if layer.dearer:
        panel.plot(
            layer.dearer, [0] * len(layer.dearer), "x", ms=4, ls="none", color=THEME["pink"][0],
            label="dearer than as it is",
        )  # fmt: skip
    if not layer.cliffs:
        panel.set(ylim=(-1, 1), yticks=[])
    panel.set_title(layer.layer if layer.cliffs else f"{layer.layer}: none")
    panel.set_xlim(layer.channels + 1, 0)  # from what it is down to less


def _told(layer: LayerCliffs) -> str:
    if not layer.cliffs:
        return f"{layer.layer} of {layer.channels} channels: none"
    first = layer.cliffs[0]
    cores = f" and {first.saved_cores} cores" if first.saved_cores else ""
    return (
        f"{layer.layer} of {layer.channels} channels: {len(layer.cliffs)}, the next at "
        f"{first.channels}, which saves {first.saved_words:,} words{cores}"
    )


def _bands(panel: Any, names: Sequence[str], bands: Sequence[Mapping[str, float]]) -> None:
    """Draw from low to high, about best."""
    best = [band["best"] for band in bands]
    reach = ([b["best"] - b["low"] for b in bands], [b["high"] - b["best"] for b in bands])
    for colour, width in ((PAPER, 3.0), (INK, 1.0)):  # an edge of paper, on bars as dark as ink
        panel.errorbar(best, names, xerr=reach, fmt="none", color=colour, capsize=3, lw=width)


def _finish(panel: Any, x_label: str) -> None:
    panel.invert_yaxis()
    panel.grid(visible=False, axis="y")
    panel.set_xlabel(x_label)
    panel.set_xlim(left=0)
