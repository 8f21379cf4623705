#!/usr/bin/env python3
"""Training with our dynamics against stock SLAYER, spike for spike, through an epoch of MNIST.

Trainings of one network of lava-dl's own blocks, 32C5s2-64C3s2-128, T=8, in step on the same
batches:

* stock lava-dl, and the same network after ``accelerate``, each by itself;
* ours once more, but every batch from the weights that stock has reached by then: whether spikes,
  losses and gradients are the same all along stock's curve;
* as a yardstick stock again, given the samples of each batch in reverse order: the same loss and
  the same gradients, but for the order in which they are summed.

Gradients are equal to rounding, because sums are formed in another order. Adam makes steps of one
size out of large and small gradients, a weight counts by the multiple of 1/32 next to it, and a
spike is a threshold: trainings that run by themselves part after some batches, and the yardstick
says how soon stock parts from itself.

    scripts/bench/training_curve.py [--quick] [--json OUT] [--samples N]

Data: mnist.npz in the folder mnist of $LOIHI_SCA_DATA.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from _bench import Row, report
from _training_nets import stock
from torch.nn import functional

from loihi_sca import data
from loihi_sca.config import ModelConfig
from loihi_sca.slayer import accelerate

QUICK = 1280
EPOCH = 60_000

NETWORK, STEPS = ModelConfig(zoo="lenet"), 8
BATCH, RATE = 64, 4e-3


@dataclass
class Side:
    """A training: its network, optimizer, and the spikes of each layer in the latest batch."""

    model: torch.nn.Module
    rate: float
    reverse: bool = False
    spikes: list[torch.Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=self.rate)
        for block in self.model:  # type: ignore[attr-defined]
            block.register_forward_hook(self._note)

    def _note(self, _block: object, _given: object, sent: torch.Tensor) -> None:
        self.spikes.append(self._ordered(sent.detach()))

    def _ordered(self, values: torch.Tensor) -> torch.Tensor:
        return values.flip(0) if self.reverse else values

    def learn(self, given: torch.Tensor, labels: torch.Tensor) -> float:
        """Learn from a batch and return its loss."""
        self.spikes.clear()
        counts = self.model(self._ordered(given)).sum(dim=-1)
        loss = functional.cross_entropy(counts, self._ordered(labels))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def gradients(self) -> list[torch.Tensor]:
        """Return those of the latest batch."""
        return [p.grad for p in self.model.parameters() if p.grad is not None]


@dataclass
class Comparison:
    """How far two trainings agree, batch by batch."""

    spikes: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    gradients: list[float] = field(default_factory=list)

    def add(self, a: Side, b: Side, losses: tuple[float, float]) -> None:
        """Compare a batch."""
        pairs = zip(a.spikes, b.spikes, strict=True)
        self.spikes.append(sum(int((x != y).sum()) for x, y in pairs))
        self.losses.append(abs(losses[0] - losses[1]))
        grown = zip(a.gradients(), b.gradients(), strict=True)
        self.gradients.append(max(float((x - y).abs().max() / x.abs().max()) for x, y in grown))

    @property
    def same_batches(self) -> int:
        """Batches before the first spike that differs."""
        return next((i for i, count in enumerate(self.spikes) if count), len(self.spikes))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} samples")
    parser.add_argument("--samples", type=int, help=f"of the epoch; {EPOCH}, or {QUICK} if quick")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the rows here")
    choices = parser.parse_args()
    samples = choices.samples or (QUICK if choices.quick else EPOCH)
    rows, notes = measured(samples)
    report(rows, choices.json, notes)


def batches(samples: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the batches of an epoch."""
    root = Path(os.environ.get("LOIHI_SCA_DATA", "data")) / "mnist"
    given = data.load("mnist", split="train", timesteps=STEPS, root=root)
    for start in range(0, min(samples, len(given)), BATCH):
        part = slice(start, start + BATCH)
        yield (
            torch.from_numpy(given.spikes(part)).float(),
            torch.from_numpy(given.labels[part]),
        )


def sides() -> dict[str, Side]:
    """Make the trainings, all from the same weights."""
    torch.manual_seed(0)
    first = stock(NETWORK, (1, 28, 28))
    first(torch.zeros(1, 1, 28, 28, STEPS))  # blocks learn their shapes
    models: dict[str, Any] = {name: copy.deepcopy(first) for name in ("stock", "reversed")}
    models |= {name: accelerate(copy.deepcopy(first)) for name in ("ours", "led")}
    return {name: Side(model, RATE, reverse=name == "reversed") for name, model in models.items()}


def measured(samples: int) -> tuple[list[Row], list[str]]:
    torch.set_num_threads(1)
    all_sides = sides()
    reference = all_sides["stock"]
    compared = {name: Comparison() for name in ("ours", "led", "reversed")}
    total = -(-samples // BATCH)
    for number, (given, labels) in enumerate(batches(samples)):
        all_sides["led"].model.load_state_dict(reference.model.state_dict())
        loss = reference.learn(given, labels)
        for name, comparison in compared.items():
            side = all_sides[name]
            comparison.add(reference, side, (loss, side.learn(given, labels)))
        if number % 20 == 0:
            print(f"batch {number + 1}/{total}, loss {loss:.4f}", file=sys.stderr, flush=True)
    pairs = zip(reference.model.parameters(), all_sides["ours"].model.parameters(), strict=True)
    weights = max(float((a - b).abs().max()) for a, b in pairs)
    return rows_of(compared, samples, len(compared["ours"].losses)), notes_of(compared, weights)


def rows_of(compared: dict[str, Comparison], samples: int, count: int) -> list[Row]:
    """Turn comparisons into figures."""
    ours, led, mirrored = compared["ours"], compared["led"], compared["reversed"]
    same = ours.same_batches
    led_by = f"MNIST, {samples} samples, {count} batches, each from stock's weights"
    alone = f"MNIST, {samples} samples, {count} batches, each training by itself"
    yardstick = f"{alone}: stock, batches reversed"
    return [
        Row(led_by, "spikes that differ", [float(sum(led.spikes))], 0, "lower", "spikes"),
        Row(led_by, "largest difference of losses", [max(led.losses)], 1e-5, "lower", ""),
        Row(led_by, "gradients, of the largest", [max(led.gradients)], 1e-4, "lower", ""),
        Row(alone, "batches with the same spikes", [float(same)], count, "higher", "batches"),
        Row(alone, "losses until then", [max(ours.losses[:same])], 1e-5, "lower", ""),
        Row(alone, "largest difference of losses", [max(ours.losses)], 1e-5, "lower", ""),
        Row(yardstick, "batches with the same spikes", [float(mirrored.same_batches)], count,
            "higher", "batches"),
        Row(yardstick, "largest difference of losses", [max(mirrored.losses)], 1e-5, "lower", ""),
    ]  # fmt: skip


def notes_of(compared: dict[str, Comparison], weights: float) -> list[str]:
    """Say how far trainings part."""
    ours, mirrored = compared["ours"], compared["reversed"]
    return [
        f"each by itself: losses differ by {statistics.mean(ours.losses):.3g} in the mean, weights "
        f"at the end by {weights:.3g} at most; stock reversed: losses by "
        f"{statistics.mean(mirrored.losses):.3g}.",
        f"differing spikes in the first batches: ours {ours.spikes[:12]}, reversed "
        f"{mirrored.spikes[:12]}.",
    ]


if __name__ == "__main__":
    main()
