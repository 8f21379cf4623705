"""Machine code as a user meets it: a word while it is made, and making all of it ahead."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.errors import LiveError
from rich.status import Status

from loihi_sca.cli.output import progress_bar, status
from loihi_sca.compiling import watched_by

NOWHERE = (
    "machine code cannot be kept, neither beside loihi-sca nor in the user's cache folder, so that "
    "every run compiles it anew. Set NUMBA_CACHE_DIR to a folder that you can write."
)


class CompilingNote:
    """Says, once, that kernels are being compiled, and on a terminal which one as long as it lasts.

    Silent where all code was kept from an earlier run.
    """

    def __init__(self) -> None:
        self._said = False
        self._shown: Status | None = None

    def start(self, kernel: str, folder: str | None) -> None:
        """Say it."""
        if not self._said:
            self._said = True
            kept = f"this happens once, the code is kept in {folder}" if folder else NOWHERE
            line = f"note: compiling for this machine, which can take half a minute: {kept}"
            status.print(line, highlight=False, markup=False, soft_wrap=True)
        if not status.is_terminal:
            return
        shown = status.status(f"compiling {kernel}")
        try:
            shown.start()
        except LiveError:  # older versions of rich show one thing at a time, here a bar
            return
        self._shown = shown

    def end(self) -> None:
        """Take the sign away."""
        if self._shown is not None:
            self._shown.stop()
            self._shown = None


@dataclass
class Warmed:
    """What compiling everything ahead took.

    Attributes
    ----------
    compiled : list of str
        Kernels, once per set of types; empty where all were kept from before.
    wall_time_s : float
    folder : str or None
        Where the code is kept; None where it cannot be.
    """

    compiled: list[str] = field(default_factory=list)
    wall_time_s: float = 0.0
    folder: str | None = None

    def start(self, kernel: str, folder: str | None) -> None:
        """Count a kernel."""
        self.compiled.append(kernel)

    def end(self) -> None:
        """Do nothing more."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields."""
        return dict(self.__dict__)

    def __str__(self) -> str:
        if not self.compiled:
            return f"nothing to compile, all code is in {self.folder}"
        where = f"kept in {self.folder}" if self.folder else NOWHERE
        return f"compiled {len(self.compiled)} kernels in {self.wall_time_s:.1f} s: {where}"

    def missed(self) -> str | None:
        """Return what the user asked for that could not be, None if it could."""
        wanted = os.environ.get("NUMBA_CACHE_DIR")
        if not wanted or self.folder is None or Path(wanted) in Path(self.folder).parents:
            return None
        return f"NUMBA_CACHE_DIR={wanted} cannot be written; the code is kept elsewhere."


def warm() -> Warmed:
    """Compile all kernels of the fast engine, with a bar."""
    from loihi_sca.engine.fast.warm import warm as compile_all

    found, started = Warmed(), time.perf_counter()
    with progress_bar() as bar, watched_by(found):
        task = bar.add_task("fast engine, kinds of networks", total=None)
        found.folder = compile_all(
            lambda done, total: bar.update(task, completed=done, total=total)
        )
    found.wall_time_s = time.perf_counter() - started
    return found
