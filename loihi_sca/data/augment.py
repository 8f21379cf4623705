"""Random shifts and mirrorings of training samples, for who has but few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loihi_sca.config import DataConfig
from loihi_sca.data.samples import Encoded, Index
from loihi_sca.errors import ConfigError
from loihi_sca.network import Shape

STREAM = 1
"""Sets the random numbers apart from those of the order of samples."""


@dataclass(frozen=True)
class Augmentation:
    """What becomes of each training sample in one epoch.

    Attributes
    ----------
    shifts : int array (N, 2)
        Rows and columns that a sample is moved by; what comes in is empty.
    mirrored : bool array (N,)
        Whether it is mirrored left to right.
    """

    shifts: npt.NDArray[np.int64]
    mirrored: npt.NDArray[np.bool_]

    @classmethod
    def drawn(cls, config: DataConfig, samples: int, seed: int, epoch: int) -> Augmentation:
        """Draw an epoch's, a function of seed and epoch as the order of samples is."""
        rng = np.random.default_rng([seed, epoch, STREAM])
        reach = config.shift
        shifts = rng.integers(-reach, reach, (samples, 2), dtype=np.int64, endpoint=True)
        mirrored = rng.random(samples) < (0.5 if config.mirror else 0.0)
        return cls(shifts, mirrored)

    def applied(self, spikes: Encoded, index: Index) -> Encoded:
        """Return samples, array (n, C, H, W, T), as they are in this epoch.

        Parameters
        ----------
        spikes : uint8 or int32 array (n, C, H, W, T)
        index : slice or int array (n,)
            Which of the training samples they are.
        """
        moved = np.zeros_like(spikes)
        for at, ((rows, columns), mirrored) in enumerate(
            zip(self.shifts[index], self.mirrored[index], strict=True)
        ):
            sample = spikes[at, :, :, ::-1] if mirrored else spikes[at]
            to_rows, from_rows = _overlap(int(rows), sample.shape[1])
            to_columns, from_columns = _overlap(int(columns), sample.shape[2])
            moved[at, :, to_rows, to_columns] = sample[:, from_rows, from_columns]
        return moved


def _overlap(shift: int, size: int) -> tuple[slice, slice]:
    """Return where an axis that is moved by ``shift`` is written, and what is read."""
    return slice(max(shift, 0), size + min(shift, 0)), slice(max(-shift, 0), size - max(shift, 0))


def check_augmentation(config: DataConfig, shape: Shape) -> None:
    """Raise if samples of a shape (C, H, W) could be moved out of sight, or are no maps.

    Raises
    ------
    ConfigError
        The message says how far they can be moved.
    """
    if len(shape) != 3:
        if config.shift or config.mirror:
            raise ConfigError(
                f"data.shift = {config.shift}, data.mirror = {config.mirror}: samples of "
                f"{config.name} have the shape {shape}, without rows and columns. Leave them out."
            )
        return
    least = min(shape[1:])
    if config.shift >= least:
        raise ConfigError(
            f"data.shift = {config.shift}: samples of {config.name} are {shape[1]} x {shape[2]}, "
            f"and a shift by {least} or more leaves nothing of them. Shifts of a few are usual."
        )
