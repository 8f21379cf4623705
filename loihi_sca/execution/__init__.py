"""Where work is done: one piece after the other in this process, or many at once on Ray.

Both map a function over items and give the outcomes as they come. What goes wrong with one item
becomes a :class:`Failure`, and the others go on.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, TypeVar

from typing_extensions import Self

from loihi_sca.errors import Interrupted

__all__ = ["Executor", "Failure", "Local", "attempt"]

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Failure:
    """What became of an item instead of a value.

    Attributes
    ----------
    kind : str
        Class of the error, such as ``TrainingError``, or ``WorkerDied``.
    message : str
        What it says.
    details : str
        The traceback, for what is a mistake of ours.
    """

    kind: str
    message: str
    details: str = ""


class Executor(Protocol):
    """Does work, in a ``with`` block.

    Attributes
    ----------
    threads : int or None
        CPU threads that each piece of work shall use; None for as many as it would by itself.
    in_process : bool
        Whether functions run in this process, so that they may call back.
    """

    @property
    def threads(self) -> int | None:
        """CPU threads per piece of work."""

    @property
    def in_process(self) -> bool:
        """Whether functions run in this process."""

    @property
    def workers(self) -> int:
        """Pieces of work under way at once."""

    def map(
        self, function: Callable[[T], R], items: Iterable[T]
    ) -> Iterator[tuple[T, R | Failure]]:
        """Yield (item, value or Failure), in the order in which they finish.

        Parameters
        ----------
        function : callable
            Of a module, and it and the items can be pickled, unless all is done in this process.
            An item may be tried again after its process has died, so the function must go on with
            what it finds, or start over.
        items : iterable
            The next one is taken when there is a worker for it, and after the outcomes so far have
            been dealt with: it may depend on them.

        Raises
        ------
        Interrupted
            Ctrl-C, in this process.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


@dataclass(frozen=True)
class Local:
    """One piece of work after the other, in this process.

    Attributes
    ----------
    threads : int or None
        See :class:`Executor`.
    """

    threads: int | None = None
    in_process: bool = True
    workers: int = 1

    def map(
        self, function: Callable[[T], R], items: Iterable[T]
    ) -> Iterator[tuple[T, R | Failure]]:
        """Yield (item, value or Failure), in order."""
        for item in items:
            yield item, attempt(function, item)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Do nothing."""


def attempt(function: Callable[[T], R], item: T) -> R | Failure:
    """Return the value of a function, or what went wrong.

    Raises
    ------
    Interrupted
        The user does not want the others either.
    """
    try:
        return function(item)
    except Interrupted:
        raise
    except Exception as error:  # whatever it is, it must not end hours of other runs
        return Failure(type(error).__name__, str(error), traceback.format_exc())
