"""A published figure beside ours, and whether ours hits it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NEAR = 0.15
"""How far the best value of an energy or a time may be off and still be called a hit."""


@dataclass(frozen=True)
class Figure:
    """A published figure and ours.

    Attributes
    ----------
    chip, network, what, unit : str
    published, ours : tuple of float
        One value, or one per layer.
    band : tuple of float or None
        Low and high of ours, of energy and time.
    source : str
        Where it is published, and how ours is made where that needs a word.
    """

    chip: str
    network: str
    what: str
    unit: str
    published: tuple[float, ...]
    ours: tuple[float, ...]
    source: str
    band: tuple[float, float] | None = None

    @property
    def verdict(self) -> str:
        """``hit``: equal, or within 15 % of an energy or a time. ``in the band``, or ``miss``."""
        if self.published == self.ours:
            return "hit"
        if self.band is None:
            return "miss"
        if abs(self.ours[0] / self.published[0] - 1) <= NEAR:
            return "hit"
        return "in the band" if self.band[0] <= self.published[0] <= self.band[1] else "miss"

    @property
    def deviation(self) -> str:
        """Of ours from the published one, in per cent and in absolute numbers."""
        if len(self.ours) > 1:
            differ = sum(a != b for a, b in zip(self.ours, self.published, strict=True))
            return f"{differ} of {len(self.ours)}" if differ else "none"
        ours, published = self.ours[0], self.published[0]
        if ours == published:
            return "none"
        return f"{_number(ours - published, sign='+')} ({100 * (ours / published - 1):+.1f} %)"

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        ours = _numbers(self.ours)
        if self.band is not None:
            ours += f" ({_numbers(self.band, ' to ')})"
        what = f"{self.what}, {self.unit}" if self.unit else self.what
        return (
            self.chip, self.network, what, _numbers(self.published), ours, self.deviation,
            f"**{self.verdict}**" if self.verdict == "miss" else self.verdict, self.source,
        )  # fmt: skip


def _numbers(values: Sequence[float], between: str = ", ") -> str:
    return between.join(_number(value) for value in values)


def _number(value: float, sign: str = "") -> str:
    if value == int(value) or abs(value) >= 1000:
        return f"{value:{sign}.0f}"
    return f"{value:{sign}.3g}"
