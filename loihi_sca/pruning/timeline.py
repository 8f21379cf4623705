"""Where in its schedule a training is, and whether an update of the structure is due."""

from __future__ import annotations

from dataclasses import dataclass

from loihi_sca.pruning.schedule import UpdateSchedule


@dataclass(frozen=True)
class Aim:
    """What an update shall bring about.

    Attributes
    ----------
    progress : float
        How far to go from the dense network, 0, to the budget, 1.
    regenerate : float
        Fraction of the channels to bring back.
    """

    progress: float
    regenerate: float


@dataclass
class Timeline:
    """Counts the steps of a training and notes when an update is due.

    Attributes
    ----------
    schedule : UpdateSchedule or None
        Without one, no update is ever due.
    done : int
        Steps done.
    is_due : bool
        Whether an update is due. It stays so until :meth:`settle` is called, thus beyond an update
        that fails.
    """

    schedule: UpdateSchedule | None
    done: int = 0
    is_due: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the structure will not change any more."""
        over = self.schedule is not None and self.schedule.is_frozen_after(self.done - 1)
        return over and not self.is_due

    def count(self) -> None:
        """Note that a step is done."""
        if self.schedule is not None and self.schedule.progress_after(self.done) is not None:
            self.is_due = True
        self.done += 1

    def aim(self) -> Aim | None:
        """Return the aim of the update at hand; None where the schedule has none here.

        That happens after an update that has failed: a later one makes up for it.
        """
        if self.schedule is None:
            return None
        step = min(self.done - 1, self.schedule.last)
        progress = self.schedule.progress_after(step)
        return None if progress is None else Aim(progress, self.schedule.regenerate_after(step))

    def settle(self) -> None:
        """Note that what was due is done."""
        self.is_due = False
