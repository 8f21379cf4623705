"""Does planning for cores pay? Cores at equal accuracy, with the plan and without.

Plain SCA ranks the channels of all layers in one list and prunes until some share of the
connections is left; what that takes in cores is what it happens to be. The plan spends a budget of
cores. Compared are, at each accuracy that plain SCA reaches, the fewest cores of a planned network
that is as accurate within one standard deviation.
"""

from _experiment import Size, main, with_model

from loihi_sca.config import PruningConfig, Recipe
from loihi_sca.sweep import Job, grid, parse_budgets

SIZES = {
    "quick": Size(epochs=3, seeds=1, limit=2000),
    "normal": Size(epochs=6, seeds=3, limit=10_000),
    "full": Size(epochs=20, seeds=3, limit=None),
}

CONNECTIONS = {"quick": "connections=0.2", "normal": "connections=0.5,0.3,0.2,0.1,0.05"}

CORES = {
    ("loihi2", "quick"): "cores=8", ("loihi2", "normal"): "cores=14,12,10,8,6,5,4",
    ("loihi1", "quick"): "cores=20", ("loihi1", "normal"): "cores=36,28,20,16,12,8",
}  # fmt: skip


def jobs(recipe: Recipe, seeds, options) -> list[Job]:
    size = "quick" if options.quick else "normal"
    recipe = with_model(recipe, zoo="lenet", width=2)
    found = grid(recipe, parse_budgets([CONNECTIONS[size]]), ("sca",), seeds, ["rank"])
    for profile in ("loihi2", "loihi1"):
        values = {**recipe.pruning.model_dump(exclude_none=True), "profile": profile}
        on_chip = recipe.model_copy(update={"pruning": PruningConfig.model_validate(values)})
        budgets = parse_budgets([CORES[profile, size]])
        for job in grid(on_chip, budgets, ("sca",), seeds, ["product"], dense=False):
            found.append(Job(f"{profile}-{job.name}", job.recipe, job.budget))
    return found


def conclude(rows) -> dict:
    plain = [r for r in rows if r["budget"] == "connections"]
    planned = [r for r in rows if r["budget"] == "cores"]
    said: dict = {}
    for profile in ("loihi2", "loihi1"):
        cores = f"cores_{profile}"
        for row in plain:
            enough = row["accuracy"] - row["accuracy_std"]
            as_good = [r for r in planned if r["accuracy"] >= enough]
            best = min(as_good, key=lambda r: r[cores], default=None)
            said.setdefault(profile, []).append(
                {
                    "accuracy_at_least": enough,
                    "plain_cores": row[cores],
                    "planned_cores": None if best is None else best[cores],
                    "saved": None if best is None else 1 - best[cores] / row[cores],
                }
            )
    return said


if __name__ == "__main__":
    main("hardware_aware", "mnist", SIZES, jobs, conclude)
