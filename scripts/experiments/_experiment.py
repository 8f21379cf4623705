"""What the experiments share: options, running grids, results as JSON.

Every run of a grid lies in a folder of its own, and the same command goes on where it was stopped.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loihi_sca.cli.execution import executor
from loihi_sca.config import DataConfig, ModelConfig, Recipe, TrainingConfig, load_recipe
from loihi_sca.execution import Failure
from loihi_sca.files import make_folder, write_json, write_text
from loihi_sca.report.sweeps import pareto, summary
from loihi_sca.sweep import Job, Result, Watcher, run_sweep
from loihi_sca.versions import versions


@dataclass(frozen=True)
class Size:
    """How much of an experiment is run.

    Attributes
    ----------
    epochs, seeds : int
    limit : int or None
        Training samples.
    """

    epochs: int
    seeds: int
    limit: int | None


class Log(Watcher):
    """A line per run, with the time so far."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def start(self, job: Job, number: int, jobs: int) -> None:
        print(f"{number}/{jobs} {job.name} ...", file=sys.stderr, flush=True)

    def result(self, result: Result, number: int, jobs: int) -> None:
        cores = {name: chip["cores"] for name, chip in result["chips"].items()}
        print(
            f"{number}/{jobs} {result['run']}: {100 * result['accuracy']:.2f} %, cores {cores}, "
            f"{result['synops']:,.0f} synops, {time.monotonic() - self.started:.0f} s so far",
            file=sys.stderr,
            flush=True,
        )

    def failure(self, job: Job, failure: Failure, number: int, jobs: int) -> None:
        _note(f"{number}/{jobs} {job.name} failed, {failure.kind}: {failure.message}")


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(
    name: str,
    recipe: str,
    sizes: dict[str, Size],
    jobs_of: Callable[[Recipe, Sequence[int], argparse.Namespace], list[Job]],
    conclude: Callable[[list[dict[str, Any]]], dict[str, Any]],
) -> None:
    """Run an experiment from the command line.

    Parameters
    ----------
    name : str
        Of the experiment.
    recipe : str
        A shipped one.
    sizes : dict of str to Size
        ``normal``, ``quick`` and ``full``.
    jobs_of : callable
        ``jobs_of(recipe, seeds, options)`` gives the grid.
    conclude : callable
        What follows from the rows of the table.
    """
    options = _options(name)
    size = sizes["quick" if options.quick else "full" if options.full else "normal"]
    seeds = range(options.seeds or size.seeds)
    sized = _sized(load_recipe(recipe), size, options)
    folder = make_folder(options.out)
    jobs = jobs_of(sized, seeds, options)
    with executor(options.on, None, options.workers, options.threads, note=_note) as where:
        swept = run_sweep(jobs, folder, lava_samples=options.lava, watcher=Log(), executor=where)
    swept.check()
    results = swept.results
    rows = summary(results)
    for profile in results[0]["chips"]:
        write_text(
            folder / f"pareto-{profile}.svg",
            pareto(rows, f"cores_{profile}", f"cores, {profile}"),
        )
    outcome = {
        "schema": 1,
        "experiment": name,
        "size": "quick" if options.quick else "full" if options.full else "normal",
        "recipe": _without_root(sized),
        "seeds": list(seeds),
        "versions": versions(),
        "rows": rows,
        "conclusions": conclude(rows),
        "runs": results,
    }
    write_json(options.json or folder / f"{name}.json", outcome)
    _show(rows)
    print(json.dumps(outcome["conclusions"], indent=2))


def _options(name: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=name, description=sys.modules["__main__"].__doc__)
    parser.add_argument("--root", type=Path, help="folder with the data")
    parser.add_argument("--out", type=Path, default=Path("runs") / name, help="folder for runs")
    parser.add_argument("--json", type=Path, help="where to write the results")
    parser.add_argument("--quick", action="store_true", help="does it work at all? minutes")
    parser.add_argument("--full", action="store_true", help="all training samples")
    parser.add_argument("--seeds", type=int, help="number of seeds")
    parser.add_argument("--epochs", type=int, help="epochs per run")
    parser.add_argument("--limit", type=int, help="training samples")
    parser.add_argument("--on", choices=["ray"], help="many runs at once, in processes of Ray")
    parser.add_argument("--workers", type=int, help="runs at once on Ray")
    parser.add_argument("--threads", type=int, help="CPU threads of each run")
    parser.add_argument("--lava", type=int, default=0, help="samples per network on Lava's backend")
    return parser.parse_args()


def _sized(recipe: Recipe, size: Size, options: argparse.Namespace) -> Recipe:
    limit = options.limit or size.limit
    root = None if options.root is None else str(options.root)
    data = {**recipe.data.model_dump(), "root": root, "limit": limit}
    training = {**recipe.training.model_dump(), "epochs": options.epochs or size.epochs}
    sections = {
        "data": DataConfig.model_validate(data),
        "training": TrainingConfig.model_validate(training),
    }
    return recipe.model_copy(update=sections)


def with_model(recipe: Recipe, **model: object) -> Recipe:
    """Return the recipe with another network, neurons and initial weights as they are."""
    kept = recipe.model.model_dump(exclude={"layers", "zoo", "width", "pooling"})
    return recipe.model_copy(update={"model": ModelConfig.model_validate({**kept, **model})})


def _without_root(recipe: Recipe) -> dict[str, Any]:
    return recipe.model_dump(mode="json", exclude_none=True, exclude={"data": {"root"}})


def best_by(rows: Sequence[dict[str, Any]], **wanted: object) -> dict[str, Any] | None:
    """Return the first row with all the values wanted."""
    return next((r for r in rows if all(r[k] == v for k, v in wanted.items())), None)


def _show(rows: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    chips = [k.removeprefix("cores_") for k in rows[0] if k.startswith("cores_") and "std" not in k]
    table = Table("budget", "criterion", "objective", "accuracy %", "connections %", "synops %")
    for chip in chips:
        table.add_column(f"cores {chip}", justify="right")
        table.add_column(f"uJ {chip}", justify="right")
    for row in rows:
        table.add_row(
            f"{row['budget']} {row['amount'] or ''}", row["criterion"], row["objective"],
            f"{100 * row['accuracy']:.2f} ± {100 * row['accuracy_std']:.2f}",
            f"{100 * row['connections_share']:.1f}", f"{100 * row['synops_share']:.1f}",
            *(f"{row[key]:.4g}" for c in chips for key in (f"cores_{c}", f"energy_uj_{c}")),
        )  # fmt: skip
    Console().print(table)
