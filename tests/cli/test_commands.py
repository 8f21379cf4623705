"""The commands as a user meets them: what they print, what they write, how they fail."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import loihi_sca
from loihi_sca import netx, run
from loihi_sca.engine import reference
from loihi_sca.network import Conv, Cuba, Dense, Input, Network

RECIPE = """
name = "tiny"
[data]
limit = 96
timesteps = 4
[model]
layers = [{ type = "conv", channels = 6, stride = 2 }, { type = "dense", neurons = 12 }]
[training]
epochs = EPOCHS
batch_size = 32
[pruning]
keep = 0.5
min_channels = 2
start = 0.3
stop = 0.7
"""


@pytest.fixture
def recipe(tmp_path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE.replace("EPOCHS", "2"))
    return path


@pytest.fixture
def network() -> Network:
    rng = np.random.default_rng(0)
    neuron = Cuba(4096, 400, 64)
    return Network(
        "small",
        (
            Input("input", (1, 5, 5)),
            Conv("conv", (1, 5, 5), 2 * rng.integers(-20, 40, (3, 1, 3, 3)), neuron=neuron),
            Dense("dense", (3, 3, 3), 2 * rng.integers(-20, 40, (4, 27)), neuron=neuron),
        ),
        timesteps=6,
    )


@pytest.fixture
def net(tmp_path, network) -> Path:
    path = tmp_path / "small.net"
    netx.write(network, path)
    return path


@pytest.fixture
def spikes(tmp_path) -> Path:
    path = tmp_path / "x.npy"
    np.save(path, (np.random.default_rng(1).random((2, 1, 5, 5, 6)) < 0.5).astype(np.uint8))
    return path


@pytest.mark.train
def test_train_compile_simulate_in_a_row(cli, recipe, tmp_path) -> None:
    run = tmp_path / "my run"
    trained = cli("train", recipe, "--out", run, "--json")
    assert trained.code == 0, trained.err
    assert trained.json["model"] == "pruned"
    for name in ("recipe.toml", "metrics.jsonl", "checkpoints"):
        assert (run / name).exists()
    said = " ".join(cli("train", recipe, "--out", run, "--resume").out.split())
    assert f"next: loihi-sca compile '{run}' --out pruned.net" in said

    path = tmp_path / "tiny.net"
    compiled = cli("compile", run, "--out", path, "--json")
    assert compiled.code == 0, compiled.err
    network = netx.read(path)
    assert network.digest() == compiled.json["digest"]
    assert network.timesteps == 4
    alive = trained.json["channels"]
    assert network["conv1"].out_shape[0] <= alive["conv1"]

    x, y = tmp_path / "x.npy", tmp_path / "y.npy"
    np.save(x, np.ones((2, 1, 8, 8, 4), np.int64))
    simulated = cli("simulate", path, "--input", x, "--out", y, "--json")
    assert simulated.code == 0, simulated.err
    assert simulated.json["schema"] == 1
    assert np.load(y).shape == (2, 10, 4)


def test_simulate_writes_what_the_reference_gives(cli, net, network, spikes, tmp_path) -> None:
    out = tmp_path / "y.npy"
    result = cli("simulate", net, "--input", spikes, "--steps", 6, "--out", out, "--json")
    expected = reference.run(network, np.load(spikes))
    written = np.load(out)
    assert written.dtype == np.uint8
    assert np.array_equal(written, expected.spikes)
    layers = result.json["layers"]
    assert [x["spikes"] for x in layers] == [a.spikes for a in expected.activity]
    assert [x["synops"] for x in layers] == [a.synops for a in expected.activity]
    assert "dense" in cli("simulate", net, "--input", spikes).out


def test_windows_go_on_where_the_last_has_ended(cli, net, network, spikes, tmp_path) -> None:
    data, out = tmp_path / "x.npy", tmp_path / "y.npy"
    np.save(data, np.repeat(np.load(spikes), 3, axis=0))
    arguments = ("--input", data, "--state", "carried")
    result = cli("simulate", net, *arguments, "--out", out, "--json")
    expected = run(network, np.load(data), state="carried").spikes
    assert np.array_equal(np.load(out), expected)
    assert result.json["state"] == "carried"
    assert "state carried on" in cli("simulate", net, *arguments).out
    verified = cli("verify", net, *arguments, "--engines", "reference,fast")
    assert "state carried" in verified.out
    for command in ("simulate", "verify"):
        refused = cli(command, net, "--input", data, "--state", "warm")
        assert (refused.code, "state 'warm': fresh or carried" in refused.err) == (2, True)


@pytest.mark.lava
@pytest.mark.timeout(180)
def test_simulate_on_lava_gives_the_same(cli, net, spikes, tmp_path) -> None:
    outs = []
    for engine in ("reference", "lava"):
        out = tmp_path / f"{engine}.npy"
        outcome = cli("simulate", net, "--input", spikes, "--out", out, "--engine", engine)
        assert outcome.code == 0, outcome.err
        outs.append(np.load(out))
    assert np.array_equal(*outs)


def test_version(cli) -> None:
    done = cli("--version")
    assert (done.code, done.out) == (0, f"loihi-sca {loihi_sca.__version__}\n")


def test_doctor(cli) -> None:
    assert cli("doctor", "--json").json["packages"]["h5py"]
    assert "h5py" in cli("doctor").out


def assert_one_line(outcome, code: int, message: str) -> None:
    assert outcome.code == code, outcome.err
    assert re.search(message, outcome.err), outcome.err
    assert "Traceback" not in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "no-such", "--out", "r"], 2, "neither a file nor a shipped recipe"),
        (["train", "BROKEN", "--out", "r"], 2, "not TOML"),
        pytest.param(
            ["train", "RECIPE", "--out", "FILE/below"],
            1,
            "cannot create folder",
            marks=pytest.mark.train,
        ),
        pytest.param(
            ["compile", "nowhere", "--out", "x.net"], 1, "no trained", marks=pytest.mark.train
        ),
        (["simulate", "none.net", "--input", "SPIKES"], 1, "no such file"),
        (["simulate", "FILE", "--input", "SPIKES"], 1, "not a readable HDF5 file"),
        (["simulate", "NET", "--input", "none.npy"], 1, "no such file"),
        (["simulate", "NET", "--input", "FILE"], 1, "not a .npy array"),
        (["simulate", "NET", "--input", "FLOATS"], 1, "must be integers"),
        (["simulate", "NET", "--input", "WRONG"], 1, r"takes data of shape \(N, 1, 5, 5, T\)"),
        (["simulate", "NET", "--input", "SPIKES", "--engine", "x"], 2, "reference"),
        (["simulate", "NET", "--input", "SPIKES", "--steps", "0"], 2, "at least 1"),
        (["simulate", "NET", "--input", "SPIKES", "--out", "none/y.npy"], 1, "cannot write"),
        (["demo", "--recipe", "no-such"], 2, "neither a file nor"),
        (["report", "."], 1, "no run of loihi-sca lies here"),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(
    cli, tmp_path, monkeypatch, net, spikes, recipe, arguments, code, message
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_text("nothing")
    (tmp_path / "BROKEN").write_text("name = ")
    np.save(tmp_path / "FLOATS.npy", np.full((1, 1, 5, 5, 6), 0.5))
    np.save(tmp_path / "WRONG.npy", np.zeros((1, 2, 5, 5, 6), np.uint8))
    names = {"NET": net, "SPIKES": spikes, "RECIPE": recipe}
    names |= {"FLOATS": "FLOATS.npy", "WRONG": "WRONG.npy"}
    before = sorted(tmp_path.rglob("*"))
    assert_one_line(cli(*[names.get(a, a) for a in arguments]), code, message)
    assert sorted(tmp_path.rglob("*")) == before, "something was left behind"


def test_usage_errors_exit_with_2(cli) -> None:
    assert cli("train").code == 2
    assert cli("no-such-command").code == 2


def test_debug_shows_the_traceback(cli) -> None:
    assert "Traceback" in cli("compile", "nowhere", "--out", "x.net", "--debug").err


@pytest.mark.train
def test_ctrl_c_saves_and_says_how_to_resume(recipe, tmp_path) -> None:
    recipe.write_text(RECIPE.replace("EPOCHS", "200"))
    run = tmp_path / "run"
    command = [sys.executable, "-m", "loihi_sca", "train", str(recipe), "--out", str(run)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 90
    metrics = run / "metrics.jsonl"
    while not metrics.exists() or len(metrics.read_text().splitlines()) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in err
    assert "Traceback" not in err
    assert not list(run.rglob("*.tmp"))


def test_names_of_the_user_are_printed_as_they_are(cli):
    """Between colons a word may be the name of a sign, which rich would draw."""
    assert "nomodule:x: " in cli("check", "nomodule:x").err


@pytest.mark.train
def test_a_folder_without_what_a_command_takes_is_told_plainly(cli, tmp_path):
    compiled = cli("compile", tmp_path, "--out", tmp_path / "a.net")
    assert (compiled.code, "no trained model here" in compiled.err) == (1, True)
    told = cli("report", tmp_path)
    assert (told.code, "no run of loihi-sca lies here" in " ".join(told.err.split())) == (
        1,
        True,
    )
