"""What a report is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from loihi_sca import hardware
from loihi_sca.data import Split
from loihi_sca.errors import ConfigError
from loihi_sca.hardware import Profile
from loihi_sca.hardware.profile import CHIPS
from loihi_sca.network import Shape

SAMPLES = 1000
"""Networks are measured on at most so many."""

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, and how much of how much of it is."""


@dataclass(frozen=True)
class Options:
    """As for :func:`loihi_sca.report`."""

    data: str | None
    split: Split
    root: Path | None
    samples: int
    profiles: Sequence[str] | None
    timesteps: int | None
    input_shape: Shape | None
    tell: Progress

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ConfigError(f"samples {self.samples}: at least 1.")

    def chips(self, recorded: Sequence[str] = CHIPS) -> list[Profile]:
        """Return the chips that are asked for, or else those that a run has.

        Raises
        ------
        ConfigError
            There is no such chip.
        """
        return [hardware.load_profile(name) for name in self.profiles or recorded]
