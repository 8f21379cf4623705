"""The placement as a picture: cores on the mesh, coloured by layer and by load."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from loihi_sca.hardware.cost.mesh import places
from loihi_sca.hardware.mapping.mapper import Placement

CELL = 22
"""Edge of a core in pixels."""

GAP = 6
"""Between tiles."""

MARGIN = 16
LINE = 18
TITLE = 40
EMPTY = "#f1f1ef"
INK = "#22252b"
FAINT = "#6b7078"


class Square(NamedTuple):
    """One core of the picture: where it is, what it holds, how loaded it is from 0 to 1."""

    x: float
    y: float
    layer: int
    load: float
    tooltip: str


def svg(placement: Placement, loads: Sequence[float] | None = None, what: str = "") -> str:
    """Return an SVG picture with two panels, one coloured by layer, one by load.

    Parameters
    ----------
    placement : Placement
    loads : sequence of float, optional
        One number per core, for example synops per step; by default how much of its tightest limit
        each core uses.
    what : str
        What ``loads`` are, for the legend.
    """
    profile = placement.profile
    squares, chips = _squares(placement, loads)
    wide, high = _chip_size(placement)
    panel_height = chips * (high + LINE) + TITLE + LINE
    legend = [x.spec.name for x in placement.layers if x.cores]
    columns = max(1, int((2 * wide + MARGIN) // 190))
    legend_height = (-(-len(legend) // columns) + 1) * LINE
    width = 2 * wide + 3 * MARGIN
    height = panel_height + legend_height + 3 * MARGIN + TITLE
    what = what or "fullest limit used"
    highest = max(loads, default=0.0) if loads is not None else 1.0
    title = (
        f"{placement.architecture.name} on {profile.name}: {placement.cores} cores, "
        f"{placement.chips} chip{'s' if placement.chips > 1 else ''}"
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>',
        _text(MARGIN, MARGIN + 12, title, size=15, weight="bold"),
    ]
    top = MARGIN + TITLE
    below = LINE + (LINE if chips > 1 else 0)
    names = ["by layer; grey cores are free", f"by load ({what}), darkest = {highest:,.4g}"]
    colours: list[Callable[[Square], str]] = [
        lambda s: layer_colour(s.layer, len(legend)),
        lambda s: load_colour(s.load),
    ]
    for panel in range(2):
        left = MARGIN + panel * (wide + MARGIN)
        parts.append(_text(left, top, names[panel], colour=FAINT))
        parts += _mesh(placement, left, top + below, chips)
        parts += [
            _rect(left + s.x, top + below + s.y, colours[panel](s), s.tooltip) for s in squares
        ]
    base = top + panel_height + MARGIN
    for i, name in enumerate(legend):
        x, y = MARGIN + (i % columns) * 190, base + (i // columns) * LINE
        parts.append(_rect(x, y - 10, layer_colour(i, len(legend)), edge=12))
        cores = next(layer.cores for layer in placement.layers if layer.spec.name == name)
        parts.append(_text(x + 18, y, f"{_short(name)} ({cores})"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def layer_colour(layer: int, layers: int) -> str:
    """Return a colour for a layer; neighbours differ in hue and in lightness."""
    hue = (layer * 0.381966) % 1.0 if layers > 8 else layer / max(layers, 1)
    red, green, blue = colorsys.hls_to_rgb(hue, (0.46, 0.62)[layer % 2], 0.55)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def load_colour(load: float) -> str:
    """Return a colour from pale to dark blue for a load from 0 to 1."""
    pale, dark = (222, 235, 247), (8, 48, 107)
    mix = [round(p + (d - p) * min(max(load, 0.0), 1.0)) for p, d in zip(pale, dark, strict=True)]
    return "#" + "".join(f"{value:02x}" for value in mix)


def utilisations(placement: Placement) -> list[float]:
    """Return, per core, how much of its tightest limit it uses."""
    limits = placement.profile.limits
    found: list[float] = []
    for layer in placement.layers:
        each = placement.profile.compartments_per_neuron(layer.spec.geometry.neuron)
        for i in range(layer.cores):
            uses = [
                int(layer.neurons[i]) * each / int(limits.compartments),
                int(layer.words[i]) / int(limits.synapse_words),
                int(layer.in_axons[i]) / int(limits.in_axons),
            ]
            if limits.out_axons is not None:
                uses.append(int(layer.out_axons[i]) / int(limits.out_axons))
            if limits.axon_map is not None:
                uses.append(int(layer.axon_map[i]) / int(limits.axon_map))
            found.append(max(uses))
    return found


def _squares(placement: Placement, loads: Sequence[float] | None) -> tuple[list[Square], int]:
    relative = utilisations(placement) if loads is None else list(loads)
    highest = 1.0 if loads is None else max(relative, default=0.0) or 1.0
    where = places(placement.profile, 0, placement.cores)
    columns = int(placement.profile.chip.mesh_columns)
    per_tile = int(placement.profile.chip.cores_per_tile)
    per_chip = int(placement.profile.chip.cores)
    layer_of = {x.spec.name: i for i, x in enumerate(y for y in placement.layers if y.cores)}
    _, high = _chip_size(placement)
    side = _side(per_tile)
    squares = []
    for core in placement:
        within = core.index % per_chip % per_tile
        column = int(where.column[core.index]) - int(where.chip[core.index]) * columns
        x: float = column * (side * CELL + GAP) + within % side * CELL
        y: float = int(where.row[core.index]) * (side * CELL + GAP) + within // side * CELL
        y += int(where.chip[core.index]) * (high + LINE)
        tooltip = (
            f"core {core.index}: {core.layer}, {core.neurons} neurons, {core.words} words, "
            f"{core.in_axons} in-axons, {core.out_axons} out-axons"
        )
        load = relative[core.index] / highest
        squares.append(Square(x, y, layer_of[core.layer], load, tooltip))
    return squares, placement.chips


def _mesh(placement: Placement, left: float, top: float, chips: int) -> list[str]:
    chip = placement.profile.chip
    side = _side(int(chip.cores_per_tile))
    _, high = _chip_size(placement)
    parts = []
    for number in range(chips):
        for row in range(int(chip.mesh_rows)):
            for column in range(int(chip.mesh_columns)):
                x = left + column * (side * CELL + GAP)
                y = top + number * (high + LINE) + row * (side * CELL + GAP)
                parts.append(_rect(x, y, EMPTY, edge=side * CELL))
        if chips > 1:
            parts.append(_text(left, top + number * (high + LINE) - 4, f"chip {number}"))
    return parts


def _chip_size(placement: Placement) -> tuple[float, float]:
    chip = placement.profile.chip
    pitch = _side(int(chip.cores_per_tile)) * CELL + GAP
    return int(chip.mesh_columns) * pitch, int(chip.mesh_rows) * pitch


def _side(per_tile: int) -> int:
    """Return the cores along the edge of a tile that is drawn as a square."""
    side = 1
    while side * side < per_tile:
        side += 1
    return side


def _rect(x: float, y: float, fill: str, tooltip: str = "", edge: float = CELL - 1) -> str:
    title = f"<title>{escape(tooltip)}</title>" if tooltip else ""
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{edge:.0f}" height="{edge:.0f}" rx="2" '
        f'fill="{fill}">{title}</rect>'
    )


def _text(
    x: float, y: float, text: str, size: int = 12, weight: str = "normal", colour: str = INK
) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" font-weight="{weight}" '
        f'fill="{colour}">{escape(text)}</text>'
    )


def _short(name: str, most: int = 22) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
