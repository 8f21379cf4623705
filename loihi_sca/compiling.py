"""Who is told that machine code is being made, known without loading what makes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Watcher(Protocol):
    """What is told; from whatever thread needs the code, and about one kernel at a time."""

    def start(self, kernel: str, folder: str | None) -> None:
        """Take note that a kernel is being compiled, to be kept in a folder, or not at all."""

    def end(self) -> None:
        """Take note that it is done."""


class _Nobody:
    def start(self, kernel: str, folder: str | None) -> None:
        pass

    def end(self) -> None:
        pass


_watchers: list[Watcher] = [_Nobody()]


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Tell this one, and no other, within the block."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def watcher() -> Watcher:
    """Return who is to be told now."""
    return _watchers[-1]
