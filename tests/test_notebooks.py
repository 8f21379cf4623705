"""The notebooks of the docs run from top to bottom, each in a folder of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from files_of_lava_dl import installed

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))

NEEDS = {
    "exchange": ("nir",),
    "net_to_energy": (),
    "own_model": ("torch", "lava.lib.dl.slayer"),
    "sigma_delta": ("torch", "lava.lib.dl.slayer"),
    "train_small": ("torch", "lava.lib.dl.slayer"),
}
"""Modules that a notebook imports beyond what comes with loihi-sca."""

SHOWN = {
    "exchange": "Imported",
    "net_to_energy": "Cliffs",
    "own_model": "Estimate",
    "sigma_delta": "% of the test samples",
    "train_small": "report.html",
}
"""What stands in the outputs of a notebook that ran."""


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text("utf-8"))["cells"]


def test_every_notebook_has_its_needs_stated() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(NEEDS) == set(SHOWN)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_is_stored(path: Path) -> None:
    """Figures in them would be those of one machine and one day, and nothing would assert them."""
    for cell in cells(path):
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_lead_to_pages(path: Path) -> None:
    for cell in cells(path):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", "".join(cell["source"])):
            if cell["cell_type"] == "markdown":
                assert (path.parent / target).is_file(), target


def has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.timeout(900)  # seconds each, on a machine that does nothing else
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    for module in ("nbclient", "ipykernel", *NEEDS[path.stem]):
        if not has(module):
            pytest.skip(f"{module} is not installed")
    if path.stem == "net_to_energy":
        _require_pilotnet()
    target = tmp_path / "ran.ipynb"
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "support" / "run_notebook.py", path, target],
        capture_output=True, text=True, timeout=850, cwd=tmp_path,
        # threads that wait for each other take many times as long on a busy machine
        env={**os.environ, "OMP_NUM_THREADS": "1", "IPYTHONDIR": str(tmp_path / "ipython"),
             "JUPYTER_PLATFORM_DIRS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    ran = cells(target)
    assert all(cell["execution_count"] for cell in ran if cell["cell_type"] == "code")
    assert SHOWN[path.stem] in json.dumps([cell.get("outputs") for cell in ran])


def _require_pilotnet() -> None:
    installed("gts/pilotnet_lif/network.net")
