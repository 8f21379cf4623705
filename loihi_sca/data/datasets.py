"""Datasets by name, known ones and one's own, each with a fixed split."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.config import Encoding
from loihi_sca.data import cifar10, images, nmnist, own
from loihi_sca.data.encoders import BYTES_PER_SPIKE
from loihi_sca.data.samples import Images, Index, Recorded, Samples, no_direct_encoding
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.memory import check_memory
from loihi_sca.network import Shape
from loihi_sca.toml_files import suggestion

Split: TypeAlias = Literal["train", "validation", "test"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")


HELD_OUT = 10
"""One of so many training samples is for validation."""

DEFAULT_STEPS = 16

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


def shape_of(name: str, root: Path | str | None = None) -> tuple[Shape, int]:
    """Return the shape (C, H, W) of a dataset's samples and its number of classes.

    Known datasets are not loaded for that.

    Raises
    ------
    ConfigError
        There is no such dataset.
    InputError
        It is an own one, and cannot be read.
    """
    known = _known(name, _folder(name, root))
    return known.shape, known.classes


def load(
    name: str,
    *,
    split: Split = "train",
    timesteps: int | None = None,
    root: Path | str | None = None,
    seed: int = 0,
    encoding: Encoding = "rate",
) -> Dataset:
    """Load a dataset, a known one or your own.

    Parameters
    ----------
    name : str
        One of :data:`NAMES`; or your own: ``module:function``, ``FILE.npz`` or ``FILE.npy``, see
        :func:`loihi_sca.data.own.read`.
    split : {"train", "validation", "test"}
        ``validation`` is a fixed tenth that ``train`` does not contain; choices are made on it,
        never on ``test``. Samples are shuffled, so that the first few stand for all: files are
        often sorted by class.
    timesteps : int, optional
        Steps per sample; by default 16, or what own spikes have.
    root : path, optional
        Folder with the dataset's files, for those that do not ship inside a dependency.
    seed : int
        Which tenth is set aside for validation.
    encoding : {"rate", "direct"}
        How images become input.

    Raises
    ------
    ConfigError
        There is no such dataset or split, or own spikes have other timesteps.
    InputError
        Its files are not where they should be, or are damaged; the message says what to put where.
        Or the split is empty: fewer than ten training samples leave none for validation.

    Examples
    --------
    >>> import loihi_sca
    >>> digits = loihi_sca.load_data("digits", split="test", timesteps=4)
    >>> len(digits), digits.classes, digits.first(2).spikes().shape
    (450, 10, (2, 1, 8, 8, 4))
    """
    if split not in SPLITS:
        raise ConfigError(f"no split {split!r}; there are: {', '.join(SPLITS)}.")
    folder = _folder(name, root)
    known = _known(name, folder)
    samples, labels = known.read(split == "test", folder)
    _check_labels(name, split, len(samples), labels, known.classes)
    if isinstance(samples, Images):
        samples = replace(samples, encoding=encoding)
    else:
        no_direct_encoding(name, encoding)
    steps = _steps(name, samples, timesteps)
    dataset = Dataset(name, samples, labels, steps, known.classes)
    return dataset.pick(_order(len(labels), split, seed))


def _folder(name: str, root: Path | str | None) -> Path | None:
    folder = None if root is None else Path(root)
    if folder is not None and not folder.is_dir():
        raise InputError(f"{name}: {folder} is no folder. Give the one with the dataset's files.")
    return folder


def _known(name: str, root: Path | None) -> Known:
    if name in DATASETS:
        return DATASETS[name]
    if own.is_own(name):
        return Known(partial(own.read, name), *own.describe(name, root))
    hint = suggestion(name, NAMES) or "."
    raise ConfigError(
        f"no dataset {name!r}; there are: {', '.join(NAMES)}{hint} Your own are {own.HELP}."
    )


def _steps(name: str, samples: Samples, timesteps: int | None) -> int:
    if not isinstance(samples, Recorded):
        return DEFAULT_STEPS if timesteps is None else timesteps
    if timesteps not in (None, samples.timesteps):
        raise ConfigError(
            f"{name}: its samples have {samples.timesteps} timesteps, and {timesteps} are asked "
            f"for. Give timesteps = {samples.timesteps} (data.timesteps in a recipe), or other "
            "samples."
        )
    return samples.timesteps


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
