"""Reports as Chromium draws them: nothing sticks out, and colours are those of the theme."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

import loihi_sca
from loihi_sca.reporting.theme import THEME

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(BROWSERS)} is installed"),
]

FRAME = """<!doctype html><body style="margin:0">
<iframe id=f src="{page}" style="border:0;width:{width}px;height:800px"></iframe>
<script>onload = () => {{
  const page = f.contentDocument, all = [...page.querySelectorAll("main *, header *")];
  const out = all.filter(e => !e.closest(".scroll, .skip, svg") &&
    e.getBoundingClientRect().right > {width} + 1).map(e => e.tagName);
  document.body.dataset.found = [page.documentElement.scrollWidth, ...out].join(" ");
}}</script>"""


def browse(folder, *options: str) -> str:
    command = [
        str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--allow-file-access-from-files", f"--user-data-dir={folder / 'profile'}", *options,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


@pytest.fixture
def page(net):
    return loihi_sca.report(net, "digits", samples=20)


@pytest.mark.parametrize("width", [400, 700, 1600])
def test_nothing_sticks_out(page, tmp_path, width: int) -> None:
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(page=page.name, width=width))
    dom = browse(tmp_path, "--dump-dom", f"--window-size={width + 100},900", frame.as_uri())
    (found,) = re.findall(r'data-found="([^"]*)"', dom)
    assert found == str(width)


@pytest.mark.parametrize("dark", [False, True])
def test_colours_are_those_of_the_theme(page, tmp_path, dark: bool) -> None:
    image = pytest.importorskip("PIL.Image")
    shot = tmp_path / "shot.png"
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    browse(tmp_path, scheme, "--window-size=1600,2000", f"--screenshot={shot}", page.as_uri())
    with image.open(shot) as opened:
        picture = opened.convert("RGB")
    counted = {rgb: n for n, rgb in picture.getcolors(1 << 24)}

    def pixels(name: str) -> int:
        colour = THEME[name][dark]
        return counted.get(tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)), 0)

    assert pixels("paper") > 0.6 * 1600 * 2000
    assert pixels("ink") > 1000  # letters
    assert pixels("blue") > 500  # of pictures and links
    other = THEME["paper"][not dark]
    assert counted.get(tuple(int(other[i : i + 2], 16) for i in (1, 3, 5)), 0) < 2000
