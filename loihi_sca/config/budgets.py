"""How small a network shall become: the one place that knows the names and amounts of budgets."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loihi_sca.errors import ConfigError

FRACTIONS = ("keep", "connections", "synops")
"""Budgets that are fractions of the dense network."""

WHOLE = ("cores", "synapse_words")
"""Budgets that are whole numbers."""

BUDGETS = (*FRACTIONS, *WHOLE, "energy_uj", "fits")
"""Ways to say how small a network shall become; those that are no fractions are of a chip."""

CHIPS = re.compile(r"([1-9]\d*) chips?")


@dataclass(frozen=True)
class Budget:
    """How small a network shall become, in one currency.

    Attributes
    ----------
    name : str
        One of :data:`BUDGETS`.
    amount : float, int or str
        A fraction above 0 and at most 1 of the dense network for ``keep``, ``connections`` and
        ``synops``; a whole number above 0 of ``cores`` or ``synapse_words``; uJ per sample, static
        power included, for ``energy_uj``; ``"1 chip"`` or ``"2 chips"`` for ``fits``.

    Raises
    ------
    ConfigError
        There is no such budget, or the amount is not of its kind.
    """

    name: str
    amount: float | int | str

    def __post_init__(self) -> None:
        if problem := _problem(self.name, self.amount):
            raise ConfigError(f"budget {self.name}={self.amount}: {problem}.")

    def __str__(self) -> str:
        return f"{self.name}={self.amount}"

    @property
    def is_fraction(self) -> bool:
        """Whether it is a fraction of the dense network, and of no chip."""
        return self.name in FRACTIONS

    @property
    def needs_rates(self) -> bool:
        """Whether what a network takes of it depends on how busy it is."""
        return self.name in ("synops", "energy_uj")

    @property
    def chips(self) -> int | None:
        """The number of whole chips, None for other budgets."""
        found = CHIPS.fullmatch(str(self.amount)) if self.name == "fits" else None
        return int(found[1]) if found else None

    def as_json(self) -> dict[str, float | int | str]:
        """Return ``{name: amount}``, as a recipe writes it."""
        return {self.name: self.amount}

    @classmethod
    def parse(cls, text: str) -> tuple[Budget, ...]:
        """Return the budgets of ``NAME=AMOUNT,AMOUNT,...``, such as ``cores=8,16``.

        Raises
        ------
        ConfigError
            There is no such budget, or an amount is not of its kind.
        """
        name, equals, amounts = text.partition("=")
        if name not in BUDGETS or not equals:
            raise ConfigError(
                f"budget {text!r}: give NAME=AMOUNT,AMOUNT,... with one of {', '.join(BUDGETS)}."
            )
        return tuple(cls(name, _number(name, amount, text)) for amount in amounts.split(","))

    @classmethod
    def given_in(cls, values: Mapping[str, Any]) -> Budget | None:
        """Return the budget among the values of a table, None if there is none.

        Raises
        ------
        ConfigError
            There are several, or it cannot be meant.
        """
        given = [name for name in BUDGETS if values.get(name) is not None]
        if len(given) > 1:
            raise ConfigError(f"gives {' and '.join(given)}; one budget at a time.")
        return cls(given[0], values[given[0]]) if given else None


def _number(name: str, amount: str, text: str) -> float | int | str:
    if name == "fits":
        return amount.strip()
    try:
        return int(amount) if name in WHOLE else float(amount)
    except ValueError:
        raise ConfigError(f"budget {text!r}: {amount!r} is no number that will do.") from None


def _problem(name: str, amount: object) -> str | None:
    """Return what is wrong with an amount, None if it can be meant."""
    if name not in BUDGETS:
        return f"no such budget; there are {', '.join(BUDGETS)}"
    if name == "fits":
        right = isinstance(amount, str) and CHIPS.fullmatch(amount)
        return None if right else 'must be a number of whole chips, such as "1 chip" or "2 chips"'
    number = amount if isinstance(amount, int | float) and not isinstance(amount, bool) else None
    if name in WHOLE:
        return None if isinstance(number, int) and number > 0 else "must be a whole number above 0"
    if number is None or not math.isfinite(number) or number <= 0:
        return "must be a number above 0"
    if name in FRACTIONS and number > 1:
        return "must be at most 1: it is a fraction of the dense network"
    return None
