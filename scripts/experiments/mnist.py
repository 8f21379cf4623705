"""MNIST: every criterion at 50, 30 and 10 % of the connections, and of the synops.

A trained dense network is cut to the budget at once, after a few batches of scores, and fine-tuned.
`to the end` is the loop of SCA as published instead: down to the budget in the first update, and at
every further one, until the training ends, a part of the channels makes room for others that are
brought back. There a criterion has to tell again and again which channels are worth keeping, and
nothing mends its mistakes. How many channels each layer keeps is planned in one way for all.
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
"""A single update, with nothing to bring back yet."""

TO_THE_END = AT_ONCE | {"stop": 1.0, "interval_steps": 32, "regenerate": 0.1}
"""Nine updates in two epochs of 10 000 samples; the original has one per epoch, and 300 epochs."""


def jobs(of: Grid) -> list[Job]:
    if of.quick:
        return [*of.dense(), *of.pruned("connections=0.1", ("sca", "random"), **AT_ONCE)]
    criteria = tuple(CRITERIA)
    return [
        *of.dense(),
        *of.pruned("connections=0.5,0.3,0.1", criteria, **AT_ONCE),
        *of.pruned("synops=0.3,0.1", criteria, **AT_ONCE),
        *of.pruned("connections=0.1", criteria, prefix="to-the-end-", **TO_THE_END),
    ]


def conclude(rows: list[dict[str, Any]]) -> dict[str, float]:
    dense = row_of(rows, budget="dense")
    said = {}
    for row in rows:
        if row["criterion"] != "sca":
            continue
        last = ", to the end" if row["pruning"]["stop"] == 1 else ""
        how = f"{row['budget']} {row['amount']}{last}"
        said[f"sca minus dense, {how}"] = 100 * (row["accuracy"] - dense["accuracy"])
        same = row["pruning"] | {"criterion": "random"}
        random = row_of(rows, pruning=same)
        said[f"sca minus random, {how}"] = 100 * (row["accuracy"] - random["accuracy"])
    return said


if __name__ == "__main__":
    main("mnist", "mnist", SIZES, jobs, conclude)
