"""Two processes train what one does."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_training import tiny_recipe

from loihi_sca.config import Recipe
from loihi_sca.training.distributed import World
from loihi_sca.training.folder import RunFolder
from loihi_sca.training.session import recipe_as_toml, train

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def start(recipe: Recipe, out: Path, *options: str) -> subprocess.Popen:
    path = out.parent / "recipe.toml"
    path.write_text(recipe_as_toml(recipe))
    command = [*TORCHRUN, "-m", "loihi_sca", "train", str(path), "--out", str(out), *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, start_new_session=True, **pipes)


def said(process: subprocess.Popen) -> tuple[str, str]:
    """Return what a run prints; one that takes too long is ended, and what it printed is told."""
    try:
        return process.communicate(timeout=250)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail("\n".join(["not done after 250 s:", *process.communicate()]))


def test_a_batch_is_split_without_loss() -> None:
    index = np.arange(7)
    shares = [World(rank, 3).share(index) for rank in range(3)]
    assert sorted(np.concatenate([s for s, _ in shares])) == list(range(7))
    assert sum(weight for _, weight in shares) == pytest.approx(1)
    # fewer samples than ranks: all compute them
    assert World(2, 3).share(index[:2])[0].tolist() == [0, 1]
    whole, weight = World().share(index)
    assert (whole.tolist(), weight) == (index.tolist(), 1.0)


def test_two_processes_prune_the_channels_that_one_does(tmp_path) -> None:
    # 130 samples in batches of 43: shares of unequal size, and a last batch of one sample
    recipe = tiny_recipe(batch_size=43).model_copy(
        update={"data": tiny_recipe().data.model_copy(update={"limit": 130})}
    )
    process = start(recipe, tmp_path / "two", "--json")
    output, errors = said(process)
    assert process.returncode == 0, errors
    assert json.loads(output)["model"] == "pruned"  # printed once
    assert errors.count("pruned epoch 3/3") == 1

    train(recipe, tmp_path / "one")
    ours, theirs = (RunFolder(tmp_path / name).newest("pruned", print) for name in ("one", "two"))
    masks = [name for name in ours.tensors if name.startswith("masks/")]
    assert len(masks) == 3
    assert all(torch.equal(ours.tensors[m], theirs.tensors[m]) for m in masks)
    for name, value in ours.tensors.items():
        if name.startswith("model/"):
            torch.testing.assert_close(theirs.tensors[name], value, atol=1e-3, rtol=1e-3)
    lines = [(tmp_path / n / "metrics.jsonl").read_text().splitlines() for n in ("one", "two")]
    for one, two in zip(*lines, strict=True):
        assert json.loads(two)["loss"] == pytest.approx(json.loads(one)["loss"], abs=1e-5)
        assert json.loads(two)["alive"] == json.loads(one)["alive"]


def test_two_processes_norm_and_fold_as_one_does(tmp_path) -> None:
    # 128 samples in batches of 43: 22 and 21 samples per rank
    values = tiny_recipe(batch_size=43, epochs=2, fold=0.5).model_dump(
        mode="json", exclude_none=True, exclude={"pruning"}
    )
    values["model"]["norm"] = "batch"
    recipe = Recipe.model_validate(values)
    process = start(recipe, tmp_path / "two", "--json")
    _, errors = said(process)
    assert process.returncode == 0, errors
    assert errors.count("folded: 3 layers folded") == 1  # printed once

    train(recipe, tmp_path / "one")
    ours, theirs = (RunFolder(tmp_path / name).newest("dense", print) for name in ("one", "two"))
    for name, value in ours.tensors.items():
        if name.startswith("model/"):
            torch.testing.assert_close(theirs.tensors[name], value, atol=2e-3, rtol=2e-3)
    lines = [(tmp_path / n / "metrics.jsonl").read_text().splitlines() for n in ("one", "two")]
    assert json.loads(lines[1][0])["loss"] == pytest.approx(json.loads(lines[0][0])["loss"])
