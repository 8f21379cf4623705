"""docs/hardware.md says what the script prints, and the script what is published."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    path = tmp_path_factory.mktemp("published") / "figures.json"
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "published.py", "--json", path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout, json.loads(path.read_text("utf-8"))["rows"]


def test_the_page_is_what_the_script_prints(printed):
    text, _ = printed
    page = (ROOT / "docs" / "hardware.md").read_text("utf-8")
    shown = page.partition("<!-- published -->\n")[2].partition("<!-- /published -->")[0]
    assert shown == text, "run scripts/published.py --write"


def test_both_energy_anchors_of_loihi_2_lie_in_their_bands(printed):
    _, rows = printed
    anchors = [r for r in rows if (r["chip"], r["what"]) == ("Loihi 2", "dynamic energy")]
    assert {r["network"] for r in anchors} == {"PilotNet LIF", "dense autoencoder"}
    for r in anchors:
        low, high = r["band"]
        assert low < r["published"][0] < high
    pilot = next(r for r in anchors if r["published"] == [1094])
    assert pilot["ours"][0] == pytest.approx(1094, rel=0.15)


def test_misses_are_listed(printed):
    text, rows = printed
    verdicts = [r["verdict"] for r in rows]
    assert text.count("**miss**") == verdicts.count("miss") > 0
    assert f"{len(rows)} figures: {verdicts.count('hit')} hits" in text
