"""Colours of reports, each for a light and for a dark page.

Pictures are drawn in the light ones; in a page they become CSS variables, so that one picture
serves both.
"""

from __future__ import annotations

THEME: dict[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#0f172a"),
    "raised": ("#f1f5f9", "#1e293b"),
    "ink": ("#1e2a3b", "#e2e8f0"),
    "faint": ("#4b5768", "#a3b1c4"),
    "line": ("#cad3df", "#3b4860"),
    "good": ("#046c4e", "#4ade9f"),
    "blue": ("#1d5fd1", "#6fb0ff"),
    "orange": ("#c2410c", "#fb923c"),
    "teal": ("#0f766e", "#2dd4bf"),
    "purple": ("#7e22ce", "#c58bff"),
    "pink": ("#be185d", "#f77fbb"),
    "olive": ("#4d7c0f", "#a8e03c"),
    "brown": ("#92400e", "#f5c451"),
    "slate": ("#5f6f86", "#8e9db3"),
}
"""By name: what it is on white, and what it is on the dark page."""

INK, FAINT, LINE, PAPER = (THEME[name][0] for name in ("ink", "faint", "line", "paper"))

SERIES = tuple(
    THEME[name][0]
    for name in ("blue", "orange", "teal", "purple", "pink", "olive", "brown", "slate")
)
"""For series in turn; where there are more, they begin anew with another marker."""

NAMED = {
    "dense": THEME["slate"][0], "pruned": THEME["orange"][0], "regenerated": THEME["teal"][0],
    "static": THEME["slate"][0], "dynamic": THEME["teal"][0],
    "other trials": THEME["slate"][0], "front": THEME["orange"][0],
    "front, test data": THEME["teal"][0],
}  # fmt: skip
"""Series that have the same colour in every picture."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def colour_of(name: str, number: int) -> str:
    """Return the colour of a series: its own, or that of its number."""
    return NAMED.get(name, SERIES[number % len(SERIES)])


def marker_of(number: int) -> str:
    """Return the marker of the series of a number, so that colour is not all that tells."""
    return MARKERS[(number + number // len(SERIES)) % len(MARKERS)]


def variables(dark: bool) -> str:
    """Return the colours as CSS declarations."""
    return " ".join(f"--{name}: {pair[dark]};" for name, pair in THEME.items())
