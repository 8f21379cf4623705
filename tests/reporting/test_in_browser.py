"""Reports as Chromium shows them: to eyes, at three widths in two themes, to keys, to readers.

Letters differ between machines, and so do figures of a training; so boxes are compared with what
holds everywhere, and the first screen with a thumbnail in ``screens``, in large squares. After a
change that is meant to be seen, look at the page, then write them anew:
``LOIHI_SCA_WRITE_SCREENS=1 scripts/test tests/reporting/test_in_browser.py -m slow``.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import CHROMIUM, DRIVER, ENTER, ESCAPE, MISSING, TAB, Browser, browsing
from PIL import Image
from tiny_training import tiny_recipe

import loihi_sca
from loihi_sca.cli import main
from loihi_sca.reporting.theme import THEME

pytestmark = [
    pytest.mark.slow,
    pytest.mark.train,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason=MISSING),
]

SCREENS = Path(__file__).parent / "screens"
WIDTHS = {400: 1, 900: 2, 1600: 3}
"""Of a window: how many pictures stand beside each other in it."""

HEIGHT = 1200
SQUARES = (10, 8)
"""Of a thumbnail, across and down."""

MOVED = range(-60, 61, 20)
"""By how many pixels all may stand lower: a line above that breaks elsewhere does that."""

ALIKE = 0.7
"""Correlation of the squares' grey levels from which two screens are the same."""

OTHER_LETTERS = """
document.head.append(Object.assign(document.createElement("style"),
  {textContent: "body, text {font-family: serif !important; font-size: 104%}"}));
"""

BOXES = """
const box = e => e.getBoundingClientRect();
const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3
  && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
const pairs = (all, told) => all.flatMap((a, i) => all.slice(i + 1)
  .filter(b => meet(box(a), box(b))).map(b => told(a) + " | " + told(b)));
const pictures = [...document.querySelectorAll("figure svg")];
return {
  width: document.documentElement.scrollWidth,
  out: [...document.querySelectorAll("main *, header *")]
    .filter(e => !e.closest(".scroll, .skip, svg") && box(e).right > innerWidth + 1)
    .map(e => e.tagName),
  pictures: pictures.map(e => ({width: box(e).width, high: box(e).height / box(e).width,
    inside: box(e).left >= 0 && box(e).right <= innerWidth + 1,
    letters: Math.min(...[...e.querySelectorAll("text")].map(t => box(t).height))})),
  beside: new Set([...document.querySelector(".pictures").children].map(e => box(e).left)).size,
  texts: pictures.flatMap(e => pairs([...e.querySelectorAll("text")]
    .filter(t => t.textContent.trim()), t => t.textContent)),
  blocks: [...document.querySelectorAll("section, .pictures, header")].flatMap(e =>
    pairs([...e.children], x => x.tagName + " " + x.textContent.slice(0, 40))),
  narrow: [...document.querySelectorAll("td.words")].filter(e =>
    e.offsetParent && box(e).height > 12 * parseFloat(getComputedStyle(e).lineHeight))
    .map(e => e.textContent.slice(0, 40)),
};
"""

