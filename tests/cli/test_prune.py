"""loihi-sca prune, on models and data of one's own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

pytestmark = pytest.mark.train

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
        (
            ["--data", "mine.npz", "--cores", "4", "--net", "mine.npz"],
            "cannot write mine.npz: it is a file that is read",
        ),
        (["--data", "mine.npz", "--cores", "4", "--out", "none/x"], "cannot write none/x"),
    ],
)
def test_what_cannot_be_meant_is_one_line(folder: Path, arguments: list, message: str) -> None:
    done = run(folder, "own_models:Reshaping", *arguments)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


MODELS = """
from lava.lib.dl import slayer
import torch

def dense():
    neuron = {"threshold": 0.5, "current_decay": 0.5, "voltage_decay": 0.1}
    options = {"weight_scale": 4, "delay_shift": False}
    return torch.nn.Sequential(
        slayer.block.cuba.Flatten(),
        slayer.block.cuba.Dense(neuron, 128, 12, **options),
        slayer.block.cuba.Dense(neuron, 12, 4, **options),
    )

class Keeping(torch.nn.Sequential):
    def get_extra_state(self):
        return {"epoch": 3}

    def set_extra_state(self, state):
        assert state == {"epoch": 3}

class Choosy(torch.nn.Sequential):
    def _load_from_state_dict(self, state, prefix, local, strict, missing, unexpected, errors):
        errors.append("its first block is of version 2")

def keeping():
    return Keeping(*dense())

def choosy():
    return Choosy(*dense())

def raising():
    raise ValueError("there is no such size")
"""


@pytest.fixture
def written(folder: Path) -> Path:
    """Return a folder with models, and the state of one as it is, complex and not finite."""
    (folder / "several.py").write_text(MODELS)
    script = (
        "import several, torch\nfrom safetensors.torch import save_file\n"
        "state = several.dense().state_dict()\nsave_file(state, 'good.safetensors')\n"
        "name = '1.synapse.weight'\n"
        "save_file({**state, name: state[name] + 0j}, 'complex.safetensors')\n"
        "state[name][0, :2] = torch.nan\nsave_file(state, 'nan.safetensors')\n"
        "del state[name]\nsave_file(state, 'less.safetensors')\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    ("model", "weights", "message"),
    [
        (
            "choosy", "good",
            "good.safetensors: Choosy does not load it: Error(s) in loading state_dict for Choosy:"
            " its first block is of version 2. Give the state dict of the model that is named",
        ),
        ("dense", "complex", "complex.safetensors: 1.synapse.weight is complex; weights are real"),
        ("dense", "nan", "2 of its 1536 weights or biases are not finite. Training has diverged"),
        (
            "dense", "less",
            "less.safetensors: shapes of another model: 1.synapse.weight is missing. Nothing is "
            "changed. Give the state dict of the model that is named",
        ),
        ("raising", "good", "it raised ValueError: there is no such size. Mend it"),
    ],
)  # fmt: skip
def test_weights_that_a_model_does_not_take(written: Path, model, weights, message) -> None:
    done = run(
        written, f"several:{model}", "--weights", f"{weights}.safetensors", "--data", "mine.npz",
        "--budget", "keep=0.5",
    )  # fmt: skip
    assert done.returncode in (1, 2)
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr


def test_what_a_model_keeps_beside_its_tensors_is_told_and_left_as_it_is(written: Path) -> None:
    done = run(
        written, "several:keeping", "--weights", "good.safetensors", "--data", "mine.npz",
        "--budget", "keep=0.5", "--out", "pruned.safetensors",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "pruned.safetensors: without _extra_state, which is no tensor." in done.stderr
    with safe_open(written / "pruned.safetensors", framework="np") as file:
        assert "_extra_state" not in file.keys()
        assert file.get_tensor("1.synapse.weight").shape[0] == 6


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
