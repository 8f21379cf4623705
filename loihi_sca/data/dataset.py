"""Samples with their labels, as a network takes them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from loihi_sca.data.encoders import BYTES_PER_SPIKE
from loihi_sca.data.samples import Encoded, Images, Index, Samples
from loihi_sca.memory import check_memory
from loihi_sca.network import Shape


@dataclass(frozen=True)
class Dataset:
    """Samples as a network takes them, with their labels.

    Attributes
    ----------
    name : str
        For people.
    samples : Samples
        Images or recordings; encoded when a batch is asked for.
    labels : int64 array (N,)
        Class of each sample.
    timesteps : int
        Steps T per sample.
    classes : int
        Number of classes.
    skipped : tuple of str
        What is wrong with recordings that were left out, on request.
    """

    name: str
    samples: Samples
    labels: npt.NDArray[np.int64]
    timesteps: int
    classes: int
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> Shape:
        """Shape (C, H, W) of one timestep of a sample."""
        return self.samples.shape

    def spikes(self, index: Index = slice(None)) -> Encoded:
        """Return samples, uint8 array (N, C, H, W, T): spikes, or mantissas if encoded directly.

        Mantissas of graded counts are int32.

        Raises
        ------
        InputError
            They take more memory than there is.
        """
        chosen = len(self.labels[index])
        check_memory(
            f"{chosen} encoded samples of {self.name}, of {self.timesteps} timesteps each,",
            math.prod((chosen, *self.shape, self.timesteps, BYTES_PER_SPIKE)),
            "Take fewer samples at once, or fewer timesteps.",
        )
        return self.samples.encoded(index, self.timesteps)

    def distinct(self, index: Index = slice(None)) -> Encoded:
        """Return samples as :meth:`spikes` does, but one step (N, C, H, W, 1) if all are alike."""
        if isinstance(self.samples, Images) and self.samples.are_constant:
            return self.samples.encoded(index, 1)
        return self.spikes(index)

    def pick(self, index: Index) -> Dataset:
        """Return some of the samples."""
        return replace(self, samples=self.samples.pick(index), labels=self.labels[index])

    def first(self, samples: int | None) -> Dataset:
        """Return the first samples, or all of them for None."""
        return self.pick(slice(samples))
