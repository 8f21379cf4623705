#!/usr/bin/env python3
"""What batch norm brings, and what folding it costs.

    scripts/experiments/fold.py --work digits                  # about a minute
    scripts/experiments/fold.py --work vgg16 --root FOLDER     # CIFAR-10, about five minutes
    scripts/experiments/fold.py --work preresnet18 --root FOLDER
    scripts/experiments/fold.py --work companions --root FOLDER # what else helps, ten minutes
    scripts/experiments/fold.py --work settings --root FOLDER  # what that depends on, 20 minutes
    scripts/experiments/fold.py --work gradients --root FOLDER # of VGG16, in the first step

The rows of ``digits`` are dense and pruned networks with the shipped fold, with a fold that leaves
the threshold where it is, and with one that takes the running statistics as they stand. Those of
``vgg16`` (width 1/8, T = 4, direct encoding, 2000 images, 4 epochs) are the norm by the mean, and
batch norm with initial weights of several sizes; those of ``preresnet18``, at the same settings and
a width of 1/16 unless ``--width`` says another, are the two norms. Those of ``companions`` (8000
images) are what else the recipe of VGG16 does, one thing after the other; those of ``settings``
(12,000 images, 5 epochs) change one of its numbers each.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from loihi_sca import load_data
from loihi_sca.config import ModelConfig, Recipe, load_recipe
from loihi_sca.model import folding
from loihi_sca.model.build import build
from loihi_sca.training.epoch import Epoch
from loihi_sca.training.session import train

SHALLOW = {"voltage_decay": 0.03, "tau_grad": 0.1, "scale_grad": 30.0}
"""The neurons that the recipe of VGG16 had before it had batch norm."""

THIN = {"zoo": "vgg16", "width": 0.125}

DEEP = {"voltage_decay": 0.5, "tau_grad": 0.005, "scale_grad": 10.0}


def changed(name: str, changes: dict[str, dict[str, Any]], *, pruned: bool) -> Recipe:
    """Return a shipped recipe with other values in its sections."""
    values = load_recipe(name).model_dump(mode="json", exclude_none=True)
    for section, given in changes.items():
        values[section] = given if "zoo" in given else values[section] | given
    if not pruned:
        del values["pruning"]
    return Recipe.model_validate(values)


def measure(title: str, recipe: Recipe) -> None:
    """Train by a recipe and print a row."""
    epochs: list[Epoch] = []
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        train(recipe, Path(folder) / "run", on_epoch=epochs.append)
    spent = time.process_time() - started
    curve = " ".join(f"{100 * epoch.validation_accuracy:.1f}" for epoch in epochs)
    folds = [epoch.folding for epoch in epochs if epoch.folding is not None]
    about = folds[0].about() if folds else "no fold"
    print(f"{title} | {curve} | {about} | {spent:.0f} CPU s", flush=True)


@contextmanager
def _unmeasured(model: torch.nn.Module) -> Iterator[None]:
    """Run a model and leave the running statistics as they are."""
    model.eval()
    with torch.no_grad():
        yield
    model.train()


def digits(seeds: int) -> None:
    """Print the rows of digits."""
    without = {
        "as shipped": nullcontext(),
        "threshold left at 64": patch.object(folding, "gain_for", lambda *_: 1.0),
        "running statistics": patch.object(folding, "measuring", _unmeasured),
    }
    short = {"data": {"timesteps": 8}, "training": {"epochs": 10}}
    for seed in range(seeds):
        for pruned in (False, True):
            kind = f"seed {seed}, {'pruned' if pruned else 'dense'}"
            plain = changed("digits", short, pruned=pruned)
            measure(f"{kind}, norm by the mean", plain.model_copy(update={"seed": seed}))
            recipe = changed("digits", short | {"model": {"norm": "batch"}}, pruned=pruned)
            for what, context in without.items():
                with context:
                    measure(f"{kind}, batch, {what}", recipe.model_copy(update={"seed": seed}))


ROWS: dict[str, dict[str, tuple[dict[str, Any], float]]] = {
    "vgg16": {
        "mean": ({"neuron": SHALLOW, "weight_scale": 8.0}, 1e-3),
        "batch, weight_scale 8": ({"neuron": DEEP, "norm": "batch", "weight_scale": 8.0}, 2e-3),
        "batch, weight_scale 1": ({"neuron": DEEP, "norm": "batch", "weight_scale": 1.0}, 2e-3),
    },
    "preresnet18": {
        "mean": ({"neuron": {"voltage_decay": 0.03}, "weight_scale": 4.0}, 1e-3),
        "batch": ({"neuron": DEEP, "norm": "batch", "weight_scale": 1.0}, 2e-3),
    },
}
"""By network: what of its model and which learning rate each row has."""

WIDTHS = {"vgg16": 1 / 8, "preresnet18": 1 / 16}


def deep(work: str, root: str, width: float | None) -> None:
    """Print the rows of a deep network."""
    model = {"zoo": work, "width": width or WIDTHS[work], "neurons_per_class": 1}
    data = {"limit": 2000, "root": root, "encoding": "direct"}
    short = {"epochs": 4, "fold": 0.75}
    for title, (given, rate) in ROWS[work].items():
        changes = {
            "model": model | given, "data": data, "training": short | {"learning_rate": rate},
        }  # fmt: skip
        measure(title, changed(f"cifar10-{work}", changes, pruned=False))


def companions(root: str) -> None:
    """Print the rows of what helps beside a norm."""
    one, ten = {"neurons_per_class": 1}, {"neurons_per_class": 10}
    shipped = {"encoding": "thermometer"}
    wider = {"neuron": DEEP | {"tau_grad": 0.01}}
    rows: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
        "direct, 1 neuron per class": (one, {"encoding": "direct"}, {}),
        "rate, 1 neuron per class": (one, {"encoding": "rate"}, {}),
        "thermometer, 1 neuron per class": (one, shipped, {}),
        "thermometer, 10 neurons per class": (ten, shipped, {}),
        "the same, surrogate twice as wide": (ten | wider, shipped, {}),
        "the same, label smoothing 0.1": (ten, shipped, {"label_smoothing": 0.1}),
    }
    for title, (model, data, training) in rows.items():
        changes = {
            "model": THIN | {"neuron": DEEP, "norm": "batch", "weight_scale": 1.0} | model,
            "data": {"limit": 8000, "root": root} | data,
            "training": {"epochs": 4, "fold": 0.75} | training,
        }
        measure(title, changed("cifar10-vgg16", changes, pruned=False))


def settings(root: str) -> None:
    """Print the rows of what a short training depends on, one thing changed in each."""
    few = {"batch_size": 32}
    rows: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
        "as shipped": ({}, {}, {}),
        "no shift": ({}, {"shift": 0}, {}),
        "no shift, learning rate 1e-3": ({}, {"shift": 0}, {"learning_rate": 1e-3}),
        "no shift, threshold 0.5": ({"threshold": 0.5}, {"shift": 0}, {}),
        "no shift, batches of 32": ({}, {"shift": 0}, few),
        "the same, threshold 1.5": ({"threshold": 1.5}, {"shift": 0}, few),
        "the same, voltage decay 0.75": ({"voltage_decay": 0.75}, {"shift": 0}, few),
        "the same, a narrower surrogate": ({"tau_grad": 0.0035}, {"shift": 0}, few),
    }
    for title, (neuron, data, training) in rows.items():
        shipped = {"norm": "batch", "weight_scale": 1.0, "neurons_per_class": 10}
        changes = {
            "model": THIN | shipped | {"neuron": DEEP | neuron},
            "data": {"limit": 12_000, "root": root} | data,
            "training": {"epochs": 5, "fold": 1.0} | training,
        }
        measure(title, changed("cifar10-vgg16", changes, pruned=False))


def gradients(root: str) -> None:
    """Print the size of the gradient of each layer's weights, for surrogates of two heights."""
    data = load_data("cifar10", split="train", timesteps=4, root=root, encoding="direct")
    spikes = torch.from_numpy(data.spikes(slice(0, 64))).float()
    for scale in (10.0, 2.0):
        given = {"zoo": "vgg16", "width": 0.125, "norm": "batch", "weight_scale": 1.0}
        neuron = DEEP | {"scale_grad": scale}
        torch.manual_seed(0)
        model = build(
            ModelConfig.model_validate(given | {"neuron": neuron}), data.shape, data.classes,
            values=True,
        )  # fmt: skip
        counts = model(spikes).sum(dim=-1)
        torch.nn.functional.cross_entropy(counts, torch.from_numpy(data.labels[:64])).backward()
        sizes = [f"{float(block.synapse.weight.grad.norm()):.1e}" for _, block in model.gated]
        print(f"scale_grad {scale:g} | {' '.join(sizes)}", flush=True)


ON_CIFAR10 = {"companions": companions, "settings": settings, "gradients": gradients}


def main() -> None:
    """Print the rows that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", choices=("digits", *ROWS, *ON_CIFAR10), default="digits")
    parser.add_argument("--root", default=None, help="folder with CIFAR-10")
    parser.add_argument("--width", type=float, help="of a deep network's layers")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    if given.work == "digits":
        digits(given.seeds)
    elif given.work in ON_CIFAR10:
        ON_CIFAR10[given.work](given.root)
    else:
        deep(given.work, given.root, given.width)


if __name__ == "__main__":
    main()
