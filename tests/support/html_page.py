"""An HTML page as tests look at it: its elements with their attributes, in order."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from typing import NamedTuple

VOID = ("meta", "link", "br", "img", "input", "hr")


class Element(NamedTuple):
    tag: str
    attributes: dict[str, str]


class Page(HTMLParser):
    """Parses, and fails where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.elements, self._open = text, [], []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append(Element(tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        assert self._open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str]]:
        return [e.attributes for e in self.elements if e.tag == tag]

    @property
    def ids(self) -> set[str]:
        return {e.attributes["id"] for e in self.elements if "id" in e.attributes}


def check_page(text: str) -> Page:
    """Check what holds for every report, and return it parsed."""
    page = Page(text)
    assert page.all("html") == [{"lang": "en"}]
    headings = [int(e.tag[1]) for e in page.elements if e.tag in ("h1", "h2", "h3", "h4")]
    assert headings.count(1) == 1
    assert headings[0] == 1
    steps = pairwise(headings)
    assert all(b <= a + 1 for a, b in steps), "a level of headings is left out"
    counted = Counter(e.attributes["id"] for e in page.elements if "id" in e.attributes)
    assert [i for i, n in counted.items() if n > 1] == []
    for element in page.elements:
        for key, value in element.attributes.items():
            if key in ("aria-labelledby", "aria-describedby"):
                assert value in page.ids
            if key in ("href", "xlink:href"):
                assert value.startswith("#"), value
                assert value[1:] in page.ids, value
            # nothing is fetched, from anywhere
            assert key not in ("src", "srcset", "action", "poster"), (element.tag, key)
            assert "url(" not in value or "url(#" in value, value
    assert "@import" not in text
    for svg in page.all("svg"):
        assert svg["role"] in ("img", "group")
        assert svg["aria-labelledby"]
        assert "width" not in svg  # it goes with the page
    for region in page.all("div"):
        if region.get("class") == "scroll":  # reached and named, so that it can be scrolled
            assert region["tabindex"] == "0"
            assert region["role"] == "region"
            assert region["aria-label"]
    assert all(cell.get("scope") in ("col", "row") for cell in page.all("th"))
    return page
