"""N-MNIST, small: SCA and its rivals on the events of a real camera."""

from _experiment import Size, best_by, main

from loihi_sca.config import Recipe
from loihi_sca.sweep import Job, grid, parse_budgets

SIZES = {
    "quick": Size(epochs=2, seeds=1, limit=200),
    "normal": Size(epochs=30, seeds=3, limit=None),
    "full": Size(epochs=100, seeds=5, limit=None),
}


def jobs(recipe: Recipe, seeds, options) -> list[Job]:
    criteria = ("sca",) if options.quick else ("sca", "membrane", "rate", "taylor", "random")
    amounts = "connections=0.3" if options.quick else "connections=0.5,0.3,0.1"
    return grid(recipe, parse_budgets([amounts]), criteria, seeds, ["rank"])


def conclude(rows) -> dict:
    dense = best_by(rows, budget="dense")
    return {
        f"{r['criterion']} minus dense at {r['amount']}, points": 100
        * (r["accuracy"] - dense["accuracy"])
        for r in rows
        if r is not dense
    }


if __name__ == "__main__":
    main("nmnist", "nmnist", SIZES, jobs, conclude)
