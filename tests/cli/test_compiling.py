"""The word about compiling: once, when something is compiled, and never else; ``doctor --warm``."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loihi_sca import netx
from loihi_sca.cli.kernels import CompilingNote
from loihi_sca.engine import fast
from loihi_sca.network import Cuba, Dense, Network

SUPPORT = Path(__file__).parents[1] / "support"

SAID = "note: compiling for this machine"

WAIT_S = 600
"""For all kernels, which a slow machine at work on other things compiles for minutes."""


def compiles_much(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that compiles up to twice what others find compiled."""
    return pytest.mark.slow(pytest.mark.timeout(2 * WAIT_S + 100)(test))


@pytest.fixture
def files(tmp_path) -> list[str]:
    """The arguments of a run of a tiny network."""
    weight = np.random.default_rng(0).integers(-60, 64, (3, 8)) * 2
    network = Network("tiny", (Dense("out", (8,), weight, neuron=Cuba(1024, 128, 40)),))
    netx.write(network, tmp_path / "tiny.net")
    spikes = (np.random.default_rng(1).random((2, 8, 5)) < 0.4).astype(np.uint8)
    np.save(tmp_path / "x.npy", spikes)
    fast.run(network, spikes, threads=1)  # the code is there, as far as it is kept at all
    return ["simulate", str(tmp_path / "tiny.net"), "--input", str(tmp_path / "x.npy")]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loihi_sca", *arguments],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=WAIT_S,
    )  # fmt: skip


def test_nothing_is_said_where_the_code_was_kept(files) -> None:
    done = run(*files)
    assert done.returncode == 0
    assert done.stderr == ""


def test_it_is_said_once_and_with_the_folder(capsys) -> None:
    note = CompilingNote()
    for kernel in ("one", "two"):
        note.start(kernel, "/some/folder")
        note.end()
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"{SAID}, which can take half a minute: this happens once, the code is kept in "
        "/some/folder\n"
    )


def test_without_a_folder_it_says_what_to_do(capsys) -> None:
    CompilingNote().start("one", None)
    assert "Set NUMBA_CACHE_DIR to a folder that you can write." in capsys.readouterr().err


@compiles_much
def test_a_cold_cache_is_filled_once(files, tmp_path) -> None:
    cache = str(tmp_path / "cache")
    cold, warm = (run(*files, "--json", NUMBA_CACHE_DIR=cache) for _ in range(2))
    assert json.loads(cold.stdout)["layers"] == json.loads(warm.stdout)["layers"]
    assert cold.stderr.count(SAID) == 1
    assert f"kept in {cache}" in cold.stderr
    assert len(cold.stderr.splitlines()) == 1
    assert warm.stderr == ""


@compiles_much
def test_a_terminal_is_shown_what_is_compiled(files, tmp_path) -> None:
    ours, theirs = pty.openpty()
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "TERM": "xterm", "COLUMNS": "300"}
    process = subprocess.Popen(
        [sys.executable, "-m", "loihi_sca", *files],
        env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 1 << 16)
        except OSError:  # as a terminal whose other end is closed says it
            break
    out, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert b"compiling" not in out
    text = shown.decode()
    assert text.count(SAID) == 1
    assert len(re.findall(r". compiling run_layer", text)) > 3  # a sign that turns


@compiles_much
def test_warm_compiles_everything_and_says_where(files, tmp_path) -> None:
    cache = str(tmp_path / "cache")
    first, again = (run("doctor", "--warm", "--json", NUMBA_CACHE_DIR=cache) for _ in range(2))
    made, kept = (json.loads(done.stdout)["warm"] for done in (first, again))
    assert {"run_layer", "sum_arrivals", "run_resonators", "run_graded"} <= {*made["compiled"]}
    assert kept["compiled"] == []
    assert made["wall_time_s"] > kept["wall_time_s"] > 0
    assert made["folder"] == kept["folder"]
    assert list(Path(made["folder"]).glob("*.nbc"))
    assert Path(made["folder"]).parent == Path(cache)
    assert first.stderr == again.stderr == ""
    assert run(*files, NUMBA_CACHE_DIR=cache).stderr == ""

    path = os.pathsep.join([str(SUPPORT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, SUPPORT / "warmed_networks.py"],
        env={**os.environ, "NUMBA_CACHE_DIR": cache, "PYTHONPATH": path},
        capture_output=True, text=True, timeout=WAIT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["compiled"] == []
    assert found["networks"] > 60


@compiles_much
def test_a_cache_that_cannot_be_written_is_named(tmp_path) -> None:
    """Numba then keeps the code elsewhere; without any place at all it is an exit code."""
    (tmp_path / "file").touch()
    wrong = str(tmp_path / "file" / "cache")
    done = run("doctor", "--warm", NUMBA_CACHE_DIR=wrong)
    assert done.returncode == 0
    assert f"NUMBA_CACHE_DIR={wrong} cannot be written; the code is kept" in done.stderr

    nowhere = (
        "from numba.core import caching; caching.CacheImpl._locator_classes = []\n"
        "from loihi_sca.cli import main; main(['doctor', '--warm'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", nowhere], capture_output=True, text=True, timeout=WAIT_S
    )
    assert done.returncode == 1
    assert "Set NUMBA_CACHE_DIR to a folder that you can write." in done.stdout