FOCUS = """
const e = document.activeElement, style = getComputedStyle(e);
const all = [...document.querySelectorAll("*")];
return {tag: e.tagName.toLowerCase(), place: all.indexOf(e), text: e.textContent.trim(),
  label: e.getAttribute("aria-label") || "", hash: location.hash,
  seen: style.outlineStyle !== "none" || style.strokeWidth === "1.5px",
  tip: document.querySelector("#tip").hidden ? "" : document.querySelector("#tip").textContent};
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """Reports of a real training and of a real sweep."""
    from loihi_sca.training.session import recipe_as_toml

    folder = tmp_path_factory.mktemp("runs")
    loihi_sca.train(tiny_recipe(), folder / "train")
    (folder / "tiny.toml").write_text(recipe_as_toml(tiny_recipe(epochs=2)))
    options = ["--budgets", "keep=0.5,0.8", "--samples", "4", "--out", str(folder / "sweep")]
    with pytest.raises(SystemExit) as exit:
        main(["sweep", str(folder / "tiny.toml"), *options])
    assert not exit.value.code
    return {
        "train": loihi_sca.report(folder / "train", samples=50),
        "sweep": loihi_sca.report(folder / "sweep"),
    }


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["train", "sweep"])
def test_nothing_sticks_out_or_lies_on_something_else(pages, browser, name, width) -> None:
    browser.open(pages[name], width, HEIGHT)
    boxes = browser.evaluate(BOXES)
    assert boxes["width"] == width
    assert boxes["out"] == []
    assert boxes["texts"] == []
    assert boxes["blocks"] == []
    assert boxes["narrow"] == []
    assert boxes["beside"] == WIDTHS[width]
    assert len(boxes["pictures"]) > 4
    for picture in boxes["pictures"]:
        assert picture["inside"]
        assert 300 <= picture["width"] <= 640  # 40rem
        assert 0.1 < picture["high"] < 2
        assert picture["letters"] > 8


def squares(shot: bytes, lower: int = 0, aside: int = 0) -> np.ndarray:
    """Return a screen, all of it moved by some pixels, as large squares of grey, 0 to 255."""
    with Image.open(io.BytesIO(shot)) as opened:
        moved = np.roll(np.asarray(opened.convert("L")), (lower, aside), axis=(0, 1))
    return np.asarray(Image.fromarray(moved).resize(SQUARES, Image.Resampling.BOX), float)


def likeness(shot: bytes, known: np.ndarray, aside: int = 0) -> float:
    def correlation(lower: int) -> float:
        seen = squares(shot, lower, aside)
        return float(np.corrcoef(seen.ravel(), known.ravel())[0, 1])

    return max(map(correlation, MOVED))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["train", "sweep"])
def test_the_first_screen_is_as_it_was_looked_at(pages, browser, name, width, dark) -> None:
    browser.open(pages[name], width, HEIGHT, dark)
    shot = browser.screenshot()
    stored = SCREENS / f"{name}-{width}-{'dark' if dark else 'light'}.png"
    if os.environ.get("LOIHI_SCA_WRITE_SCREENS"):
        SCREENS.mkdir(exist_ok=True)
        Image.fromarray(squares(shot).round().astype(np.uint8)).save(stored)
    with Image.open(stored) as opened:
        known = np.asarray(opened, float)
    assert likeness(shot, known) > ALIKE
    browser.evaluate(OTHER_LETTERS)
    assert likeness(browser.screenshot(), known) > ALIKE
    # what is elsewhere, or has the colours of the other theme, is something else
    assert likeness(shot, known, aside=width // 4) < ALIKE
    assert likeness(shot, 255 - known) < ALIKE


@pytest.mark.parametrize("dark", [False, True])
def test_colours_are_those_of_the_theme(pages, browser, dark: bool) -> None:
    browser.open(pages["train"], 1600, HEIGHT, dark)
    with Image.open(io.BytesIO(browser.screenshot())) as opened:
        size, colours = opened.size, opened.convert("RGB").getcolors(1 << 24)
    counted = {rgb: n for n, rgb in colours}

    def pixels(name: str, of_dark: bool = dark) -> int:
        colour = THEME[name][of_dark]
        return counted.get(tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)), 0)

    assert pixels("paper") > 0.6 * size[0] * size[1]
    assert pixels("ink") > 1000  # letters
    assert pixels("blue") > 500  # of pictures and links
    assert pixels("paper", not dark) < 2000


def test_keys_go_through_the_page_in_its_order(pages, browser) -> None:
    browser.open(pages["sweep"], 900, HEIGHT)
    stops: list[dict[str, Any]] = []
    for _ in range(24):
        browser.press(TAB)
        stops.append(browser.evaluate(FOCUS))
    assert stops[0]["text"] == "Skip to the report"
    sections = browser.evaluate('return [...document.querySelectorAll("h2")].map(e => e.innerText)')
    assert [s["text"] for s in stops[1 : 1 + len(sections)]] == sections
    assert stops[1 + len(sections)]["tag"] == "button"
    assert [s["place"] for s in stops] == sorted({s["place"] for s in stops})
    for stop in stops:
        assert stop["seen"], stop
        assert stop["label"] or stop["text"], stop
    # networks of the front are stops too, and say what they are
    points = [stop for stop in stops if stop["tag"] == "g"]
    assert points
    assert all(p["tip"] == p["label"] and "%" in p["tip"] for p in points)


def test_keys_do_what_they_say(pages, browser) -> None:
    browser.open(pages["sweep"], 900, HEIGHT)
    browser.press(TAB)
    browser.press(ENTER)
    assert browser.evaluate(FOCUS)["hash"] == "#main"
    browser.evaluate('document.querySelector("g.tip").focus()')
    assert browser.evaluate(FOCUS)["tip"]
    browser.press(ESCAPE)
    assert not browser.evaluate(FOCUS)["tip"]
    browser.evaluate('document.querySelector("header button").focus()')
    ground = "return getComputedStyle(document.body).backgroundColor"
    before = browser.evaluate(ground)
    browser.press(ENTER)
    assert browser.evaluate(ground) != before
    assert browser.evaluate(FOCUS)["text"] == "Light colours"
    browser.evaluate('document.querySelector("summary").focus()')
    browser.press(ENTER)
    assert browser.evaluate('return document.querySelector("details").open')


@pytest.mark.parametrize(
    ("name", "part", "told"),
    [
        ("sweep", "[id$=point-0-0]", "synops per sample|cores|uJ"),
        ("train", "[id$=core-0]", "core 0: conv1, "),
        ("train", "[id*=cell-]", "class . answered as ."),
    ],
)
def test_pointing_at_a_part_tells_what_it_is(pages, browser, name, part, told) -> None:
    browser.open(pages[name], 900, HEIGHT)
    tip = 'const e = document.querySelector("#tip"); return e.hidden ? "" : e.textContent'
    assert browser.evaluate(tip) == ""
    browser.point_at(part)
    assert re.search(told, browser.evaluate(tip))


@pytest.mark.parametrize("name", ["train", "sweep"])
def test_a_screen_reader_is_told_what_is_seen(pages, browser, name: str) -> None:
    browser.open(pages[name], 900, HEIGHT)
    nodes = browser.accessible()
    by_role: dict[str, list[dict[str, str]]] = {}
    for node in nodes:
        by_role.setdefault(node["role"], []).append(node)
    for landmark in ("banner", "main", "navigation"):
        assert len(by_role[landmark]) == 1, landmark
    assert by_role["navigation"][0]["name"] == "Sections"
    pictures = browser.evaluate(
        """return [...document.querySelectorAll("figure svg")].map(e =>
        [e.querySelector("title").textContent, e.querySelector("desc").textContent])"""
    )
    told = {(node["name"], node["description"]) for node in nodes}
    assert len(pictures) > 4
    assert {tuple(picture) for picture in pictures} <= told
    for role in (
        "link",
        "button",
        "heading",
        "region",
        "table",
        "image",
        "img",
        "DisclosureTriangle",
    ):
        for node in by_role.get(role, []):
            assert node["name"], node
    assert by_role["heading"]
    assert by_role["table"]
    assert by_role["columnheader"]
    assert by_role["rowheader"]
