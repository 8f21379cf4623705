"""CIFAR-10, VGG16, 4 steps: the setting of the paper.

There: dense 91.14 %, 91.67 % at 28.39 % of the connections, 90.26 % at 9.31 % (Li et al., ICML
2024). The real thing takes days on a CPU; --quick is a thin network on few images.
"""

from typing import Any

from _experiment import Grid, Size, main, with_model

from loihi_sca.runs.sweep import Job

SIZES = {
    "quick": Size(epochs=2, seeds=1, limit=256),
    "normal": Size(epochs=60, seeds=1, limit=None),
    "full": Size(epochs=300, seeds=3, limit=None),
}

PAPER = {"dense": 0.9114, 0.2839: 0.9167, 0.0931: 0.9026}


def jobs(of: Grid) -> list[Job]:
    if of.quick:
        of = of.with_recipe(with_model(of.recipe, zoo="vgg16", width=0.125))
    amounts = "connections=0.2839" if of.quick else "connections=0.2839,0.0931"
    return [*of.dense(), *of.pruned(amounts)]


def conclude(rows: list[dict[str, Any]]) -> dict[str, Any]:
    said = {}
    for row in rows:
        paper = PAPER[row["amount"] or "dense"]
        said[f"{row['budget']} {row['amount'] or ''}".strip()] = {
            "ours": row["accuracy"],
            "paper": paper,
            "points": 100 * (row["accuracy"] - paper),
        }
    return said


if __name__ == "__main__":
    main("cifar10", "cifar10-vgg16", SIZES, jobs, conclude)
