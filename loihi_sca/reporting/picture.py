"""A picture: drawn once with matplotlib, shown in a page, written as SVG and PDF for papers."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loihi_sca.files import atomic_path, make_folder, write_text
from loihi_sca.reporting.theme import FAINT, INK, LINE, PAPER, THEME

WIDTH = 4.4
"""Of a picture in inches: at 400 pixels its letters are still to be read."""

POINTS = 9.0
"""Size of letters."""

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"


@dataclass(frozen=True)
class Table:
    """Figures in rows, as text.

    Attributes
    ----------
    caption : str
    columns : tuple of str
    rows : sequence of sequence of str
    words : tuple of int
        Columns that hold words, not numbers; the first one always does.
    """

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    words: tuple[int, ...] = ()


@dataclass(frozen=True)
class Picture:
    """What is seen, and the same in words and in figures.

    Attributes
    ----------
    name : str
        Of its files, without ending.
    title : str
        What it shows.
    description : str
        What is to be seen in it, for those who do not see it.
    figure : matplotlib.figure.Figure
    table : Table or None
        The figures behind it.
    tips : mapping of str to str
        What the parts with these gids are, shown where one points at them.
    focusable : bool
        Whether the keyboard goes through these parts: only where they are few.
    """

    name: str
    title: str
    description: str
    figure: Any
    table: Table | None = None
    tips: Mapping[str, str] = field(default_factory=dict)
    focusable: bool = False

    def svg(self) -> str:
        """Return an ``<svg>`` element that stands alone, light and without background."""
        root = self._drawn()
        self._tell(root, "")
        return _text(root)

    def inline(self, prefix: str) -> str:
        """Return an ``<svg>`` element for a page, in its colours; ``prefix`` makes ids unique."""
        root = self._drawn()
        for length in ("width", "height"):
            root.attrib.pop(length, None)
        names = {e.get("id"): f"{prefix}{e.get('id')}" for e in root.iter() if e.get("id")}
        self._tell(root, prefix)
        for element in root.iter():
            _rename(element, names, prefix)
        text = _text(root)
        for name, (light, _) in THEME.items():
            text = text.replace(light, f"var(--{name})")
        return text

    def save(self, folder: Path) -> list[Path]:
        """Write the picture as SVG and as PDF and return both paths.

        Raises
        ------
        InputError
            The folder cannot be written.
        """
        from matplotlib import rc_context

        make_folder(folder)
        name = re.sub(r"[^\w=.]+", "-", self.name)  # networks are called anything
        paths = [folder / f"{name}.svg", folder / f"{name}.pdf"]
        write_text(paths[0], self.svg())
        # Type 42: letters stay letters, as publishers ask for
        with atomic_path(paths[1]) as path, rc_context({"pdf.fonttype": 42}):
            self.figure.savefig(path, format="pdf", metadata={"CreationDate": None})
        return paths

    def _drawn(self) -> ET.Element:
        from matplotlib import rc_context

        text = io.StringIO()
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": "loihi-sca"}):
            self.figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
        root = ET.fromstring(text.getvalue())  # noqa: S314 - what matplotlib has just written
        for parent in list(root.iter()):
            for child in list(parent):
                if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                    parent.remove(child)
        # what the style that was dropped said: it would hold for the whole page
        root.set("style", "stroke-linejoin: round; stroke-linecap: butt")
        return root

    def _tell(self, root: ET.Element, prefix: str) -> None:
        """Add what is said of the picture, and of its parts."""
        parts = {e.get("id"): e for e in root.iter() if e.get("id")}
        for gid, text in self.tips.items():
            part = parts.get(gid)
            if part is None:
                continue  # matplotlib leaves out what lies outside of the axes
            _insert(part, "title", text)
            part.set("class", "tip")
            if self.focusable:
                part.set("tabindex", "0")
                part.set("role", "img")
                part.set("aria-label", text)
        _insert(root, "desc", self.description, id=f"{prefix}desc")
        _insert(root, "title", self.title, id=f"{prefix}title")
        root.set("role", "group" if self.focusable else "img")
        root.set("aria-labelledby", f"{prefix}title")
        root.set("aria-describedby", f"{prefix}desc")


def _insert(parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
    element = ET.Element(f"{{{SVG}}}{tag}", attributes)
    element.text = text
    parent.insert(0, element)


def _rename(element: ET.Element, names: Mapping[str | None, str], prefix: str) -> None:
    """Give ids, and what refers to them, a prefix."""
    if element.get("id") in names:
        element.set("id", names[element.get("id")])
    for key, value in element.attrib.items():
        if key in ("href", f"{{{XLINK}}}href") and value.startswith("#"):
            element.set(key, f"#{prefix}{value[1:]}")
        elif "url(#" in value:
            element.set(key, value.replace("url(#", f"url(#{prefix}"))


def _text(root: ET.Element) -> str:
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    return re.sub(r"\n\s*\n", "\n", ET.tostring(root, encoding="unicode"))


@contextmanager
def drawing(
    rows: int = 1, columns: int = 1, *, height: float = 2.6, width: float = WIDTH, **options: Any
) -> Iterator[tuple[Any, Any]]:
    """Yield a figure and its axes, (rows, columns), in the style of reports.

    Parameters
    ----------
    rows, columns : int
    height, width : float
        Of the figure, in inches.
    **options
        For ``Figure.subplots``.
    """
    # matplotlib's figure without pyplot: no global state, no display
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    style = {
        "font.size": POINTS, "axes.titlesize": POINTS, "legend.fontsize": POINTS,
        "xtick.labelsize": POINTS - 1, "ytick.labelsize": POINTS - 1, "text.color": INK,
        "axes.edgecolor": FAINT, "axes.labelcolor": INK, "axes.titlecolor": INK,
        "xtick.color": FAINT, "ytick.color": FAINT, "grid.color": LINE, "axes.grid": True,
        "axes.axisbelow": True, "axes.spines.top": False, "axes.spines.right": False,
        "legend.frameon": False, "axes.facecolor": PAPER, "svg.fonttype": "none",
    }  # fmt: skip
    with rc_context(style):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.subplots(rows, columns, squeeze=False, **options)


def close_unused(axes: Any, used: int) -> Any:
    """Hide the axes that no panel is drawn in, and return the others, flat."""
    for spare in axes.flat[used:]:
        spare.set_visible(False)
    return axes.flat[:used]
