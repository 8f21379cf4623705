"""Grids of runs: budgets times criteria times seeds, each trained, deployed and measured.

::

    OUT/runs/NAME/       a run each, see loihi_sca.runs.job
    OUT/results.jsonl    all results so far, a line per run, in the order of the grid
    OUT/pareto-*.svg     accuracy against cores, energy and synops, drawn by the command

A run that has its result is not run again, one that was interrupted goes on, and one that failed
is tried again, so that the same command continues a grid, whatever ended it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loihi_sca import data
from loihi_sca.config import Budget, PruningConfig, Recipe, TrainingConfig
from loihi_sca.errors import ConfigError, Interrupted
from loihi_sca.execution import Executor, Failure, Local
from loihi_sca.files import make_folder
from loihi_sca.pipeline.deploy import chips_for
from loihi_sca.planning.planner import plan_recipe
from loihi_sca.planning.rates import Rates
from loihi_sca.pruning.criteria import criterion_of
from loihi_sca.runs.job import Job, Result, Runner, check_jobs
from loihi_sca.runs.ledger import Ledger, Watcher, check_failures
from loihi_sca.training.rates import rates_of
from loihi_sca.training.session import load_split

__all__ = [
    "Job", "Result", "Swept", "Watcher", "check_budgets", "grid", "parse_budgets", "run_sweep",
]  # fmt: skip


@dataclass(frozen=True)
class Swept:
    """What came of a sweep.

    Attributes
    ----------
    results : list of Result
        In the order of the grid, without those of runs that failed.
    failures : dict of run name to Failure
    """

    results: list[Result]
    failures: dict[str, Failure] = field(default_factory=dict)

    def check(self) -> None:
        """Raise unless all runs have their result.

        Raises
        ------
        TrainingError
            Names those that have none, and the first reason.
        """
        check_failures(self.failures)


def parse_budgets(texts: Sequence[str]) -> list[Budget]:
    """Turn ``cores=8,16`` and the like into budgets; see :meth:`Budget.parse`."""
    return [budget for text in texts for budget in Budget.parse(text)]


def grid(
    recipe: Recipe,
    budgets: Sequence[Budget],
    criteria: Sequence[str],
    seeds: Sequence[int],
    objectives: Sequence[str] = (),
    dense: bool = True,
    tuning: TrainingConfig | None = None,
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
    tuning : TrainingConfig, optional
        How pruned runs train, starting from the dense network of the same seed; by default they
        train from scratch as the recipe says.

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
                    changed = {"criterion": criterion, "objective": objective}
                    pruning = base.changed(budget.as_json() | changed, f"budget {budget}")
                    training = tuning or recipe.training
                    changes = {"pruning": pruning, "training": training, "seed": seed}
                    name = f"{budget}-{criterion}-{objective}-seed{seed}"
                    start = f"dense-seed{seed}" if tuning else None
                    pruned = recipe.model_copy(update=changes)
                    jobs.append(Job(name.replace(" ", ""), pruned, budget, start))
    return jobs


def check_budgets(jobs: Sequence[Job]) -> None:
    """Plan every run, so that a budget out of reach stops a sweep before it trains for hours.

    As the pruner does before its first batch: with the measured rate of the input where what a
    network takes depends on rates.

    Raises
    ------
    ConfigError
        Names the run and how close one gets.
    InputError
        Samples are needed for a rate, and are missing or damaged.
    """
    rates: dict[str, Rates] = {}
    for job in jobs:
        pruning = job.recipe.pruning
        if pruning is None:
            continue
        criterion_of(pruning.criterion)
        measured = None
        if pruning.budget.needs_rates:
            key = f"{job.recipe.seed} {job.recipe.data!r} {job.recipe.model.neuron!r}"
            if key not in rates:
                rates[key] = rates_of(job.recipe, load_split(job.recipe, "train"))
            measured = rates[key]
        try:
            shape, classes = data.shape_as(job.recipe.data)
            plan_recipe(job.recipe, shape, classes, rates=measured)
        except ConfigError as error:
            raise ConfigError(f"{job.name}: {error}") from error


def run_sweep(
    jobs: Sequence[Job],
    folder: Path,
    *,
    profiles: Sequence[str] | None = None,
    verify_samples: int = 16,
    lava_samples: int = 0,
    watcher: Watcher | None = None,
    executor: Executor | None = None,
) -> Swept:
    """Run what is not run yet, and return all results; a run that fails is marked.

    Budgets are checked before anything is trained; one that turns out of reach while a run trains
    fails that run only.

    Parameters
    ----------
    jobs : sequence of Job
        In order.
    folder : path
        Created if needed.
    profiles : sequence of str, optional
        Chips to estimate for; by default those of Loihi 1 and 2 that hold all networks.
    verify_samples, lava_samples
        As in :func:`loihi_sca.pipeline.deploy.deploy`.
    watcher : Watcher, optional
        Told about progress.
    executor : Executor, optional
        Where runs take place, in its ``with`` block; by default in this process, one by one.

    Raises
    ------
    InputError
        A result in the folder is of another recipe, or the data are not there.
    UnsupportedLayer
        A model could not be compiled; nothing is trained.
    DoesNotFit
        One of the chips does not hold the network, whatever its size; nothing is trained.
    ConfigError
        A budget is out of reach, or a run's recipe cannot be meant: the others are likely to have
        the same mistake.
    Interrupted
        Ctrl-C; the same call goes on.
    """
    where, tell = executor or Local(), watcher or Watcher()
    chips = chips_for(*(job.recipe for job in jobs)) if profiles is None else tuple(profiles)
    runner = Runner(
        folder, chips, verify_samples, lava_samples, where.threads,
        tell.batch if where.in_process else None,
    )  # fmt: skip
    ledger = Ledger(runner, tell, len(jobs))
    to_do = [(job, n) for n, job in enumerate(jobs, start=1) if not ledger.found(job, n)]
    check_budgets([job for job, _ in to_do])
    check_jobs([job for job, _ in to_do], chips)
    make_folder(folder)
    # first those that others start from
    waves = [[(j, n) for j, n in to_do if (j.start is None) == first] for first in (True, False)]
    try:
        for wave in waves:
            for job, outcome in where.map(runner, (ledger.start(*numbered) for numbered in wave)):
                ledger.add(job, outcome)
                if isinstance(outcome, Failure) and outcome.kind == ConfigError.__name__:
                    raise ConfigError(f"{job.name}: {outcome.message}")
    except (KeyboardInterrupt, Interrupted):
        raise ledger.stopped() from None
    return Swept(ledger.table, ledger.failures)
