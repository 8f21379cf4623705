"""What stands between a network and the chip, collected so that a user sees all of it at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from loihi_sca.errors import DoesNotFit, UnsupportedLayer
from loihi_sca.results import Result, open_table, plain

if TYPE_CHECKING:
    from rich.table import Table


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
    head = "" if len(found) == 1 else f"{len(found)} problems:\n"
    text = head + "\n".join(str(p) for p in found)
    if all(problem.limit for problem in found):
        raise DoesNotFit(text)
    if len(found) == 1:
        raise UnsupportedLayer(f"{found[0].layer}: {found[0].reason}", found[0].instead)
    raise UnsupportedLayer(text)


class Findings(Result, tuple[Problem, ...]):
    """Problems, and beside them what depends on values that are not there yet.

    As a tuple it holds the problems alone, so that it is empty where nothing is in the way.
    ``table()`` shows all of it.

    Attributes
    ----------
    notes : tuple of str
        Sentences on what training, or what a file does not tell, could still bring.
    """

    notes: tuple[str, ...]

    def __new__(cls, problems: Iterable[Problem] = (), notes: Iterable[str] = ()) -> Findings:
        """Take problems and notes, each one once, in their order."""
        found = super().__new__(cls, dict.fromkeys(problems))
        found.notes = tuple(dict.fromkeys(notes))
        return found

    def about(self) -> str:
        """Return how many there are, and of which blocks."""
        blocks = ", ".join(dict.fromkeys(problem.layer for problem in self))
        told = f"{len(self)} in the way of the chip: {blocks}" if self else "nothing in the way"
        return told + (f"; {len(self.notes)} notes" if self.notes else "")

    def as_json(self) -> dict[str, Any]:
        """Return problems and notes."""
        return {
            "schema": 1, "problems": [p.as_json() for p in self], "notes": list(self.notes),
        }  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per problem."""
        return [problem.as_json() for problem in self]

    def columns(self) -> list[str]:
        """Return the fields of a problem, also where there is none."""
        return [field.name for field in fields(Problem)]

    def tables(self) -> list[Table]:
        """Return what is in the way and what to do about it; notes stand below."""
        table = open_table("", "block", "what is in the way", "instead")
        for problem in self:
            table.add_row(*map(plain, (problem.layer, problem.reason, problem.instead)))
        table.caption = "\n".join(plain(f"note: {note}") for note in self.notes)
        return [table]
