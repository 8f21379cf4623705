"""Numbers as text, everywhere the same."""

from __future__ import annotations

from collections.abc import Mapping


def band_text(band: Mapping[str, float], unit: str) -> str:
    """Return ``best (low to high) unit``, with three digits; one figure where they are equal."""
    low, best, high = (three_digits(band[end]) for end in ("low", "best", "high"))
    if low == high:
        return f"{best} {unit}".rstrip()
    return f"{best} ({low} to {high}) {unit}".rstrip()


def three_digits(value: float) -> str:
    """Return a number with three digits, and all of them above 100."""
    if value == 0 or value >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def percent(share: float) -> str:
    """Return a share of 0 to 1 in per cent."""
    return f"{100 * share:.2f} %"


def plural(count: int, noun: str) -> str:
    """Return ``1 core`` or ``2 cores``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
