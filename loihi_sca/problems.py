"""What stands between a network and the chip, collected so that a user sees all of it at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loihi_sca.errors import DoesNotFit, LoihiScaError, UnsupportedLayer

NO_ADD = (
    "a residual block adds to a stream, and netx knows chains of layers only, without add or concat"
)
"""Why a residual network is trained and pruned here, and goes no further."""

CHAINS = "Use a chain, such as model.zoo = 'vgg16' or 'vgg9'."
"""What to use instead."""


@dataclass(frozen=True)
class Problem:
    """One reason why a network cannot be brought to the chip exactly.

    Attributes
    ----------
    layer : str
        The block or layer, by name.
    reason : str
        What it is or does, and why that cannot be exact.
    instead : str
        What to do about it.
    limit : bool
        True where it is a limit of the chip that is broken, not something unsupported.
    """

    layer: str
    reason: str
    instead: str
    limit: bool = False

    def __str__(self) -> str:
        return f"{self.layer}: {self.reason}. {self.instead}".rstrip()

    def as_json(self) -> dict[str, str | bool]:
        """Return the fields."""
        return dict(self.__dict__)


def raise_for(problems: Iterable[Problem]) -> None:
    """Raise one error that lists all problems, if there are any.

    Raises
    ------
    DoesNotFit
        All of them are limits of the chip.
    UnsupportedLayer
        At least one is something that cannot be exact.
    """
    found = tuple(problems)
    if not found:
        return
    kind: type[LoihiScaError] = DoesNotFit if all(p.limit for p in found) else UnsupportedLayer
    head = "" if len(found) == 1 else f"{len(found)} problems:\n"
    raise kind(head + "\n".join(str(p) for p in found))
