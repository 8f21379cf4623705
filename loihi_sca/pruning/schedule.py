"""When the structure changes and how sparse it then is."""

from __future__ import annotations

from dataclasses import dataclass

from loihi_sca.config import PruningConfig


@dataclass(frozen=True)
class Schedule:
    """Updates of the structure over a training of a given length.

    Attributes
    ----------
    config : PruningConfig
        What the recipe asks for.
    epochs : int
        Length of the training.
    """

    config: PruningConfig
    epochs: int

    @property
    def first(self) -> int:
        """Epoch (0-based) at whose end the first update happens."""
        return min(int(self.config.start * self.epochs), self.last)

    @property
    def last(self) -> int:
        """Epoch at whose end the last update happens; afterwards the structure is frozen."""
        return min(int(self.config.stop * self.epochs), self.epochs - 1)

    def keep_after(self, epoch: int) -> float | None:
        """Return the fraction of channels to keep at the end of an epoch, None for no update.

        ``cubic``: ``keep + (1 - keep) (1 - progress)^3``, from Zhu and Gupta 2017.
        """
        if not self.first <= epoch <= self.last:
            return None
        if epoch != self.last and (epoch - self.first) % self.config.interval:
            return None
        if self.config.schedule == "constant" or self.first == self.last:
            return self.config.keep
        progress = (epoch - self.first + 1) / (self.last - self.first + 1)
        return self.config.keep + (1 - self.config.keep) * float(1 - progress) ** 3

    def is_frozen_after(self, epoch: int) -> bool:
        """Whether the structure no longer changes once an epoch is over."""
        return epoch >= self.last
