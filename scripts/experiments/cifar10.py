"""CIFAR-10, VGG16, 4 steps: the network of the paper, a width of it, on its training set.

There, at full width and in 300 epochs: dense 91.14 %, 91.67 % at 28.39 % of the connections,
90.26 % at 9.31 % (Li et al., ICML 2024). --full is that, and takes weeks on a CPU. The normal size
is an eighth of the width and 30 epochs: one dense network, from which three seeds of
each pruning start, hours in all. What is compared is what pruning costs, against the dense network
and, where few connections are left, against channels chosen at random.
"""

from typing import Any

from _experiment import Grid, Size, main, row_of

from loihi_sca.runs.sweep import Job

SHORT: dict[str, Any] = {
    "width": 0.125, "one_dense": True, "data": {"shift": 0},
    "training": {"batch_size": 32, "fold": 0.85}, "pruning": {"interval_steps": 352},
}  # fmt: skip
"""For few epochs: more and smaller steps, the structure changed four times in each, and pictures
where they are, since a network of this size does not learn the training set by heart."""

SIZES = {
    "quick": Size(epochs=2, seeds=1, limit=256, prune_epochs=2, **SHORT),
    "normal": Size(epochs=30, seeds=3, limit=None, prune_epochs=6, **SHORT),
    "full": Size(epochs=300, seeds=3, limit=None),
}

PAPER = {"dense": 0.9114, 0.2839: 0.9167, 0.0931: 0.9026}


def jobs(of: Grid) -> list[Job]:
    many = [] if of.quick else of.pruned("connections=0.2839")
    return [*of.dense(), *many, *of.pruned("connections=0.0931", ("sca", "random"))]


def conclude(rows: list[dict[str, Any]]) -> dict[str, Any]:
    dense = row_of(rows, budget="dense")
    said = {}
    for row in rows:
        paper = PAPER[row["amount"] or "dense"]
        loss = {"ours": 100 * (row["accuracy"] - dense["accuracy"])}
        if row["criterion"] in (None, "sca"):
            loss["paper"] = 100 * (paper - PAPER["dense"])
        name = f"{row['budget']} {row['amount'] or ''} {row['criterion'] or ''}".strip()
        said[name] = {"accuracy": row["accuracy"], "points from dense": loss}
    return said


if __name__ == "__main__":
    main("cifar10", "cifar10-vgg16", SIZES, jobs, conclude, zoo="vgg16")
