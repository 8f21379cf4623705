"""When the structure changes, and how far it then is from dense to what was asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from loihi_sca.config import PruningConfig
from loihi_sca.errors import ConfigError


@dataclass(frozen=True)
class UpdateSchedule:
    """Updates of the structure over a training, counted in optimizer steps.

    Attributes
    ----------
    config : PruningConfig
        What the recipe asks for.
    epochs : int
        Length of the training.
    steps_per_epoch : int
        Batches in an epoch.

    Raises
    ------
    ConfigError
        Updates are further apart than the training is long.
    """

    config: PruningConfig
    epochs: int
    steps_per_epoch: int = 1

    def __post_init__(self) -> None:
        steps = self.epochs * self.steps_per_epoch
        if self.interval > steps:
            what, unit = ("interval", "epochs")
            length = self.epochs
            if self.config.interval_steps is not None:
                what, unit, length = "interval_steps", "steps", steps
            raise ConfigError(
                f"pruning.{what} = {getattr(self.config, what)} is longer than the training of "
                f"{length} {unit}. Make it shorter, or raise training.epochs."
            )

    @property
    def interval(self) -> int:
        """Steps between updates."""
        if self.config.interval_steps is not None:
            return self.config.interval_steps
        return self.config.interval * self.steps_per_epoch

    @property
    def first(self) -> int:
        """Step (0-based) after which the first update happens."""
        return min(self._step_at(self.config.start), self.last)

    @property
    def last(self) -> int:
        """Step after which the last update happens; afterwards the structure is frozen."""
        return self._step_at(self.config.stop)

    @property
    def last_epoch(self) -> int:
        """Epoch, from 1, in which or at whose end the last update happens."""
        return self.last // self.steps_per_epoch + 1

    def _step_at(self, fraction: float) -> int:
        """Return a step: the last one of an epoch, unless updates are counted in steps."""
        epoch = min(int(fraction * self.epochs), self.epochs - 1)
        if self.config.interval_steps is None:
            return (epoch + 1) * self.steps_per_epoch - 1
        return min(int(fraction * self.epochs * self.steps_per_epoch), self._steps - 1)

    @property
    def _steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def progress_after(self, step: int) -> float | None:
        """Return how far to go after a step, from 0, dense, to 1, the target; None for no update.

        With ``p`` the part of the updates that is over: ``constant`` 1; ``cubic``
        ``1 - (1 - p)^3``, from Zhu and Gupta 2017; ``cosine`` ``(1 - cos(pi p)) / 2``.
        """
        if not self.first <= step <= self.last:
            return None
        if step != self.last and (step - self.first) % self.interval:
            return None
        if self.config.schedule == "constant" or self.first == self.last:
            return 1.0
        part = self._part_over(step)
        if self.config.schedule == "cosine":
            return 0.5 * (1 - math.cos(math.pi * part))
        return float(1 - (1 - part) ** 3)

    def regenerate_after(self, step: int) -> float:
        """Return the fraction of channels to bring back after a step.

        ``cosine``: ``(1 + cos(pi p)) / 2`` of the recipe's, which ends at none.
        """
        if self.config.regeneration == "constant":
            return self.config.regenerate
        return 0.5 * self.config.regenerate * (1 + math.cos(math.pi * self._part_over(step)))

    def is_frozen_after(self, step: int) -> bool:
        """Whether the structure no longer changes once a step is over."""
        return step >= self.last

    def _part_over(self, step: int) -> float:
        """Return the part of the updates that is over once the one after a step is."""
        updates = math.ceil((self.last - self.first) / self.interval) + 1
        done = math.ceil((step - self.first) / self.interval) + 1
        return done / updates
