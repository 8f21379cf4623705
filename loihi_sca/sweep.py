"""Grids of runs: budgets times criteria times seeds, each trained, deployed and measured.

::

    OUT/runs/NAME/               a run folder, see loihi_sca.training.run
    OUT/runs/NAME/result.json    its figures, once it is over
    OUT/results.jsonl            all results so far, a line per run
    OUT/pareto.svg               accuracy against cores, energy and synops

A run that has its result is not run again, and one that was interrupted goes on, so that the same
command continues a grid, whatever ended it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from loihi_sca.config import BUDGETS, PruningConfig, Recipe
from loihi_sca.deployment import check_deployable, deploy
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.files import make_folder, write_json, write_text
from loihi_sca.training.run import load_split, train
from loihi_sca.versions import versions

SCHEMA = 1

Result: TypeAlias = dict[str, Any]
"""What a run's ``result.json`` says."""

Budget: TypeAlias = tuple[str, float | int | str]
"""Name and amount, such as ``("cores", 8)``."""


@dataclass(frozen=True)
class Job:
    """One run of a grid.

    Attributes
    ----------
    name : str
        Also of its folder.
    recipe : Recipe
        Without pruning for the dense network.
    budget : (str, amount) or None
        None if dense.
    """

    name: str
    recipe: Recipe
    budget: Budget | None

    @property
    def key(self) -> Result:
        """Return what tells the run from others."""
        pruning = self.recipe.pruning
        return {
            "run": self.name,
            "seed": self.recipe.seed,
            "criterion": None if pruning is None else pruning.criterion,
            "objective": None if pruning is None else pruning.objective,
            "budget": None if self.budget is None else dict([self.budget]),
        }


class Watcher:
    """Told about a sweep; this one is silent."""

    def start(self, job: Job, number: int, jobs: int) -> None:
        """Report that a run starts."""

    def batch(self, done: int, total: int) -> None:
        """Report progress within an epoch."""

    def result(self, result: Result, number: int, jobs: int) -> None:
        """Report a result, new or found."""


def parse_budgets(texts: Sequence[str]) -> list[Budget]:
    """Turn ``cores=8,16`` into budgets.

    Raises
    ------
    ConfigError
        There is no such budget, or an amount is no number.
    """
    found: list[Budget] = []
    for text in texts:
        name, equals, amounts = text.partition("=")
        if name not in BUDGETS or not equals:
            raise ConfigError(
                f"budget {text!r}: give NAME=AMOUNT,AMOUNT,... with one of {', '.join(BUDGETS)}."
            )
        for amount in amounts.split(","):
            found.append((name, _amount(name, amount, text)))
    return found


def _amount(name: str, amount: str, text: str) -> float | int | str:
    if name == "fits":
        return amount
    try:
        return int(amount) if name in ("cores", "synapse_words") else float(amount)
    except ValueError:
        raise ConfigError(f"budget {text!r}: {amount!r} is no number that will do.") from None


def grid(
    recipe: Recipe,
    budgets: Sequence[Budget],
    criteria: Sequence[str],
    seeds: Sequence[int],
    objectives: Sequence[str] = (),
    dense: bool = True,
) -> list[Job]:
    """Return the runs of a grid, seed by seed, so that a part of it is a grid of fewer seeds.

    Parameters
    ----------
    recipe : Recipe
        What all runs share; its budget, criterion and seed are replaced.
    budgets, criteria, seeds, objectives : sequences
        One run per combination; the recipe's own objective if none is given.
    dense : bool
        Also a run without pruning per seed.

    Raises
    ------
    ConfigError
        A budget cannot be meant.
    """
    base = recipe.pruning or PruningConfig()
    jobs = []
    for seed in seeds:
        if dense:
            unpruned = recipe.model_copy(update={"pruning": None, "seed": seed})
            jobs.append(Job(f"dense-seed{seed}", unpruned, None))
        for budget in budgets:
            for objective in objectives or (base.objective,):
                for criterion in criteria:
                    pruning = pruned_to(base, budget, criterion, objective)
                    pruned = recipe.model_copy(update={"pruning": pruning, "seed": seed})
                    name = f"{budget[0]}={budget[1]}-{criterion}-{objective}-seed{seed}"
                    jobs.append(Job(name.replace(" ", ""), pruned, budget))
    return jobs


