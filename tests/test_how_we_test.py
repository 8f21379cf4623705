"""What the campaigns of docs/how_we_test.md counted is without fault; the tests it names exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "how_we_test.md"
RESULTS = ROOT / "docs" / "results"


def test_nothing_that_was_counted_differs() -> None:
    differential = json.loads((RESULTS / "differential.json").read_text("utf-8"))
    assert not any(row["differ"] for row in differential["totals"].values())
    assert {key.split("/")[0] for key in differential["totals"]} == {
        "cuba", "recurrent", "resonator", "residual", "sigma-delta",
    }  # fmt: skip
    on_lava = json.loads((RESULTS / "differential_lava.json").read_text("utf-8"))["totals"]
    assert not any(row["differ"] or row["unfinished"] for row in on_lava.values())
    assert any("Lava" in key for key in on_lava)
    drawn = sum(row["networks"] for row in differential["totals"].values())
    lava = sum(row["networks"] for key, row in on_lava.items() if "Lava" in key)
    told = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"{drawn:,} random networks on the fast engine and {lava} on Lava, 0 differ" in told
    for name in ("faults", "faults_lava"):
        faults = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
        assert not [c for x in faults["campaigns"].values() for c in x.values() if c["failures"]]


def test_no_finding_of_the_fuzzers_is_left() -> None:
    readers = json.loads((RESULTS / "fuzz.json").read_text("utf-8"))["readers"]
    assert not any(row["left"] or row["ended"] for row in readers.values())
    named = subprocess.run(
        [sys.executable, "-c", "import json, _fuzz_readers as f; print(json.dumps([*f.READERS]))"],
        cwd=ROOT / "scripts" / "bench", capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    assert set(readers) == set(json.loads(named))


def test_nothing_grows_with_runs_of_lava() -> None:
    told = json.loads((RESULTS / "cycles.json").read_text("utf-8"))
    assert all(told["held"][kind]["cycles"] >= 100 + told["warm"] for kind in ("runs", "builds"))
    assert not any(row["grown"] for row in told["held"].values())


@pytest.mark.parametrize("name", ["lowest", "lowest_training"])
def test_the_lowest_versions_that_were_tried_are_those_that_are_allowed(name) -> None:
    told = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    assert not any(row["failed"] for row in told["paths"].values())
    named = (ROOT / "pyproject.toml").read_text("utf-8")
    for package, version in told["versions"].items():
        found = re.search(rf'"{package}[>=]={re.escape(version)}[",;]', named)
        assert found, f"{package} {version}"


def test_lava_has_the_same_spikes_on_two_pythons_and_the_page_says_of_how_many() -> None:
    told = json.loads((RESULTS / "pythons.json").read_text("utf-8"))
    page = (ROOT / "docs" / "python.md").read_text("utf-8")
    for python in ("3.10", "3.13"):
        blocks = [b for name, b in told["blocks"].items() if f"Lava, Python {python}." in name]
        assert not any(block["failure"] for block in blocks)
        networks, compared = (sum(b[key] for b in blocks) for key in ("networks", "compared"))
        assert f"{networks} random networks ran on Lava on both, with {compared:,} spikes" in page


def test_the_tests_that_it_names_are_there() -> None:
    text = PAGE.read_text("utf-8")
    for path in set(re.findall(r"`((?:tests|scripts|loihi_sca)/[\w/]+\.py)", text)):
        assert (ROOT / path).is_file(), path
    for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text):
        assert f"def {name}(" in (ROOT / path).read_text("utf-8"), name
