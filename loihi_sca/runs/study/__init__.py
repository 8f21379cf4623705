"""Studies: Optuna looks for recipes that no other beats in accuracy, cores and energy at once.

::

    OUT/study.journal           Optuna's record of the trials, from which a study goes on
    OUT/runs/trial-0000/        a run each, see loihi_sca.runs.job
    OUT/results.jsonl           all results so far, a line per trial
    OUT/front.json              the trials that no other beats, so far

Trials are judged on the validation split, by the accuracy and the costs of the deployed integers.
The test split is only reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from loihi_sca.config import Recipe
from loihi_sca.errors import ConfigError, InputError, Interrupted
from loihi_sca.execution import Executor, Failure, Local
from loihi_sca.files import make_folder, write_json
from loihi_sca.reporting.goals import OBJECTIVES, goal_of
from loihi_sca.reporting.studies import trial_rows
from loihi_sca.runs.job import Job, Result, Runner, Value, as_json, check_jobs
from loihi_sca.runs.ledger import Ledger, Watcher, check_failures
from loihi_sca.runs.study.space import Choice, Space, corners, default_space, is_budget, job_of
from loihi_sca.runs.study.space import parse_space as parse_space
from loihi_sca.runs.sweep import check_budgets

__all__ = ["OBJECTIVES", "Studied", "default_space", "parse_space", "run_study"]

OptunaStudy: TypeAlias = Any
OptunaTrial: TypeAlias = Any

SCHEMA = 1
STARTUP_TRIALS = 10
"""Trials at random, before the sampler goes by what it has seen."""

SAMPLER_SEEDS = 2**32
"""Optuna's sampler draws with NumPy's RandomState, which takes 32 bits."""


@dataclass(frozen=True)
class Studied:
    """What came of a study.

    Attributes
    ----------
    rows : list of dict
        A row per trial with a result, see :func:`row_of`.
    failures : dict of run name to Failure
        Of this call.
    """

    rows: list[dict[str, Any]]
    failures: dict[str, Failure] = field(default_factory=dict)

    @property
    def front(self) -> list[dict[str, Any]]:
        """Return the rows that no other beats in one goal without losing in another."""
        return [row for row in self.rows if row["front"]]

    def check(self) -> None:
        """Raise :class:`TrainingError` if trials failed."""
        check_failures(self.failures)


def run_study(
    recipe: Recipe,
    space: Space,
    folder: Path,
    *,
    trials: int,
    objectives: Sequence[str] = ("accuracy", "cores", "energy"),
    profile: str = "loihi2",
    verify_samples: int = 16,
    watcher: Watcher | None = None,
    executor: Executor | None = None,
) -> Studied:
    """Run trials until there are so many results, going on with what is in the folder.

    In one process the same recipe, space and seed give the same trials, whether or not the study
    was stopped in between. With several workers a trial's choice depends on what was known by then.

    Parameters
    ----------
    recipe : Recipe
        What all trials share.
    space : dict of str to Range or Choice
        See :mod:`loihi_sca.runs.study.space`.
    folder : path
        Created if needed; one command at a time.
    trials : int
        Results wanted in all. A trial that fails is marked so, and is not tried again by this call.
    objectives : sequence of str
        Of :data:`OBJECTIVES`.
    profile : str
        The chip whose costs count.
    verify_samples : int
        As in :func:`loihi_sca.pipeline.deploy.deploy`.
    watcher : Watcher, optional
        Told about progress.
    executor : Executor, optional
        Where trials take place, in its ``with`` block; by default in this process, one by one.

    Raises
    ------
    ConfigError
        Optuna is not installed, or the space has a corner that cannot be meant or reached.
    InputError
        The folder holds another study, or the data are not there.
    DoesNotFit
        The chip does not hold the network, whatever its size.
    Interrupted
        Ctrl-C; the same call goes on.
    """
    where, tell = executor or Local(), watcher or Watcher()
    jobs = [job_of(f"search {values}", recipe, values) for values in corners(space)]
    check_budgets(jobs)
    check_jobs(jobs[:1], (profile,))
    make_folder(folder)
    runner = Runner(
        folder, (profile,), verify_samples, 0, where.threads,
        tell.batch if where.in_process else None,
    )  # fmt: skip
    study = _Study(recipe, space, folder, objectives, profile)
    ledger = Ledger(runner, tell, study.length(trials))
    study.take_over(ledger)
    try:
        for job, outcome in where.map(runner, study.jobs(ledger, trials)):
            ledger.add(job, outcome)
            study.tell(job, outcome)
            _write_front(folder, study, ledger)  # of a study that is stopped, too
    except (KeyboardInterrupt, Interrupted):
        raise ledger.stopped() from None
    return _write_front(folder, study, ledger)


def _write_front(folder: Path, study: _Study, ledger: Ledger) -> Studied:
    found = Studied(study.rows(ledger.table), ledger.failures)
    write_json(folder / "front.json", {"schema": SCHEMA, **study.identity, "front": found.front})
    return found


class _Study:
    """Optuna's side: which trials there are, what to try next, what came of it."""

    def __init__(
        self, recipe: Recipe, space: Space, folder: Path, objectives: Sequence[str], profile: str
    ) -> None:
        self._optuna = _imported()
        self._recipe, self._space, self._profile = recipe, space, profile
        self._goals = {name: goal_of(name) for name in objectives}
        self.identity = {
            "recipe": as_json(recipe),
            "objectives": list(objectives),
            "profile": profile,
            "search": {name: repr(what) for name, what in space.items()},
        }
        self._study = self._opened(folder)

    def length(self, trials: int) -> int:
        """Return how many trials there will be, with those that failed before."""
        states = [t.state.name for t in self._study.get_trials(deepcopy=False)]
        return max(trials, states.count("COMPLETE")) + states.count("FAIL")

    def take_over(self, ledger: Ledger) -> None:
        """Give the results that there are to the ledger.

        Raises
        ------
        InputError
            One is missing.
        """
        for trial in self._with_state("COMPLETE"):
            job = self._job(trial)
            if not ledger.found(job, trial.number + 1):
                raise InputError(
                    f"the study has a value for {job.name}, but its result.json is gone. Choose "
                    "another --out."
                )

    def jobs(self, ledger: Ledger, trials: int) -> Iterator[Job]:
        """Yield what was under way when a study was stopped, then what to try next."""
        left = trials - len(self._with_state("COMPLETE"))
        for trial in self._with_state("RUNNING"):
            if "values" not in trial.user_attrs:  # killed before it was known what to try
                self._study.tell(trial.number, state=self._optuna.trial.TrialState.FAIL)
            elif left > 0:
                left -= 1
                yield ledger.start(self._job(trial), trial.number + 1)
        for _ in range(left):
            trial = self._asked()
            yield ledger.start(self._job(trial), trial.number + 1)

    def tell(self, job: Job, outcome: Result | Failure) -> None:
        """Let Optuna know what came of a trial."""
        number = int(job.name.rpartition("-")[2])
        if isinstance(outcome, Failure):
            self._study.tell(number, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(number, self._values(outcome))

    def rows(self, results: Sequence[Result]) -> list[dict[str, Any]]:
        """Return a row per result: what was chosen, the goals, the test accuracy, on the front."""
        best = {self._job(trial).name for trial in self._study.best_trials}
        return trial_rows(results, list(self._goals), self._profile, best)

    def _values(self, result: Result) -> list[float]:
        return [goal.of(result["validation"], self._profile) for goal in self._goals.values()]

    def _asked(self) -> OptunaTrial:
        number = len(self._study.get_trials(deepcopy=False))
        # a sampler of its own for each trial: what it suggests must not depend on how often the
        # study was stopped
        self._study.sampler = self._optuna.samplers.TPESampler(
            seed=(self._recipe.seed + number) % SAMPLER_SEEDS,
            n_startup_trials=STARTUP_TRIALS,
            constant_liar=True,
        )
        trial = self._study.ask()
        trial.set_user_attr("values", _suggested(trial, self._space))
        return trial

    def _job(self, trial: OptunaTrial) -> Job:
        values: dict[str, Value] = trial.user_attrs["values"]
        return job_of(f"trial-{trial.number:04d}", self._recipe, values)

    def _with_state(self, state: str) -> list[OptunaTrial]:
        return [t for t in self._study.get_trials(deepcopy=False) if t.state.name == state]

    def _opened(self, folder: Path) -> OptunaStudy:
        """Return the study in the folder, a new one if there is none."""
        journal = self._optuna.storages.journal
        backend = journal.JournalFileBackend(str(folder / "study.journal"))
        study = self._optuna.create_study(
            storage=journal.JournalStorage(backend),
            study_name="study",
            directions=[goal.direction for goal in self._goals.values()],
            load_if_exists=True,
        )
        known = study.user_attrs.get("identity")
        if known is None:
            study.set_user_attr("identity", self.identity)
        elif known != self.identity:
            differ = [key for key, value in self.identity.items() if known.get(key) != value]
            raise InputError(
                f"{folder} holds another study ({', '.join(differ)} differ). Choose another --out."
            )
        return study


def _suggested(trial: OptunaTrial, space: Space) -> dict[str, Value]:
    """Let Optuna choose a value for every field; of several budgets, first the kind."""
    kinds = [name for name in space if is_budget(name)]
    kind = trial.suggest_categorical("budget", kinds) if len(kinds) > 1 else None
    values: dict[str, Value] = {}
    for name, what in space.items():
        if kind is not None and is_budget(name) and name != kind:
            continue
        if isinstance(what, Choice):
            values[name] = trial.suggest_categorical(name, what.values)
        elif what.integer:
            values[name] = trial.suggest_int(name, int(what.low), int(what.high), log=what.log)
        else:
            values[name] = trial.suggest_float(name, what.low, what.high, log=what.log)
    return values


def _imported() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(
            f"a study needs Optuna ({error}): pip install 'loihi-sca[optuna]'."
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
