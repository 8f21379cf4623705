"""A stock lava-dl network that has learned MNIST loses half of its cores, hardly any accuracy."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from own_models import mnist
from safetensors.torch import save_file

import loihi_sca
from loihi_sca import data
from loihi_sca.data import Dataset
from loihi_sca.pruning.oneshot import cross_entropy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

STEPS, TRAIN, BATCH = 8, 9_600, 64
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture(scope="module")
def root() -> Path:
    folder = os.environ.get("LOIHI_SCA_DATA")
    if folder is None:
        pytest.skip("needs the environment variable LOIHI_SCA_DATA, the folder with real data")
    return Path(folder, "mnist")


@pytest.fixture(scope="module")
def train(root: Path) -> Dataset:
    return data.load("mnist", timesteps=STEPS, root=root).first(TRAIN)


@pytest.fixture(scope="module")
def test(root: Path) -> Dataset:
    return data.load("mnist", split="test", timesteps=STEPS, root=root)


def batches(dataset: Dataset, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    order = np.random.default_rng(epoch).permutation(len(dataset))
    for first in range(0, len(order) - BATCH + 1, BATCH):
        index = order[first : first + BATCH]
        spikes = torch.from_numpy(dataset.spikes(index)).float()
        yield spikes, torch.from_numpy(dataset.labels[index])


@pytest.fixture(scope="module")
def dense(train: Dataset) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    model = mnist()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(3):
        for spikes, labels in batches(train, epoch):
            optimizer.zero_grad()
            cross_entropy(model(spikes), labels).backward()
            optimizer.step()
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def fresh(dense: dict[str, torch.Tensor], train: Dataset) -> torch.nn.Module:
    model = mnist()
    model(next(batches(train, 0))[0])  # lava-dl's neurons take their shape at the first run
    model.load_state_dict(dense)
    return model


def deployed(model: torch.nn.Module, test: Dataset) -> tuple[int, float]:
    """Compile, prove on test samples, and return cores and accuracy of the integers."""
    model.eval()
    network = loihi_sca.compile(
        model, test.shape, STEPS, proof_data=test.first(64).spikes(), profile="loihi2"
    )
    assert network.proof.samples == 64  # a difference raises
    assert loihi_sca.verify(network, engines=["reference", "fast"], samples=8).mismatches == 0
    return loihi_sca.map_network(network, "loihi2").cores, loihi_sca.evaluate(
        network, test
    ).accuracy


def test_in_a_plain_loop(dense, train, test) -> None:
    model = fresh(dense, train)
    before, accurate = deployed(model, test)
    half, epochs = before // 2, 2
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    sample, _ = next(batches(train, 0))
    pruner = loihi_sca.Pruner(
        model, sample, budget=f"cores={half}", steps=epochs * (TRAIN // BATCH)
    )
    model.train()
    for epoch in range(epochs):
        for spikes, labels in batches(train, 10 + epoch):
            optimizer.zero_grad()
            cross_entropy(model(spikes), labels).backward()
            optimizer.step()
            pruner.step(optimizer)
    pruner.finish(optimizer)
    cores, pruned = deployed(model, test)
    print(f"cores {before} to {cores}, accuracy {accurate:.4f} to {pruned:.4f}")
    assert before >= 8
    assert cores <= half
    assert accurate > 0.94
    assert pruned > accurate - 0.01


def test_with_the_command(dense, train, test, root, tmp_path) -> None:
    save_file(dense, tmp_path / "dense.safetensors")
    half = deployed(fresh(dense, train), test)[0] // 2
    done = subprocess.run(
        [
            sys.executable, "-m", "loihi_sca", "prune", "own_models:mnist", "--weights",
            str(tmp_path / "dense.safetensors"), "--data", "mnist", "--root", str(root), "--steps",
            str(STEPS), "--limit", str(TRAIN), "--cores", str(half), "--epochs", "2", "--json",
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SUPPORT), *sys.path])},
        capture_output=True, text=True, timeout=3400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(
        {stage: (found[stage]["cores"], found[stage]["accuracy"]) for stage in ("dense", "pruned")}
    )
    assert found["dense"]["cores"] >= 8
    assert found["pruned"]["cores"] <= half
    assert found["pruned"]["accuracy"] > found["dense"]["accuracy"] - 0.01
    assert found["pruned"]["proof"]["samples"] == 64
