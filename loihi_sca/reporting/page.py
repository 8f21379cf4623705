"""A page: sections of text, pictures and tables, as one HTML file without any outside resource."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal, TypeAlias

import jinja2
from markupsafe import Markup

from loihi_sca.reporting.picture import Picture, Table
from loihi_sca.reporting.theme import variables


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes
    ----------
    text : str
    kind : {"plain", "lead", "good", "missing"}
        ``good`` is proven; ``missing`` says what is not shown, and why.
    """

    text: str
    kind: Literal["plain", "lead", "good", "missing"] = "plain"


@dataclass(frozen=True)
class Listing:
    """A text as it is, such as a recipe."""

    name: str
    text: str


Part: TypeAlias = Text | Listing | Table | Picture


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    Attributes
    ----------
    title : str
    parts : sequence of Part
    under : sequence of Section
        Only in sections of a page, not deeper.
    """

    title: str
    parts: Sequence[Part] = ()
    under: Sequence[Section] = ()

    @property
    def pictures(self) -> Iterator[Picture]:
        """Yield the pictures of the section, and of those under it."""
        yield from (part for part in self.parts if isinstance(part, Picture))
        for section in self.under:
            yield from section.pictures

    @property
    def tables(self) -> Iterator[tuple[str, str, Table]]:
        """Yield the tables, those of pictures too, each with its section and a title."""
        for part in self.parts:
            if isinstance(part, Table):
                yield self.title, part.caption, part
            elif isinstance(part, Picture) and part.table is not None:
                yield self.title, part.title, part.table
        for section in self.under:
            for title, caption, table in section.tables:
                yield f"{self.title}, {title}", caption, table


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes
    ----------
    title : str
    lead : str
        What run it is of.
    sections : sequence of Section
        Those with nothing in them are left out.
    """

    title: str
    lead: str
    sections: Sequence[Section]

    @property
    def pictures(self) -> list[Picture]:
        """All pictures in order."""
        return [picture for section in self.sections for picture in section.pictures]

    def tables(self) -> list[dict[str, Any]]:
        """Return all figures as JSON values: by table its section, title, columns and rows."""
        return [
            {
                "section": section,
                "table": title,
                "columns": list(table.columns),
                "rows": [list(row) for row in table.rows],
            }
            for page_section in self.sections
            for section, title, table in page_section.tables
        ]

    def figures(self) -> list[dict[str, Any]]:
        """Return one row for each figure in :meth:`tables`, as ``--csv`` writes them."""
        return [
            {
                "section": table["section"], "table": table["table"], "row": number,
                "name": row[0], "column": column, "value": value,
            }
            for table in self.tables()
            for number, row in enumerate(table["rows"], start=1)
            for column, value in zip(table["columns"][1:], row[1:], strict=True)
        ]  # fmt: skip

    def html(self) -> str:
        """Return the page."""
        template = (resources.files("loihi_sca") / "reporting" / "report.html.j2").read_text(
            "utf-8"
        )
        # names and summaries may be anybody's: everything is escaped but our own SVG
        environment = jinja2.Environment(
            autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        environment.filters["kind"] = lambda part: type(part).__name__
        environment.filters["svg"] = _inline
        sections = [s for s in self.sections if s.parts or s.under]
        return environment.from_string(template).render(
            page=self, sections=sections, light=Markup(variables(False)),  # noqa: S704
            dark=Markup(variables(True)),  # noqa: S704
        )  # fmt: skip


def _inline(picture: Picture, number: str) -> Markup:
    return Markup(picture.inline(f"p{number}-"))  # noqa: S704 - matplotlib escapes its texts
