"""Progress of the runs of a sweep or a study for people, on stderr."""

from __future__ import annotations

from collections.abc import Callable

from rich.markup import escape

from loihi_sca.cli.output import Bar, status
from loihi_sca.execution import Failure
from loihi_sca.runs.job import Job, Result
from loihi_sca.runs.ledger import Watcher


class RunProgress(Bar, Watcher):
    """A line per run that starts or ends, and a bar over the epochs of all, with the time left.

    Parameters
    ----------
    epochs : int
        Of all runs together.
    epochs_done : callable
        Tells how many epochs a run has behind it, whichever process does it.
    """

    def __init__(self, epochs: int, epochs_done: Callable[[Job], int]) -> None:
        super().__init__()
        self._epochs_done = epochs_done
        self._over = 0.0
        self._running: dict[str, tuple[Job, float]] = {}
        self._task = self._bar.add_task("epochs of all runs", total=epochs)

    def start(self, job: Job, number: int, jobs: int) -> None:
        """Report that a run starts, or goes on."""
        done = self._epochs_done(job)
        self._running[job.name] = job, done
        after = f", going on after epoch {done}" if done else ""
        status.print(f"[bold]{number}/{jobs}[/] {escape(job.name)}{after}", highlight=False)
        self._show()

    def batch(self, done: int, total: int) -> None:
        """Move the bar within an epoch of the only run under way."""
        for name, (job, _) in self._running.items():
            epochs = self._epochs_done(job) if done == 1 else int(self._running[name][1])
            self._running[name] = job, epochs + min(done / total, 0.999)
        self._show()

    def tick(self) -> None:
        """Look how far the runs in other processes are."""
        for name, (job, _) in self._running.items():
            self._running[name] = job, self._epochs_done(job)
        self._show()

    def result(self, result: Result, number: int, jobs: int) -> None:
        """Print the figures of a run."""
        self._end(result["run"], result["recipe"]["training"]["epochs"])
        cores = ", ".join(f"{c['cores']} cores on {n}" for n, c in result["chips"].items())
        status.print(
            f"{number}/{jobs} {escape(result['run'])}: {100 * result['accuracy']:.2f} %, "
            f"{cores}, {result['synops']:,.0f} synops",
            highlight=False,
            soft_wrap=True,
        )

    def failure(self, job: Job, failure: Failure, number: int, jobs: int) -> None:
        """Print why a run has no result."""
        self._end(job.name, job.recipe.training.epochs)
        status.print(
            f"{number}/{jobs} {escape(job.name)} [red]failed[/], {failure.kind}: "
            f"{escape(failure.message)}",
            highlight=False,
            soft_wrap=True,
        )

    def _end(self, name: str, epochs: int) -> None:
        self._running.pop(name, None)
        self._over += epochs
        self._show()

    def _show(self) -> None:
        under_way = sum(done for _, done in self._running.values())
        self._bar.update(self._task, completed=self._over + under_way)
