"""N-MNIST, small: every criterion on the events of a real camera.

100 test recordings: a point of accuracy is one recording, so small differences say nothing.
"""

from typing import Any

from _experiment import Grid, Size, main, row_of

from loihi_sca.pruning.criteria import CRITERIA
from loihi_sca.runs.sweep import Job

SIZES = {
    "quick": Size(epochs=2, seeds=1, limit=200, prune_epochs=1),
    "normal": Size(epochs=30, seeds=3, limit=None, prune_epochs=8),
    "full": Size(epochs=100, seeds=5, limit=None, prune_epochs=20),
}


def jobs(of: Grid) -> list[Job]:
    criteria = ("sca",) if of.quick else tuple(CRITERIA)
    amounts = "connections=0.3" if of.quick else "connections=0.3,0.1"
    return [*of.dense(), *of.pruned(amounts, criteria)]


def conclude(rows: list[dict[str, Any]]) -> dict[str, float]:
    dense = row_of(rows, budget="dense")
    return {
        f"{r['criterion']} minus dense, connections {r['amount']}": 100
        * (r["accuracy"] - dense["accuracy"])
        for r in rows
        if r is not dense
    }


if __name__ == "__main__":
    main("nmnist", "nmnist", SIZES, jobs, conclude)
