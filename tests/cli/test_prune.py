"""loihi-sca prune, on models and data of one's own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

SUPPORT = Path(__file__).parents[1] / "support"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(SUPPORT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "loihi_sca", "prune", *arguments],
        cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
        timeout=280,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 60)
    spikes = random.random((60, 2, 8, 8, 8)) < 0.1 * (1 + labels)[:, None, None, None, None]
    np.savez(tmp_path / "mine.npz", x=spikes.astype("u1"), y=labels)
    (tmp_path / "mydata.py").write_text(
        "import numpy as np\n\n"
        "def load():\n    z = np.load('mine.npz')\n    return z['x'], z['y']\n"
    )
    return tmp_path


def test_at_once_and_then_further_in_training(folder: Path) -> None:
    done = run(
        folder, "own_models:Reshaping", "--data", "mine.npz", "--budget", "keep=0.75",
        "--out", "pruned.safetensors", "--net", "pruned.net", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert sum(found["channels"].values()) == 12
    assert found["pruned"]["layers"]["first"][0] == found["channels"]["first"]
    assert found["pruned"]["proof"]["samples"] == 12
    assert (folder / "pruned.net").exists()
    with safe_open(folder / "pruned.safetensors", framework="np") as file:
        shapes = json.loads(file.metadata()["shapes"])
        assert shapes["first.synapse.weight"][0] == found["channels"]["first"]

    done = run(
        folder, "own_models:Reshaping", "--weights", "pruned.safetensors", "--data",
        "mydata:load", "--budget", "keep=0.7", "--epochs", "2", "--batch-size", "16", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    assert again["dense"]["layers"] == found["pruned"]["layers"]
    assert sum(again["channels"].values()) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "mine.npz"], "either --cores N or --budget"),
        (["--data", "mine.npz", "--cores", "1"], "cannot be reached"),
        (["--data", "none.npz", "--cores", "4"], "none.npz: no such file"),
        (["--data", "mnits", "--cores", "4"], "did you mean 'mnist'"),
        (["--data", "mine.npz", "--cores", "4", "--steps", "9"], "its samples have 8 timesteps"),
    ],
)
def test_what_cannot_be_meant_is_one_line(folder: Path, arguments: list, message: str) -> None:
    done = run(folder, "own_models:Reshaping", *arguments)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_state_that_persists_is_reset_on_request(folder: Path) -> None:
    (folder / "keeping.py").write_text(
        "from lava.lib.dl import slayer\nimport torch\n"
        "def build():\n"
        "    kept = {'threshold': 0.5, 'current_decay': 0.5, 'voltage_decay': 0.1,\n"
        "            'persistent_state': True}\n"
        "    o = {'weight_scale': 4, 'delay_shift': False}\n"
        "    return torch.nn.Sequential(slayer.block.cuba.Flatten(),\n"
        "        slayer.block.cuba.Dense(kept, 128, 12, **o),\n"
        "        slayer.block.cuba.Dense(kept, 12, 4, **o))\n"
    )
    arguments = ("keeping:build", "--data", "mine.npz", "--budget", "keep=0.5", "--json")
    refused = run(folder, *arguments)
    assert refused.returncode == 1
    assert "persistent_state=True" in " ".join(refused.stderr.split())
    for epochs in ("0", "1"):
        done = run(folder, *arguments, "--reset", "--epochs", epochs)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["channels"] == {"1-dense": 6}
