"""What all commands share to show results: JSON on stdout, tables and progress for people."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

FILE_WIDTH = 120
"""Columns of a table that goes to a file or a pipe, where nobody says how wide it may be."""


def _console(stream: TextIO) -> Console:
    told = "COLUMNS" in os.environ or stream.isatty()
    return Console(stderr=stream is sys.stderr, width=None if told else FILE_WIDTH)


console = _console(sys.stdout)
"""Results, on stdout."""

status = _console(sys.stderr)
"""Progress, notes and errors, on stderr, so that stdout stays clean for pipes."""


def emit_json(value: dict[str, Any]) -> None:
    """Print a JSON object on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")


def progress_bar() -> Progress:
    """Return a progress bar on stderr that stays silent when stderr is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=status,
        transient=True,
        disable=not status.is_terminal,
    )
