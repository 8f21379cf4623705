"""Datasets by name, each with a fixed split."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.config import Encoding
from loihi_sca.data import cifar10, images, nmnist
from loihi_sca.data.encoders import BYTES_PER_SPIKE
from loihi_sca.data.samples import Images, Index, Samples, no_direct_encoding
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.memory import check_memory
from loihi_sca.network import Shape

Split: TypeAlias = Literal["train", "validation", "test"]


HELD_OUT = 10
"""One of so many training samples is for validation."""

TEST_ORDER = 0
"""Seed of the order of test samples, the same for everyone."""


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
    """

    name: str
    samples: Samples
    labels: npt.NDArray[np.int64]
    timesteps: int
    classes: int

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> Shape:
        """Shape (C, H, W) of one timestep of a sample."""
        return self.samples.shape

    def spikes(self, index: Index = slice(None)) -> npt.NDArray[np.uint8]:
        """Return samples, uint8 array (N, C, H, W, T): spikes, or mantissas if encoded directly.

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

    def pick(self, index: Index) -> Dataset:
        """Return some of the samples."""
        return replace(self, samples=self.samples.pick(index), labels=self.labels[index])

    def first(self, samples: int | None) -> Dataset:
        """Return the first samples, or all of them for None."""
        return self.pick(slice(samples))


class Known(NamedTuple):
    """A dataset that can be loaded.

    Attributes
    ----------
    read : callable
        ``read(test, root) -> (samples, labels)``.
    shape : tuple of int
    classes : int
    """

    read: Callable[[bool, Path | None], tuple[Samples, npt.NDArray[np.int64]]]
    shape: Shape
    classes: int = 10


DATASETS: dict[str, Known] = {
    "digits": Known(images.digits, (1, 8, 8)),
    "mnist": Known(images.mnist, (1, 28, 28)),
    "cifar10": Known(cifar10.read, (3, 32, 32)),
    "nmnist": Known(nmnist.read, (2, 34, 34)),
}

NAMES = tuple(DATASETS)
"""Names that :func:`load` knows."""


def shape_of(name: str) -> tuple[Shape, int]:
    """Return the shape (C, H, W) of a dataset's samples and its number of classes, unloaded.

    Raises
    ------
    ConfigError
        There is no such dataset.
    """
    return _known(name).shape, _known(name).classes


def load(
    name: str,
    *,
    split: Split = "train",
    timesteps: int = 16,
    root: Path | str | None = None,
    seed: int = 0,
    encoding: Encoding = "rate",
) -> Dataset:
    """Load a dataset.

    Parameters
    ----------
    name : str
        One of :data:`NAMES`.
    split : {"train", "validation", "test"}
        ``validation`` is a fixed tenth that ``train`` does not contain; choices are made on it,
        never on ``test``. Samples are shuffled, so that the first few stand for all: files are
        often sorted by class.
    timesteps : int
        Steps per sample.
    root : path, optional
        Folder with the dataset's files, for those that do not ship inside a dependency.
    seed : int
        Which tenth is set aside for validation.
    encoding : {"rate", "direct"}
        How images become input.

    Raises
    ------
    ConfigError
        There is no such dataset or split.
    InputError
        Its files are not where they should be, or are damaged; the message says what to put where.
        Or the split is empty: fewer than ten training samples leave none for validation.
    """
    known = _known(name)
    if split not in ("train", "validation", "test"):
        raise ConfigError(f"no split {split!r}; there are: train, validation, test.")
    folder = None if root is None else Path(root)
    if folder is not None and not folder.is_dir():
        raise InputError(f"{name}: {folder} is no folder. Give the one with the dataset's files.")
    samples, labels = known.read(split == "test", folder)
    _check_labels(name, split, len(samples), labels, known.classes)
    if isinstance(samples, Images):
        samples = replace(samples, encoding=encoding)
    else:
        no_direct_encoding(name, encoding)
    dataset = Dataset(name, samples, labels, timesteps, known.classes)
    return dataset.pick(_order(len(labels), split, seed))


def _known(name: str) -> Known:
    if name not in DATASETS:
        raise ConfigError(f"no dataset {name!r}; there are: {', '.join(NAMES)}.")
    return DATASETS[name]


def _check_labels(
    name: str, split: Split, samples: int, labels: npt.NDArray[np.int64], classes: int
) -> None:
    """Raise unless there is at least one sample for the split, and a class for each sample."""
    if len(labels) != samples:
        raise InputError(f"{name}: {samples} samples, but {len(labels)} labels; one for each.")
    if not samples:
        raise InputError(f"{name}: there are no samples in its {split} files.")
    if split == "validation" and samples < HELD_OUT:
        raise InputError(
            f"{name}: {samples} training samples, of which none is left for validation, a tenth "
            f"of them. Put at least {HELD_OUT} into the files for training."
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"{name}: labels span {labels.min()} to {labels.max()}, allowed is 0 to {classes - 1}."
        )


def _order(samples: int, split: Split, seed: int) -> npt.NDArray[np.int64]:
    """Return which samples make up a split, shuffled: files are often sorted by class."""
    if split == "test":
        return np.random.default_rng(TEST_ORDER).permutation(samples)
    order = np.random.default_rng(seed).permutation(samples)
    held_out = samples // HELD_OUT
    return order[:held_out] if split == "validation" else order[held_out:]
