"""The programs in ``examples`` run, each in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, folder: Path) -> str:
    # on a busy machine threads that wait for each other take many times as long on small networks
    done = subprocess.run(
        [sys.executable, EXAMPLES / name], capture_output=True, text=True, timeout=280, cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_model_of_ones_own_goes_from_training_to_a_page(tmp_path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("lava.lib.dl.slayer")
    said = run("own_model_to_report.py", tmp_path)
    assert "nothing in the way of the chip" in said
    assert "reference = fast, 0 mismatches" in said
    accuracy = float(said.partition("accuracy ")[2].partition(" %")[0])
    assert accuracy > 60
    assert "uJ and" in said
    assert (tmp_path / "digits.net").is_file()
    assert "<pre" in (tmp_path / "digits.html").read_text("utf-8")


def test_the_cost_is_known_before_training(tmp_path) -> None:
    said = run("cost_before_training.py", tmp_path)
    assert "8 of 8 cores" in said
    assert said.count("Estimate('mnist' on loihi2") == 2
    assert "cliffs on loihi2" in said


def test_a_model_of_ones_own_is_pruned_in_a_plain_loop(tmp_path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("lava.lib.dl.slayer")
    said = run("prune_own_model.py", tmp_path)
    assert "0 mismatches" in said
    last = [line for line in said.splitlines() if line.startswith("epoch")][-1]
    accuracy = last.partition(": ")[2].partition(" %")[0]
    assert said.splitlines()[-1] == f"rebuilt from its class: {accuracy} %"
    assert float(accuracy) > 80


def test_a_spikingjelly_model_goes_from_training_to_its_cost(tmp_path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("spikingjelly")
    said = run("spikingjelly_model.py", tmp_path)
    assert "reference = fast, 0 mismatches" in said
    assert "of 36,000 spikes or silences differ" in said
    theirs, ours = (float(part.split(" %")[0]) for part in said.split("SpikingJelly ")[-1].split(
        "on the chip "
    ))  # fmt: skip
    assert theirs > 90
    assert abs(theirs - ours) < 3
    assert (tmp_path / "jelly.net").is_file()


def test_a_video_is_told_by_what_changes(tmp_path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("lava.lib.dl.slayer")
    said = run("sigma_delta_video.py", tmp_path)
    assert "messages: 0 mismatches" in said
    assert "reference = fast, 0 mismatches" in said
    assert "the biases of 1-conv, 2-conv, 4-dense act on Lava from the first step on" in said
    trained, _, on_chip = said.partition("accuracy ")[2].partition(" %, on the chip's clock ")
    assert float(trained) > 70
    assert float(on_chip.partition(" %")[0]) > 70
