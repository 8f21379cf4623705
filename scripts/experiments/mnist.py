"""MNIST: every criterion at 50, 30 and 10 % of the connections, and of the synops.

A trained dense network is cut to the budget at once, after a few batches of scores, and then
fine-tuned: what a channel is worth has to be told right. How many channels each layer keeps is
planned in the same way for all criteria (`objective`), so that they differ in which channels they
keep. Runs called ``few`` do that with one epoch of 2000 samples, where little can be made up for.
"""

from typing import Any

from _experiment import Grid, Size, main, row_of

from loihi_sca.pruning.criteria import CRITERIA
from loihi_sca.runs.sweep import Job

SIZES = {
    "quick": Size(epochs=3, seeds=1, limit=2000, prune_epochs=1),
    "normal": Size(epochs=6, seeds=3, limit=10_000, prune_epochs=2),
    "full": Size(epochs=20, seeds=3, limit=None, prune_epochs=4),
}

AT_ONCE = {
    "schedule": "constant", "start": 0.05, "stop": 0.05, "interval_steps": 16, "regenerate": 0.0,
}  # fmt: skip
"""A single update, with nothing to regenerate yet."""

FEW = 2000
"""Training samples for who has but few."""


def jobs(of: Grid) -> list[Job]:
    if of.quick:
        return [*of.dense(), *of.pruned("connections=0.1", ("sca", "random"), **AT_ONCE)]
    return [
        *of.dense(),
        *of.pruned("connections=0.5,0.3,0.1", tuple(CRITERIA), **AT_ONCE),
        *of.pruned("synops=0.3,0.1", tuple(CRITERIA), **AT_ONCE),
        *of.pruned(
            "connections=0.1",
            tuple(CRITERIA),
            prefix="few-",
            limit=FEW,
            **AT_ONCE | {"start": 0.3, "stop": 0.3},
        ),
    ]


def conclude(rows: list[dict[str, Any]]) -> dict[str, float]:
    dense = row_of(rows, budget="dense")
    said = {}
    for row in rows:
        if row["criterion"] != "sca":
            continue
        how = f"{row['budget']} {row['amount']}, from {row['start']}, {row['limit']} samples"
        same = {k: row[k] for k in ("budget", "amount", "start", "limit")}
        said[f"sca minus dense, {how}"] = 100 * (row["accuracy"] - dense["accuracy"])
        random = row_of(rows, criterion="random", **same)
        said[f"sca minus random, {how}"] = 100 * (row["accuracy"] - random["accuracy"])
    return said


if __name__ == "__main__":
    main("mnist", "mnist", SIZES, jobs, conclude)
