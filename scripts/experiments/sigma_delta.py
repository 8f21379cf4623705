#!/usr/bin/env python3
"""MNIST as a slowly moving video: a sigma-delta network, dense and pruned to half its channels.

A digit moves by a pixel every fourth frame (``data.encoding = "video"``; the recipe ``mnist-video``
trains such a network by ``loihi-sca train``). A network of stock lava-dl sigma-delta blocks with
biases learns to name it; half of the channels are switched off on the way, by SCA (the mean
|message|) or at random. Then it is compiled, and compared with its model and with Lava on Lava's
clock. The accuracy is that of the integer network on that clock; energy and synops are for the
whole video, which stands still, moves, or is a new picture in every frame.

    scripts/experiments/sigma_delta.py --root FOLDER [--quick] [--json OUT]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

import loihi_sca
from loihi_sca import data
from loihi_sca.config import DataConfig
from loihi_sca.files import make_folder, write_json
from loihi_sca.slayer.lava import slayer
from loihi_sca.versions import machine, versions

FRAMES, HOLD, BORDER = 16, 4, 2
BATCH, RATE = 32, 3e-3
NEURON = {"threshold": 0.1, "activation": functional.relu}
WITH_BIAS = {**NEURON, "norm": slayer.neuron.norm.MeanOnlyBatchNorm}

Values = npt.NDArray[np.int32]


def network() -> torch.nn.Sequential:
    sd = slayer.block.sigma_delta
    return torch.nn.Sequential(
        sd.Input({**NEURON, "threshold": 2 / 64}),
        sd.Conv(WITH_BIAS, 1, 16, 5, stride=2, padding=2, weight_scale=2),
        sd.Conv(WITH_BIAS, 16, 32, 3, stride=2, padding=1, weight_scale=2),
        sd.Flatten(),
        sd.Dense(WITH_BIAS, 32 * 7 * 7, 64, weight_scale=2),
        sd.Output(NEURON, 64, 10, weight_scale=2),
    )


VIDEOS = ("stands still", "moves", "new in every frame")


def videos(split: data.Split, count: int, root: Path | None) -> tuple[dict[str, Values], Any]:
    """Return (N, 1, 28, 28, FRAMES) in even 1/64 for each kind of video, and labels.

    Digits of MNIST have a border of four pixels, so that none leaves the picture.
    """
    given = {"name": "mnist", "encoding": "video", "timesteps": FRAMES, "reach": BORDER}
    given |= {} if root is None else {"root": str(root)}
    holds = {"stands still": FRAMES, "moves": HOLD}
    found, labels = {}, np.empty(0)
    for how, hold in holds.items():
        config = DataConfig.model_validate({**given, "hold": hold})
        chosen = data.load_as(config, split=split).first(count)
        found[how], labels = chosen.spikes().astype(np.int32), chosen.labels
    still = found["stands still"]
    changing = [np.roll(still[..., t], t, axis=0) for t in range(FRAMES)]
    found["new in every frame"] = np.stack(changing, axis=-1)
    return found, torch.from_numpy(labels)


def right(scores: npt.NDArray[Any], labels: torch.Tensor) -> float:
    """Return the share of right answers, by the mean of what is put out from the first move on."""
    return float((scores[..., HOLD:].mean(-1).argmax(1) == labels.numpy()).mean())


def train(
    criterion: str | None, frames: Values, labels: torch.Tensor, epochs: int, seed: int
) -> Any:
    """Train a network, and prune it on the way."""
    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    steps = epochs * -(-len(frames) // BATCH)
    pruner = None
    if criterion is not None:
        sample = torch.from_numpy(frames[:4]).float() / 64
        pruner = loihi_sca.Pruner(
            model, sample, budget="keep=0.5", criterion=criterion, steps=steps, seed=seed
        )
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for part in torch.randperm(len(frames)).split(BATCH):
            scores = model(torch.from_numpy(frames[part.numpy()]).float() / 64)[..., HOLD:].mean(-1)
            loss = functional.cross_entropy(scores, labels[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(part)
            if pruner is not None:
                pruner.step(optimizer)
        print(f"  epoch {epoch + 1}: loss {total / len(frames):.3f}", file=sys.stderr, flush=True)
    if pruner is not None:
        pruner.finish(optimizer)
    return model.eval()


def measure(
    model: Any, shown: dict[str, Values], labels: torch.Tensor, lava: int, net: Path
) -> dict[str, Any]:
    """Compile, compare, run on Lava's clock, and count."""
    frames, count = shown["moves"], len(labels)
    compiled = loihi_sca.compile(
        model, (1, 28, 28), FRAMES, name=net.stem, proof_data=frames[:16] / np.float32(64)
    )
    compiled.save(net)
    engines = ("reference", "fast", "lava") if lava else ("reference", "fast")
    proof = loihi_sca.verify(net, engines=engines, data=frames[: max(lava, 2)], schedule="cold")
    row: dict[str, Any] = {
        "channels": [layer.out_shape[0] for layer in compiled.layers[1:-1]],
        "parameters": compiled.parameters, "proven": compiled.proof.compared,  # type: ignore[union-attr]
        "engines": list(engines), "compared": proof.compared, "mismatches": 0, "videos": {},
    }  # fmt: skip
    for how in VIDEOS:
        ran = loihi_sca.run(compiled, shown[how], schedule="cold")
        cost = loihi_sca.estimate(compiled, "loihi2", ran)
        energy: Any = cost.energy  # there is one, as there are counts
        row["cores"] = cost.cores
        row["videos"][how] = {
            "accuracy": None if how == VIDEOS[2] else right(ran.spikes, labels),
            "synops": sum(a.synops for a in ran.activity) / count,
            "messages": sum(a.spikes for a in ran.activity[:-1]) / count,
            "bits": sum(a.graded.message_bits for a in ran.activity[:-1] if a.graded) / count,
            "wide": sum(a.graded.wide_messages for a in ran.activity[:-1] if a.graded),
            "dynamic_uj": energy.dynamic_uj.best, "total_uj": cost.total_energy_uj,
        }  # fmt: skip
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, help="folder with MNIST")
    parser.add_argument("--out", type=Path, default=Path("runs") / "sigma_delta")
    parser.add_argument("--json", type=Path, help="where to write the results")
    parser.add_argument("--quick", action="store_true", help="does it work at all?")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="per run")
    parser.add_argument("--lava", type=int, default=1, help="videos per network on Lava's backend")
    options = parser.parse_args()
    epochs = options.epochs or (1 if options.quick else 4)
    folder = make_folder(options.out)
    shown, labels = videos("train", 500 if options.quick else 2000, options.root)
    test, answers = videos("test", 100 if options.quick else 1000, options.root)
    frames, rows, started = shown["moves"], [], time.monotonic()
    for seed in range(options.seeds):
        for criterion in (None, "sca", "random"):
            name = f"{criterion or 'dense'}-{seed}"
            print(name, file=sys.stderr, flush=True)
            model = train(criterion, frames, labels, epochs, seed)
            row = measure(model, test, answers, options.lava, folder / f"{name}.net")
            rows.append({"criterion": criterion, "seed": seed, **row})
            moving = row["videos"]["moves"]
            print(f"  {100 * moving['accuracy']:.2f} %, {moving}", file=sys.stderr, flush=True)
    outcome = {
        "schema": 1, "experiment": "sigma_delta", "size": "quick" if options.quick else "normal",
        "frames": FRAMES, "train": len(labels), "test": len(answers), "epochs": epochs,
        "versions": versions(), "machine": machine(), "hours": (time.monotonic() - started) / 3600,
        "rows": rows,
    }  # fmt: skip
    write_json(options.json or folder / "sigma_delta.json", outcome)


if __name__ == "__main__":
    main()
