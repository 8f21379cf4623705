"""Progress of training for people, on stderr."""

from __future__ import annotations

from types import TracebackType

from rich.progress import TaskID
from typing_extensions import Self

from loihi_sca.cli.output import progress_bar, status
from loihi_sca.training.epoch import Epoch


class TrainingProgress:
    """A bar over the batches of an epoch and a line per finished epoch.

    Without a terminal there is no bar, and a line only for every tenth of the training, so that
    logs stay short.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self._bar = progress_bar()
        self._task: TaskID | None = None
        self._number = 1

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def batch(self, done: int, total: int) -> None:
        """Move the bar."""
        if self._task is None:
            self._task = self._bar.add_task(f"epoch {self._number}/{self.epochs}", total=total)
        self._bar.update(self._task, completed=done, total=total)

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        status.print(f"note: {text}", highlight=False, markup=False, soft_wrap=True)

    def epoch(self, label: str, epoch: Epoch) -> None:
        """Report an epoch and make the bar ready for the next."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        self._number = epoch.number + 1
        every = max(1, self.epochs // 10)
        if status.is_terminal or epoch.number % every == 0 or epoch.number == self.epochs:
            alive = " ".join(f"{name}:{count}" for name, count in epoch.alive.items())
            status.print(
                f"{label} epoch {epoch.number}/{self.epochs}  loss {epoch.loss:.3f}  "
                f"validation {100 * epoch.validation_accuracy:.1f} %  alive {alive}",
                highlight=False,
                soft_wrap=True,
            )
