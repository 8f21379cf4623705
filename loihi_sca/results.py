"""What all results share: a short repr, tables for people, JSON and rows for programs."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

WIDTH = 120
"""Columns of a table as text, where no terminal says how many there are."""


class Tables(tuple["Table", ...]):
    """Tables that show themselves: printed as text, in a notebook as HTML, and by rich."""

    def __str__(self) -> str:
        console = _console(io.StringIO())
        console.print(self)
        return "\n".join(line.rstrip() for line in console.export_text().splitlines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        console = _console(io.StringIO())
        console.print(self)
        return console.export_html(inline_styles=True, code_format=f"<pre {STYLE}>{{code}}</pre>")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self


STYLE = 'style="font-family: monospace; line-height: normal; white-space: pre"'


class Result:
    """A mixin for results: subclasses say what they are in a line, their tables and their JSON."""

    def about(self) -> str:
        """Return a line without the name of the class."""
        raise NotImplementedError

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        raise NotImplementedError

    def tables(self) -> Sequence[Table]:
        """Return the tables that the command of this result prints."""
        raise NotImplementedError

    def rows(self) -> Sequence[dict[str, Any]]:
        """Return one flat row per layer, for a data frame; ``--csv`` writes the same."""
        return flat(self.as_json()["layers"])

    def columns(self) -> list[str]:
        """Return the names of the columns of ``rows()``, in order."""
        return list(dict.fromkeys(name for row in self.rows() for name in row))

    def table(self) -> Tables:
        """Return the tables that the command prints; ``print`` shows them, and so do notebooks."""
        return Tables(self.tables())

    def to_pandas(self) -> Any:
        """Return the rows as a ``pandas.DataFrame``.

        Raises
        ------
        ImportError
            pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                f"{type(self).__name__}.to_pandas() needs pandas, which is not installed: pip "
                "install pandas. rows() gives the same as a list of dicts."
            ) from error
        return pandas.DataFrame(list(self.rows()), columns=self.columns())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.about()})"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><code>{escape(repr(self))}</code></p>{self.table()._repr_html_()}"


def flat(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows without dicts in them, ``{"a": {"b": 1}}`` as ``{"a_b": 1}``.

    All rows get the same columns in the same order: what a row does not have is None there.
    """
    rows = list(rows)
    flattened: list[dict[str, Any]] = [{} for _ in rows]
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        if any(isinstance(value, Mapping) for value in values):
            nested = flat(value or {} for value in values)
            parts = [{f"{name}_{key}": value for key, value in row.items()} for row in nested]
        else:
            parts = [{name: value} for value in values]
        for row, part in zip(flattened, parts, strict=True):
            row |= part
    return flattened


def open_table(title: str, *columns: str) -> Table:
    """Return a table without rows."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", caption_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def add_numbers(table: Table, *columns: str) -> None:
    """Add columns of numbers, which stand on the right."""
    for column in columns:
        table.add_column(column, justify="right")


def plain(text: str) -> str:
    """Return a text so that rich shows it as it is, brackets too."""
    from rich.markup import escape

    return escape(text)


def times(shape: Sequence[int]) -> str:
    """Return a shape for people, ``3x32x32``."""
    return "x".join(map(str, shape))


def _console(file: io.StringIO) -> Console:
    from rich.console import Console

    return Console(file=file, record=True, width=WIDTH, force_terminal=False)
