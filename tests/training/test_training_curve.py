"""An epoch of MNIST with stock dynamics and with ours, by the script that shows it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "bench" / "training_curve.py"


@pytest.mark.slow
def test_spikes_and_losses_are_stocks_all_along_its_curve(tmp_path: Path) -> None:
    folder = os.environ.get("LOIHI_SCA_DATA")
    if folder is None or not (Path(folder) / "mnist" / "mnist.npz").is_file():
        pytest.skip("needs the environment variable LOIHI_SCA_DATA, the folder with real data")
    command = [sys.executable, str(SCRIPT), "--samples", "640", "--json", str(tmp_path / "out")]
    subprocess.run(command, check=True, capture_output=True)
    rows = json.loads((tmp_path / "out").read_text())["rows"]
    led = {row["metric"]: row["value"] for row in rows if "from stock's weights" in row["work"]}
    assert led["spikes that differ"] == 0
    assert led["largest difference of losses"] <= 1e-5
    assert led["gradients, of the largest"] <= 1e-4
    alone = {row["metric"]: row["value"] for row in rows if row["work"].endswith("by itself")}
    assert alone["batches with the same spikes"] >= 1
    assert alone["losses until then"] <= 1e-5