def pruned_to(base: PruningConfig, budget: Budget, criterion: str, objective: str) -> PruningConfig:
    """Return a pruning section with another budget, criterion and objective.

    Where the kept fraction is not above the regenerated one, half of what is kept is regenerated.
    """
    values = {k: v for k, v in base.model_dump(mode="json").items() if k not in BUDGETS}
    name, amount = budget
    if name == "keep" and isinstance(amount, float):
        values["regenerate"] = min(values["regenerate"], 0.5 * amount)
    try:
        return PruningConfig.model_validate(
            {**values, name: amount, "criterion": criterion, "objective": objective}
        )
    except ValidationError as error:
        reasons = "; ".join(str(e["msg"]) for e in error.errors())
        raise ConfigError(f"budget {name}={amount}: {reasons}.") from error


def run_sweep(
    jobs: Sequence[Job],
    folder: Path,
    *,
    profiles: Sequence[str] = ("loihi1", "loihi2"),
    verify_samples: int = 16,
    lava_samples: int = 0,
    watcher: Watcher | None = None,
) -> list[Result]:
    """Run what is not run yet, one after the other, and return all results.

    Parameters
    ----------
    jobs : sequence of Job
        In order.
    folder : path
        Created if needed.
    profiles, verify_samples, lava_samples
        As in :func:`loihi_sca.deployment.deploy`.
    watcher : Watcher, optional
        Told about progress.

    Raises
    ------
    InputError
        A result in the folder is of another recipe.
    UnsupportedLayer
        A model could not be compiled; nothing is trained.
    """
    tell = watcher or Watcher()
    results: list[Result] = []
    for recipe in {job.recipe.model: job.recipe for job in jobs}.values():
        check_deployable(recipe)
    for number, job in enumerate(jobs, start=1):
        place = folder / "runs" / job.name
        result = _finished(job, place)
        if result is None:
            tell.start(job, number, len(jobs))
            checkpoint = train(job.recipe, place, resume=True, progress=tell.batch)
            deployed = deploy(
                checkpoint,
                load_split(job.recipe, "test"),
                place / "network.net",
                profiles=profiles,
                verify_samples=verify_samples,
                lava_samples=lava_samples,
            )
            result = {
                "schema": SCHEMA,
                **job.key,
                "validation_accuracy": checkpoint.best,
                **deployed.as_json(),
                "recipe": _as_json(job.recipe),
                "versions": versions(),
            }
            write_json(place / "result.json", result)
        results.append(result)
        _write_table(results, folder)
        tell.result(result, number, len(jobs))
    return results


def _finished(job: Job, place: Path) -> Result | None:
    """Return the result of a run that is over.

    Raises
    ------
    InputError
        It is of another recipe, or damaged.
    """
    path = place / "result.json"
    make_folder(place)
    if not path.is_file():
        return None
    try:
        result: Result = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}). Delete it to run again.") from error
    if result["recipe"] != _as_json(job.recipe):
        raise InputError(f"{path}: a result of another recipe. Choose another --out.")
    return result


def _as_json(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe without the place of the data, which is not what a result depends on."""
    return recipe.model_dump(mode="json", exclude_none=True, exclude={"data": {"root"}})


def _write_table(results: Sequence[Result], folder: Path) -> None:
    lines = (json.dumps(_without_details(r), allow_nan=False) + "\n" for r in results)
    write_text(folder / "results.jsonl", "".join(lines))


def _without_details(result: Result) -> Result:
    return {k: v for k, v in result.items() if k not in ("recipe", "versions")}
