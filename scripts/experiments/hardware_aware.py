"""Does planning for cores pay? Cores and energy at equal accuracy, with the plan and without.

Plain SCA prunes until some share of the connections is left; what that takes in cores is what it
happens to be. The plan spends a budget of cores, or of energy. Both start from the same trained
networks and choose channels by the same scores. Compared are, at each accuracy that plain SCA
reaches on the validation samples, the fewest cores and the least energy of planned networks that
are as accurate there within half a point; the accuracy that is told is that of the test samples, by
which nothing is chosen. `rank` is plain SCA as published, one list of channels over all layers;
`harmonic` divides connections over the layers as the plan divides cores, so that only the currency
differs.
"""

from typing import Any

from _experiment import Grid, Size, main, with_model

from loihi_sca.runs.sweep import Job

SIZES = {
    "quick": Size(epochs=3, seeds=1, limit=1000, prune_epochs=1),
    "normal": Size(epochs=6, seeds=3, limit=5000, prune_epochs=1),
    "full": Size(epochs=20, seeds=3, limit=None, prune_epochs=4),
}

LAYERS = (
    {"type": "conv", "channels": 24, "kernel": 3, "padding": 1},
    {"type": "conv", "channels": 32, "kernel": 3, "padding": 1, "stride": 2},
    {"type": "conv", "channels": 48, "kernel": 3, "padding": 1},
    {"type": "conv", "channels": 64, "kernel": 3, "padding": 1, "stride": 2},
    {"type": "conv", "channels": 96, "kernel": 3, "padding": 1},
    {"type": "conv", "channels": 96, "kernel": 3, "padding": 1, "stride": 2},
    {"type": "dense", "neurons": 192},
)
"""A thin VGG-9: maps and dense layers that take cores for different reasons."""

CORES = {"loihi2": "cores=20,17,15,13,11,9,8", "loihi1": "cores=95,79,54,38,28,22,15"}
ENERGY = {"loihi2": "energy_uj=400,250,150"}

AS_ACCURATE = 0.005
"""Half a point of validation accuracy: what a seed or two cannot tell from luck."""

RAMP = {"start": 0.0, "stop": 0.4, "interval_steps": 10, "regenerate": 0.02}
"""Pruned step by step in the first part of the epoch, fine-tuned in the rest."""


def jobs(of: Grid) -> list[Job]:
    of = of.with_recipe(with_model(of.recipe, layers=LAYERS, weight_scale=4.0))
    ranked, divided = "0.5,0.3,0.1", "0.5,0.3,0.2,0.1,0.05"
    if of.quick:
        ranked = divided = "0.3"
    found = of.dense()
    found += of.pruned(f"connections={ranked}", objective="rank", **RAMP)
    found += of.pruned(f"connections={divided}", objective="harmonic", **RAMP)
    for profile, cores in CORES.items():
        budgets = "cores=15" if of.quick else cores
        found += of.pruned(budgets, prefix=f"{profile}-", profile=profile, **RAMP)
    for profile, energy in ENERGY.items() if not of.quick else ():
        found += of.pruned(energy, prefix=f"{profile}-", profile=profile, **RAMP)
    return found


def conclude(rows: list[dict[str, Any]]) -> dict[str, Any]:
    planned = [r for r in rows if r["budget"] in ("cores", "energy_uj")]
    said: dict[str, Any] = {}
    for profile in CORES:
        for plain in (r for r in rows if r["budget"] == "connections"):
            enough = plain["validation_accuracy"] - AS_ACCURATE
            as_good = [r for r in planned if r["validation_accuracy"] >= enough]
            entry = {"connections": plain["amount"], "validation_at_least": enough}
            entry["accuracy plain"] = plain["accuracy"]
            for figure in (f"cores_{profile}", f"energy_uj_{profile}"):
                best = min(as_good, key=lambda r: r[figure], default=None)
                entry[f"plain {figure}"] = plain[figure]
                entry[f"planned {figure}"] = None if best is None else best[figure]
                entry[f"accuracy {figure}"] = None if best is None else best["accuracy"]
            said.setdefault(f"{profile} against {plain['objective']}", []).append(entry)
    return said


if __name__ == "__main__":
    main("hardware_aware", "mnist", SIZES, jobs, conclude)
