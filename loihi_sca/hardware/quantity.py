"""Numbers that know their unit, where they come from and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

Confidence: TypeAlias = Literal["A", "C", "D"]
"""A: read in the primary artefact. C: quoted second-hand. D: derived or fitted."""


@dataclass(frozen=True)
class Band:
    """A figure with the range it may lie in; all three in one unit.

    Attributes
    ----------
    low, best, high : float
    """

    low: float
    best: float
    high: float

    def __add__(self, other: Band) -> Band:
        return Band(self.low + other.low, self.best + other.best, self.high + other.high)

    def __mul__(self, factor: float) -> Band:
        return Band(self.low * factor, self.best * factor, self.high * factor)

    def times(self, other: Band) -> Band:
        """Return the product of two non-negative bands."""
        return Band(self.low * other.low, self.best * other.best, self.high * other.high)

    def as_json(self) -> dict[str, float]:
        """Return ``{"low", "best", "high"}``."""
        return {"low": self.low, "best": self.best, "high": self.high}


NOTHING = Band(0.0, 0.0, 0.0)


class Sourced(BaseModel):
    """Where a number comes from.

    Attributes
    ----------
    unit : str
        Must be the one that the profile's schema asks for.
    source : str
        Publication, file or derivation.
    confidence : {"A", "C", "D"}
    note : str or None
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: str
    source: str
    confidence: Confidence
    note: str | None = None


class Quantity(Sourced):
    """One number of a profile.

    Attributes
    ----------
    value : float
        The best known.
    low, high : float or None
        Where sources or measurements differ.
    """

    value: float
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Quantity:
        band = self.band
        if not 0 <= band.low <= band.best <= band.high < float("inf"):
            raise ValueError(
                f"needs 0 <= low <= value <= high, got {band.low:g}, {band.best:g}, {band.high:g}"
            )
        return self

    @property
    def band(self) -> Band:
        """The number with its range."""
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        return Band(low, self.value, high)

    def __int__(self) -> int:
        return int(self.value)


class Choices(Sourced):
    """The values that a setting can take, ascending.

    Attributes
    ----------
    values : tuple of int
    """

    values: tuple[int, ...]

    @model_validator(mode="after")
    def _ascending(self) -> Choices:
        if not self.values or list(self.values) != sorted(set(self.values)) or self.values[0] < 1:
            raise ValueError(f"needs ascending values of at least 1, got {list(self.values)}")
        return self


def in_unit(
    unit: str, *, whole_from: int | None = None, above: float | None = None
) -> AfterValidator:
    """Return a validator that insists on a unit, and of number and band on whole or larger ones."""

    def check(quantity: Any) -> Any:
        if quantity is None:
            return None
        if quantity.unit != unit:
            raise ValueError(f"is given in {quantity.unit!r}, must be in {unit!r}")
        if not isinstance(quantity, Quantity):
            return quantity
        low, best, high = quantity.band.low, quantity.band.best, quantity.band.high
        for where, value in (("", best), ("low ", low), ("high ", high)):
            if whole_from is not None and (value < whole_from or value != int(value)):
                raise ValueError(
                    f"{where}is {value:g}, must be a whole number of at least {whole_from}"
                )
            if above is not None and value <= above:
                raise ValueError(f"{where}is {value:g}, must be above {above:g}")
        return quantity

    return AfterValidator(check)
