"""Datasets by name, each with a fixed split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.data import encoders
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.values import Shape

Split: TypeAlias = Literal["train", "validation", "test"]

Arrays: TypeAlias = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]
"""Images (N, C, H, W) from 0 to 1 and labels (N,)."""


@dataclass(frozen=True)
class Dataset:
    """Samples as spikes, with their labels.

    Images are kept as they are and encoded when a batch is asked for, since spikes take T times
    the room.

    Attributes
    ----------
    name : str
        For people.
    images : float32 array (N, C, H, W)
        From 0 to 1.
    labels : int64 array (N,)
        Class of each sample.
    timesteps : int
        Steps T per sample.
    classes : int
        Number of classes.
    """

    name: str
    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    timesteps: int
    classes: int

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> Shape:
        """Shape (C, H, W) of one timestep of a sample."""
        return tuple(self.images.shape[1:])

    def spikes(self, index: slice | npt.NDArray[np.int64] = slice(None)) -> npt.NDArray[np.uint8]:
        """Return samples as spikes, uint8 array (N, C, H, W, T)."""
        return encoders.rate(self.images[index], self.timesteps)

    def first(self, samples: int | None) -> Dataset:
        """Return the first samples, or all of them for None."""
        return Dataset(
            self.name, self.images[:samples], self.labels[:samples], self.timesteps, self.classes
        )


def load(
    name: str,
    *,
    split: Split = "train",
    timesteps: int = 16,
    root: Path | str | None = None,
    seed: int = 0,
) -> Dataset:
    """Load a dataset.

    Parameters
    ----------
    name : str
        One of :data:`NAMES`.
    split : {"train", "validation", "test"}
        ``validation`` is a fixed tenth that ``train`` does not contain; choices are made on it,
        never on ``test``.
    timesteps : int
        Steps per sample.
    root : path, optional
        Folder with the dataset's files, for those that do not ship inside a dependency.
    seed : int
        Which tenth is set aside for validation.

    Raises
    ------
    ConfigError
        There is no such dataset or split.
    InputError
        Its files are not where they should be; the message says what to put where.
    """
    if name not in _LOADERS:
        raise ConfigError(f"no dataset {name!r}; there are: {', '.join(NAMES)}.")
    if split not in ("train", "validation", "test"):
        raise ConfigError(f"no split {split!r}; there are: train, validation, test.")
    images, labels = _LOADERS[name](split == "test", Path(root) if root is not None else None)
    if split != "test":
        kept = _split(len(labels), seed)[split]
        images, labels = images[kept], labels[kept]
    return Dataset(name, images, labels, timesteps, classes=10)


def _split(samples: int, seed: int) -> dict[str, npt.NDArray[np.int64]]:
    order = np.random.default_rng(seed).permutation(samples)
    held_out = samples // 10
    return {"validation": np.sort(order[:held_out]), "train": np.sort(order[held_out:])}


def _digits(test: bool, root: Path | None) -> Arrays:
    """Return scikit-learn's handwritten digits, 8x8 with 17 grey levels; a quarter is for testing.

    Neighbouring images come from one writer, so the test set is drawn from all over, once and for
    all: it does not depend on the recipe's seed.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[:, None]
    labels = digits.target.astype(np.int64)
    order = np.random.default_rng(1797).permutation(len(labels))
    part = np.sort(order[:450] if test else order[450:])
    return images[part], labels[part]


def _mnist(test: bool, root: Path | None) -> Arrays:
    """Return MNIST, 28x28 pixels, from ``mnist.npz`` under the root."""
    if root is None:
        raise InputError(
            "mnist needs a folder with mnist.npz (keys x_train, y_train, x_test, y_test): "
            "pass it as root (--root on the command line, data.root in a recipe)."
        )
    candidates = [root / "mnist.npz", root / "mnist" / "mnist.npz"]
    path = next((p for p in candidates if p.is_file()), None)
    if path is None:
        raise InputError(
            f"mnist: no mnist.npz in {root}. Put the file there "
            "(keys x_train, y_train, x_test, y_test; uint8 28x28)."
        )
    with np.load(path, allow_pickle=False) as arrays:
        part = "test" if test else "train"
        images = arrays[f"x_{part}"].astype(np.float32)[:, None] / 255
        return images, arrays[f"y_{part}"].astype(np.int64)


_LOADERS: dict[str, Callable[[bool, Path | None], Arrays]] = {"digits": _digits, "mnist": _mnist}

NAMES = tuple(_LOADERS)
"""Names that :func:`load` knows."""
