"""What has come of the runs of a sweep or a study: one table, the failures, and who is told."""

from __future__ import annotations

import json
from collections.abc import Mapping

from loihi_sca.errors import Interrupted, TrainingError
from loihi_sca.execution import Failure
from loihi_sca.files import write_text
from loihi_sca.runs.job import Job, Result, Runner


class Watcher:
    """Told about a sweep or a study; this one is silent."""

    def start(self, job: Job, number: int, jobs: int) -> None:
        """Report that a run starts."""

    def batch(self, done: int, total: int) -> None:
        """Report progress within an epoch, of a run in this process."""

    def result(self, result: Result, number: int, jobs: int) -> None:
        """Report a result, new or found."""

    def failure(self, job: Job, failure: Failure, number: int, jobs: int) -> None:
        """Report a run without a result."""


class Ledger:
    """What has come of the runs so far: keeps the table, marks failures, tells the watcher.

    Parameters
    ----------
    runner : Runner
        Of the runs.
    watcher : Watcher
        Told about each.
    total : int
        Number of runs.

    Attributes
    ----------
    results : dict of run name to Result
    failures : dict of run name to Failure
    """

    def __init__(self, runner: Runner, watcher: Watcher, total: int) -> None:
        self._runner, self._tell, self._total = runner, watcher, total
        self._numbers: dict[str, int] = {}
        self.results: dict[str, Result] = {}
        self.failures: dict[str, Failure] = {}

    @property
    def table(self) -> list[Result]:
        """Return the results, in the order of their numbers."""
        return [self.results[n] for n in sorted(self.results, key=self._numbers.__getitem__)]

    def start(self, job: Job, number: int) -> Job:
        """Note that a run starts; its number counts from 1."""
        self._numbers[job.name] = number
        self._tell.start(job, number, self._total)
        return job

    def found(self, job: Job, number: int) -> bool:
        """Take over the result of a run if it is over already, and return whether it is."""
        result = self._runner.finished(job)
        if result is not None:
            self._numbers[job.name] = number
            self._take(job, result)
        return result is not None

    def add(self, job: Job, outcome: Result | Failure) -> None:
        """Write down what came of a run that has started."""
        if isinstance(outcome, Failure):
            self._runner.mark(job, outcome)
            self.failures[job.name] = outcome
            self._tell.failure(job, outcome, self._numbers[job.name], self._total)
        else:
            self._take(job, outcome)

    def stopped(self) -> Interrupted:
        """Return the error that says what is done and how to go on."""
        return Interrupted(
            f"stopped with {len(self.results)} of {self._total} runs done. The same command goes "
            "on, also with those under way."
        )

    def _take(self, job: Job, result: Result) -> None:
        self.results[job.name] = result
        lines = (json.dumps(_without_details(r), allow_nan=False) + "\n" for r in self.table)
        write_text(self._runner.folder / "results.jsonl", "".join(lines))
        self._tell.result(result, self._numbers[job.name], self._total)


def check_failures(failures: Mapping[str, Failure]) -> None:
    """Raise if there are any.

    Raises
    ------
    TrainingError
        Names the runs, and the first reason.
    """
    if not failures:
        return
    names = ", ".join(failures)
    first = next(iter(failures.values()))
    raise TrainingError(
        f"{len(failures)} runs failed: {names}. The first with {first.kind}: {first.message} The "
        "results of the others stand; the same command tries these again."
    )


def _without_details(result: Result) -> Result:
    return {k: v for k, v in result.items() if k not in ("recipe", "versions")}
