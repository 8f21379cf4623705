"""What shipped recipes reach on their whole training sets: dense, and pruned from that network.

    scripts/experiments/recipes.py RECIPE --root FOLDER [--json OUT]

RECIPE is mnist, nmnist, cifar10-preresnet18 or cifar10-vgg16. The last two are meant for days;
here they are an eighth and a quarter of their width, for ten and eight epochs.
"""

import argparse
import sys
from typing import Any

from _experiment import Grid, Size, main, row_of

from loihi_sca.runs.sweep import Job

QUICK = Size(epochs=2, seeds=1, limit=256, prune_epochs=2, one_dense=True)

FEW_EPOCHS: dict[str, Any] = {
    "prune_epochs": 2, "one_dense": True, "data": {"shift": 0},
    "training": {"batch_size": 32, "fold": 0.85}, "pruning": {"interval_steps": 352},
}  # fmt: skip
"""For CIFAR-10, as in ``cifar10.py``: more and smaller steps, pictures where they are."""

SIZES = {
    "mnist": {
        "quick": QUICK,
        "normal": Size(epochs=12, seeds=1, limit=None, prune_epochs=4, one_dense=True),
    },
    "nmnist": {
        "quick": QUICK,
        "normal": Size(epochs=30, seeds=3, limit=None, prune_epochs=8),
    },
    "cifar10-preresnet18": {
        "quick": QUICK,
        "normal": Size(epochs=10, seeds=1, limit=None, width=0.125, **FEW_EPOCHS),
    },
    "cifar10-vgg16": {
        "quick": QUICK,
        "normal": Size(epochs=8, seeds=1, limit=None, width=0.25, **FEW_EPOCHS),
    },
}

ZOO = {"cifar10-preresnet18": "preresnet18", "cifar10-vgg16": "vgg16"}

SHARES = {"cifar10-preresnet18": 0.5}
"""Of the connections, where the recipe's cannot be had: an eighth of the width has few to spare."""


def jobs(of: Grid) -> list[Job]:
    amount = SHARES.get(of.recipe.name, of.recipe.pruning.connections)
    return [*of.dense(), *of.pruned(f"connections={amount}")]


def conclude(rows: list[dict[str, Any]]) -> dict[str, float]:
    dense = row_of(rows, budget="dense")
    lost = [100 * (r["accuracy"] - dense["accuracy"]) for r in rows if r is not dense]
    return {"points from dense": lost[0]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("recipe", choices=SIZES)
    given, sys.argv[1:] = parser.parse_known_args()
    main(given.recipe, given.recipe, SIZES[given.recipe], jobs, conclude, ZOO.get(given.recipe))
