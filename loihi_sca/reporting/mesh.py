"""The picture of a placement: cores on the mesh, coloured by layer and by load."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from loihi_sca.hardware.cost.mesh import places
from loihi_sca.hardware.mapping.placement import Placement
from loihi_sca.hardware.mapping.utilisation import utilisations
from loihi_sca.reporting.picture import WIDTH, Picture, Table, drawing
from loihi_sca.reporting.text import plural, three_digits
from loihi_sca.reporting.theme import SERIES, THEME

CELL = 0.92
"""Edge of a core, in the distance from one to the next."""

GAP = 0.3
"""Between tiles."""

LEGEND = 3
"""Layers beside each other."""

PALEST = 0.12
"""Of an idle core; the busiest is 1."""


class _Core(NamedTuple):
    """Where a core is drawn, what it holds, and how loaded it is from 0 to 1."""

    x: float
    y: float
    layer: int
    load: float
    told: str


def mesh(placement: Placement, loads: Sequence[float] | None = None, what: str = "") -> Picture:
    """Draw the cores of a placement twice, coloured by layer and by load.

    Parameters
    ----------
    placement : Placement
    loads : sequence of float, optional
        One number per core, for example synops per step; by default how much of its tightest limit
        each core uses.
    what : str
        What ``loads`` are.
    """
    name, profile = placement.architecture.name, placement.profile
    cores = _cores(placement, loads)
    layers = [x for x in placement.layers if x.cores]
    tips: dict[str, str] = {}
    width, high = _extent(placement)
    rows = -(-len(layers) // LEGEND)
    height = 0.5 * WIDTH * 0.94 * high / width + 0.45 + 0.17 * rows
    highest = 1.0 if loads is None else max(loads, default=0.0)
    what = what or "fullest limit used"
    with drawing(1, 2, height=height) as (figure, ((by_layer, by_load),)):
        for panel, title in (
            (by_layer, "by layer"), (by_load, f"by {what},\ndarkest = {highest:,.4g}"),
        ):  # fmt: skip
            _draw_chips(panel, placement)
            panel.set(xlim=(-0.2, width), ylim=(high, -0.8), aspect="equal", title=title)
            panel.axis("off")
        for number, core in enumerate(cores):
            for panel, kind, colour in (
                (by_layer, "core", layer_colour(core.layer, len(layers))),
                (by_load, "load", _shade(core.load)),
            ):  # fmt: skip
                gid = f"{kind}-{number}"
                panel.add_patch(_square(core.x, core.y, colour, gid=gid))
                tips[gid] = core.told
        figure.legend(
            handles=[
                _square(0, 0, layer_colour(i, len(layers)), label=f"{x.spec.name} ({x.cores})")
                for i, x in enumerate(layers)
            ],
            loc="outside lower center", ncols=min(LEGEND, max(len(layers), 1)), columnspacing=1,
        )  # fmt: skip
    title = (
        f"{name} on {profile.name}: {plural(placement.cores, 'core')}, "
        f"{plural(placement.chips, 'chip')}"
    )
    cores_of = (f"{x.spec.name} {plural(x.cores, 'core')}" for x in layers)
    text = f"{', '.join(cores_of)}. Shade: {what}, at most {highest:,.4g}."
    table = _table(placement, utilisations(placement) if loads is None else loads, what)
    return Picture(f"mesh-{name}-{profile.name}", f"The mesh: {title}", text, figure, table, tips)


def layer_colour(layer: int, layers: int) -> str:
    """Return a colour for a layer; neighbours differ in hue and in lightness."""
    hue = (layer * 0.381966) % 1.0 if layers > 8 else layer / max(layers, 1)
    red, green, blue = colorsys.hls_to_rgb(hue, (0.46, 0.62)[layer % 2], 0.55)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def _shade(load: float) -> Any:
    from matplotlib.colors import to_rgba

    return to_rgba(SERIES[0], PALEST + (1 - PALEST) * min(max(load, 0.0), 1.0))


def _cores(placement: Placement, loads: Sequence[float] | None) -> list[_Core]:
    values = utilisations(placement) if loads is None else list(loads)
    highest = 1.0 if loads is None else max(values, default=0.0) or 1.0
    where = places(placement.profile, 0, placement.cores)
    chip = placement.profile.chip
    columns, per_tile, side = int(chip.mesh_columns), int(chip.cores_per_tile), _side(placement)
    pitch, (_, chip_high) = side + GAP, _chip(placement)
    layer_of = {x.spec.name: i for i, x in enumerate(y for y in placement.layers if y.cores)}
    cores = []
    for core in placement:
        within, number = core.index % int(chip.cores) % per_tile, int(where.chip[core.index])
        column = int(where.column[core.index]) - number * columns
        x = column * pitch + within % side
        y = int(where.row[core.index]) * pitch + within // side + number * chip_high
        told = (
            f"core {core.index}: {core.layer}, {core.neurons} neurons, {core.words} words, "
            f"{core.in_axons} in-axons, {core.out_axons} out-axons"
        )
        cores.append(_Core(x, y, layer_of[core.layer], values[core.index] / highest, told))
    return cores


def _draw_chips(panel: Any, placement: Placement) -> None:
    """Draw all tiles, those that are free too."""
    from matplotlib.collections import PatchCollection

    _, high = _chip(placement)
    squares = [
        _square(x, y + number * high, "", edge=_side(placement) - (1 - CELL))
        for number in range(placement.chips)
        for x, y in _tiles(placement)
    ]
    panel.add_collection(PatchCollection(squares, facecolor=THEME["raised"][0], linewidth=0))
    if placement.chips > 1:
        for number in range(placement.chips):
            panel.text(0, number * high - 0.15, f"chip {number}", fontsize="x-small")


def _tiles(placement: Placement) -> Iterator[tuple[float, float]]:
    chip, pitch = placement.profile.chip, _side(placement) + GAP
    for row in range(int(chip.mesh_rows)):
        for column in range(int(chip.mesh_columns)):
            yield column * pitch, row * pitch


def _square(x: float, y: float, colour: Any, edge: float = CELL, **options: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), edge, edge, facecolor=colour or None, linewidth=0, **options)


def _extent(placement: Placement) -> tuple[float, float]:
    width, high = _chip(placement)
    return width, high * placement.chips


def _chip(placement: Placement) -> tuple[float, float]:
    """Return width and height of a chip, in cores, with the room for its name."""
    chip, pitch = placement.profile.chip, _side(placement) + GAP
    return int(chip.mesh_columns) * pitch, int(chip.mesh_rows) * pitch + 1.0


def _side(placement: Placement) -> int:
    """Return the cores along the edge of a tile that is drawn as a square."""
    side, per_tile = 1, int(placement.profile.chip.cores_per_tile)
    while side * side < per_tile:
        side += 1
    return side


def _table(placement: Placement, values: Sequence[float], what: str) -> Table:
    rows = []
    for layer in placement.layers:
        own = values[layer.first : layer.first + layer.cores]
        if not layer.cores:
            rows.append((layer.spec.name, "0", "", "", "", "", "on the host"))
            continue
        rows.append(
            (
                layer.spec.name, f"{layer.cores:,}", f"{int(layer.neurons.max()):,}",
                f"{int(layer.words.max()):,}", three_digits(max(own)),
                three_digits(sum(own) / len(own)),
                f"{layer.binding} {100 * layer.utilisation:.0f} %",
            )
        )  # fmt: skip
    head = (
        "layer", "cores", "neurons of the fullest core", "synapse words of the fullest core",
        f"{what}, most", f"{what}, mean", "nearest limit",
    )  # fmt: skip
    return Table("cores by layer", head, rows, words=(6,))
