"""What commands share to show results: JSON on stdout, CSV files, tables and progress."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from typing_extensions import Self

from loihi_sca.cli.targets import csv_target
from loihi_sca.files import write_csv
from loihi_sca.results import Result, flat

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

FILE_WIDTH = 120
"""Columns of a table that goes to a file or a pipe, where nobody says how wide it may be."""


def _console(stream: TextIO) -> Console:
    told = "COLUMNS" in os.environ or stream.isatty()
    return Console(
        stderr=stream is sys.stderr, width=None if told else FILE_WIDTH,
        emoji=False,  # module:x is a name of the user's, no sign
    )  # fmt: skip


console = _console(sys.stdout)
"""Results, on stdout."""

status = _console(sys.stderr)
"""Progress, notes and errors, on stderr, so that stdout stays clean for pipes."""


def emit_json(value: dict[str, Any]) -> None:
    """Print a JSON object on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")


def csv_option(row: str) -> Any:
    """Return ``--csv`` of a command; the target is tried before the command does anything.

    Parameters
    ----------
    row : str
        What a row stands for, with what else a user of the file should know.
    """
    return typer.Option(
        "--csv",
        help=f"Write the table as CSV too: a row per {row}.",
        metavar="FILE.csv",
        callback=csv_target,
    )


def emit_csv(target: Path | None, table: Result | Sequence[Mapping[str, Any]]) -> None:
    """Write a result's rows as CSV if ``--csv`` was given, and say so.

    Parameters
    ----------
    target : Path or None
    table : Result or sequence of mapping
        At least one row, where it is no result that knows its columns.
    """
    if target is None:
        return
    rows = table.rows() if isinstance(table, Result) else flat(table)
    columns = table.columns() if isinstance(table, Result) else list(rows[0])
    write_csv(target, columns, rows)
    status.print(f"wrote {target}", highlight=False, markup=False, soft_wrap=True)


def progress_bar(*, percent: bool = False, silent: bool = False) -> Progress:
    """Return a progress bar on stderr that stays silent when stderr is no terminal.

    Parameters
    ----------
    percent : bool
        Say how far it is in per cent, instead of by counts.
    silent : bool
        Show nothing on a terminal either.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %") if percent else MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=percent),
        console=status,
        transient=True,
        disable=silent or not status.is_terminal,
    )


def bar_each(bar: Progress) -> Callable[[str, int, int], None]:
    """Return what shows several pieces of work, each on a bar of its own, as they turn up.

    It is called with what is done, how much of it, and of how much.
    """
    tasks: dict[str, TaskID] = {}

    def show(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done, total=total)

    return show


class Bar:
    """What shows a bar over a long piece of work, within a ``with`` block."""

    def __init__(self, *, silent: bool = False) -> None:
        self._bar, self.silent = progress_bar(percent=True, silent=silent), silent

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        if not self.silent:
            status.print(f"note: {text}", highlight=False, markup=False, soft_wrap=True)
