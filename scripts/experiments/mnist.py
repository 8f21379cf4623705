"""MNIST: every criterion at 50, 30 and 10 % of the connections, and of the synops.

A trained dense network is pruned in the loop of SCA: down to the budget in the first update, and
from then on at each update some channels are brought back for others, until the structure is
frozen and fine-tuned. So a criterion has to tell again and again which channels are worth keeping.
`at once` is a single update instead, with nothing brought back: with fine-tuning behind it, that
asks little of a criterion. How many channels each layer keeps is planned in the same way for all.
"""

from typing import Any

from _experiment import LOOP, Grid, Size, main, row_of

from loihi_sca.pruning.criteria import CRITERIA
from loihi_sca.runs.sweep import Job

SIZES = {
    "quick": Size(epochs=3, seeds=1, limit=2000, prune_epochs=1),
    "normal": Size(epochs=6, seeds=3, limit=10_000, prune_epochs=2),
    "full": Size(epochs=20, seeds=3, limit=None, prune_epochs=4),
}

AT_ONCE = LOOP | {"stop": 0.05, "regenerate": 0.0}
"""A single update."""


def jobs(of: Grid) -> list[Job]:
    if of.quick:
        return [*of.dense(), *of.pruned("connections=0.1", ("sca", "random"), **LOOP)]
    criteria = tuple(CRITERIA)
    return [
        *of.dense(),
        *of.pruned("connections=0.5,0.3,0.1", criteria, **LOOP),
        *of.pruned("synops=0.3,0.1", criteria, **LOOP),
        *of.pruned("connections=0.1", criteria, prefix="once-", **AT_ONCE),
    ]


def conclude(rows: list[dict[str, Any]]) -> dict[str, float]:
    dense = row_of(rows, budget="dense")
    said = {}
    for row in rows:
        if row["criterion"] != "sca":
            continue
        once = row["pruning"]["start"] == row["pruning"]["stop"]
        how = f"{row['budget']} {row['amount']}{', at once' if once else ''}"
        said[f"sca minus dense, {how}"] = 100 * (row["accuracy"] - dense["accuracy"])
        same = row["pruning"] | {"criterion": "random"}
        random = row_of(rows, pruning=same)
        said[f"sca minus random, {how}"] = 100 * (row["accuracy"] - random["accuracy"])
    return said


if __name__ == "__main__":
    main("mnist", "mnist", SIZES, jobs, conclude)
