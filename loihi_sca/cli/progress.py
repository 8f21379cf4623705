"""Progress of training for people, on stderr."""

from __future__ import annotations

from rich.progress import TaskID

from loihi_sca.cli.output import Bar, status
from loihi_sca.training.epoch import Epoch


class TrainingProgress(Bar):
    """A bar over the whole training, with the time that is left, and a line per finished epoch.

    Without a terminal there is no bar, and a line only for every tenth of the training, so that
    logs stay short.

    Parameters
    ----------
    epochs : int
        Length of the training.
    done : int
        Epochs that are over already.
    silent : bool
        Show nothing at all, as all but one of several processes do.
    """

    def __init__(self, epochs: int, *, done: int = 0, silent: bool = False) -> None:
        super().__init__(silent=silent)
        self.epochs = epochs
        self._task: TaskID | None = None
        self._number = done + 1

    def batch(self, done: int, total: int) -> None:
        """Move the bar."""
        if self._task is None:
            self._task = self._bar.add_task(self._title, total=self.epochs * total)
        completed = (self._number - 1) * total + done
        self._bar.update(
            self._task, description=self._title, completed=completed, total=self.epochs * total
        )

    def epoch(self, label: str, epoch: Epoch) -> None:
        """Report an epoch: how well it went, and per block the channels alive and their rate."""
        last = epoch.number == self.epochs
        if last and self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        self._number = 1 if last else epoch.number + 1
        every = max(1, self.epochs // 10)
        if self.silent or not (status.is_terminal or epoch.number % every == 0 or last):
            return
        blocks = "  ".join(
            f"{name} {epoch.alive.get(name, '')} at {rate:.3f}".replace("  ", " ")
            for name, rate in epoch.rates.items()
        )
        status.print(
            f"{label} epoch {epoch.number}/{self.epochs}  loss {epoch.loss:.3f}  "
            f"accuracy {100 * epoch.accuracy:.1f} %  "
            f"validation {100 * epoch.validation_accuracy:.1f} %  channels and rates: {blocks}",
            highlight=False,
            soft_wrap=True,
        )

    @property
    def _title(self) -> str:
        return f"epoch {self._number}/{self.epochs}"
