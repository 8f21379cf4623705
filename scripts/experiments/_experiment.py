"""What the experiments share: options, running grids, results as JSON.

Every run of a grid lies in a folder of its own, and the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from loihi_sca.cli.execution import executor
from loihi_sca.config import (
    DataConfig,
    ModelConfig,
    PruningConfig,
    Recipe,
    TrainingConfig,
    load_recipe,
)
from loihi_sca.execution import Failure
from loihi_sca.files import make_folder, write_json, write_text
from loihi_sca.reporting.sweeps import pareto, summary
from loihi_sca.runs.job import as_json
from loihi_sca.runs.sweep import Job, Result, Watcher, grid, parse_budgets, run_sweep
from loihi_sca.versions import machine, versions


@dataclass(frozen=True)
class Size:
    """How much of an experiment is run.

    Attributes
    ----------
    epochs, seeds : int
        Epochs of a network that is trained from scratch.
    limit : int or None
        Training samples.
    prune_epochs : int or None
        Epochs in which a trained dense network is pruned; None trains every run from scratch.
    width : float or None
        Of a network of the zoo; None leaves the recipe's.
    one_dense : bool
        Whether runs of all seeds prune the dense network of the first seed, the only one there is.
    data, training, pruning : mapping
        Other values for sections of the recipe, which is meant for more epochs.
    """

    epochs: int
    seeds: int
    limit: int | None
    prune_epochs: int | None = None
    width: float | None = None
    one_dense: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    pruning: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """What an experiment's runs are made of.

    Attributes
    ----------
    recipe : Recipe
        Sized.
    seeds : tuple of int
    size : Size
    quick : bool
        Whether a few runs will do.
    """

    recipe: Recipe
    seeds: tuple[int, ...]
    size: Size
    quick: bool

    def with_recipe(self, recipe: Recipe) -> Grid:
        """Return the grid with another recipe."""
        return replace(self, recipe=recipe)

    def dense(self) -> list[Job]:
        """Return the dense runs."""
        return grid(self.recipe, [], [], self.seeds[:1] if self.size.one_dense else self.seeds)

    def pruned(
        self,
        budgets: str,
        criteria: Sequence[str] = ("sca",),
        *,
        prefix: str = "",
        **pruning: Any,
    ) -> list[Job]:
        """Return runs for budgets such as ``cores=4,8``.

        Parameters
        ----------
        prefix : str
            Of the runs' names.
        **pruning
            Other values for the recipe's section.
        """
        base = self.recipe.pruning.model_dump(exclude_none=True)
        section = PruningConfig.model_validate({**base, **self.size.pruning, **pruning})
        recipe = self.recipe.model_copy(update={"pruning": section})
        tuning = None
        if self.size.prune_epochs is not None:
            rate = recipe.training.learning_rate / 2
            changes = {"epochs": self.size.prune_epochs, "learning_rate": rate}
            tuning = recipe.training.model_copy(update=changes)
        budget = parse_budgets([budgets])
        jobs = grid(recipe, budget, criteria, self.seeds, dense=False, tuning=tuning)
        if self.size.one_dense:
            (first,) = self.dense()
            jobs = [replace(job, start=first.name) for job in jobs]
        return [replace(job, name=prefix + job.name) for job in jobs]


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
    jobs_of: Callable[[Grid], list[Job]],
    conclude: Callable[[list[dict[str, Any]]], dict[str, Any]],
    zoo: str | None = None,
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
        Gives the runs.
    conclude : callable
        What follows from the rows of the table.
    zoo : str, optional
        The network of the recipe, of which a width can be asked for.
    """
    options = _options(name)
    size = sizes["quick" if options.quick else "full" if options.full else "normal"]
    seeds = range(options.seeds or size.seeds)
    sized = _sized(load_recipe(recipe), size, options, zoo)
    folder = make_folder(options.out)
    jobs = jobs_of(Grid(sized, tuple(seeds), size, options.quick))
    with executor(options.on, None, options.workers, options.threads, note=_note) as where:
        swept = run_sweep(jobs, folder, lava_samples=options.lava, watcher=Log(), executor=where)
    swept.check()
    results = swept.results
    rows = summary(results)
    for profile in results[0]["chips"]:
        write_text(
            folder / f"pareto-{profile}.svg",
            pareto(rows, f"cores_{profile}", f"cores, {profile}").svg(),
        )
    outcome = {
        "schema": 1,
        "experiment": name,
        "size": "quick" if options.quick else "full" if options.full else "normal",
        "recipe": as_json(sized),
        "seeds": list(seeds),
        "versions": versions(),
        "machine": machine(),
        "hours": sum(r["seconds"] for r in results) / 3600,
        "rows": rows,
        "conclusions": conclude(rows),
        "runs": [_differing(r) for r in results],
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
    parser.add_argument("--width", type=float, help="factor of the channels, of a zoo's network")
    parser.add_argument("--on", choices=["ray"], help="many runs at once, in processes of Ray")
    parser.add_argument("--workers", type=int, help="runs at once on Ray")
    parser.add_argument("--threads", type=int, help="CPU threads of each run")
    parser.add_argument("--lava", type=int, default=0, help="samples per network on Lava's backend")
    return parser.parse_args()


def _sized(recipe: Recipe, size: Size, options: argparse.Namespace, zoo: str | None) -> Recipe:
    limit = options.limit or size.limit
    root = None if options.root is None else str(options.root)
    data = {**recipe.data.model_dump(), **size.data, "root": root, "limit": limit}
    epochs = options.epochs or size.epochs
    training = {**recipe.training.model_dump(), **size.training, "epochs": epochs}
    sections = {
        "data": DataConfig.model_validate(data),
        "training": TrainingConfig.model_validate(training),
    }
    width = options.width or size.width
    if zoo is not None and width is not None:
        recipe = with_model(recipe, zoo=zoo, width=width)
    return recipe.model_copy(update=sections)


def with_model(recipe: Recipe, **model: object) -> Recipe:
    """Return the recipe with another network, neurons and initial weights as they are."""
    kept = recipe.model.model_dump(exclude={"layers", "zoo", "width", "pooling"})
    return recipe.model_copy(update={"model": ModelConfig.model_validate({**kept, **model})})


def _differing(result: Result) -> Result:
    """Return a result without what all runs of the experiment share."""
    own = {k: v for k, v in result["recipe"].items() if k in ("training", "pruning")}
    return {k: v for k, v in result.items() if k != "versions"} | {"recipe": own}


def row_of(rows: Sequence[dict[str, Any]], **wanted: object) -> dict[str, Any]:
    """Return the row with the values wanted."""
    (row,) = (r for r in rows if all(r[k] == v for k, v in wanted.items()))
    return row


def _show(rows: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    chips = [k.removeprefix("cores_") for k in rows[0] if k.startswith("cores_") and "std" not in k]
    table = Table("budget", "criterion", "from", "accuracy %", "connections %", "synops %")
    for chip in chips:
        table.add_column(f"cores {chip}", justify="right")
        table.add_column(f"total uJ {chip}", justify="right")
    for row in rows:
        table.add_row(
            f"{row['budget']} {row['amount'] or ''}", row["criterion"], row["start"],
            f"{100 * row['accuracy']:.2f} ± {100 * row['accuracy_std']:.2f}",
            f"{100 * row['connections_share']:.1f}", f"{100 * row['synops_share']:.1f}",
            *(f"{row[key]:.4g}" for c in chips for key in (f"cores_{c}", f"energy_uj_{c}")),
        )  # fmt: skip
    Console(width=140).print(table)
