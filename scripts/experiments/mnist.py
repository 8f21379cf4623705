"""MNIST: every criterion at 50, 30 and 10 % of the connections, and at equal synops.

A plain ranking over all layers, as in the original, so that criteria differ and nothing else does.
"""

from _experiment import Size, best_by, main

from loihi_sca.config import Recipe
from loihi_sca.pruning.criteria import CRITERIA
from loihi_sca.sweep import Job, grid, parse_budgets

SIZES = {
    "quick": Size(epochs=3, seeds=1, limit=2000),
    "normal": Size(epochs=6, seeds=3, limit=10_000),
    "full": Size(epochs=20, seeds=3, limit=None),
}


def jobs(recipe: Recipe, seeds, options) -> list[Job]:
    connections = parse_budgets(["connections=0.1" if options.quick else "connections=0.5,0.3,0.1"])
    criteria = ("sca", "random") if options.quick else tuple(CRITERIA)
    synops = parse_budgets(["synops=0.5,0.3,0.1"])
    found = grid(recipe, connections, criteria, seeds, ["rank"])
    if not options.quick:
        found += grid(recipe, synops, ("sca", "rate", "random"), seeds, ["rank"], dense=False)
    return found


def conclude(rows) -> dict:
    dense = best_by(rows, budget="dense")
    said = {}
    for amount in (0.3, 0.1):
        sca, random = (
            best_by(rows, budget="connections", amount=amount, criterion=c)
            for c in ("sca", "random")
        )
        if sca and random:
            said[f"sca minus dense at {amount}, points"] = 100 * (
                sca["accuracy"] - dense["accuracy"]
            )
            said[f"sca minus random at {amount}, points"] = 100 * (
                sca["accuracy"] - random["accuracy"]
            )
    return said


if __name__ == "__main__":
    main("mnist", "mnist", SIZES, jobs, conclude)
