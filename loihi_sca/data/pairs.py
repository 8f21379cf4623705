"""Data of one's own, as arrays: images, or spikes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.data.datasets import Dataset
from loihi_sca.data.samples import Images, Index, Samples
from loihi_sca.errors import InputError
from loihi_sca.network import Shape

TEST_PART = 5
"""Without test samples of its own, every so manieth of the data is kept for testing."""


@dataclass(frozen=True)
class SpikeTrains:
    """Samples that are spikes already.

    Attributes
    ----------
    values : uint8 array (N, C, H, W, T) or (N, C, T)
    """

    values: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> Shape:
        """Shape of one timestep of a sample."""
        return tuple(self.values.shape[1:-1])

    @property
    def are_mantissas(self) -> bool:
        """Whether they drive neurons at the input: no, they are spikes."""
        return False

    def pick(self, index: Index) -> SpikeTrains:
        """Return some of the samples."""
        return SpikeTrains(self.values[index])

    def encoded(self, index: Index, timesteps: int) -> npt.NDArray[np.uint8]:
        """Return samples as they are."""
        return self.values[index]


def split_of(name: str, arrays: object, timesteps: int | None = None) -> tuple[Dataset, Dataset]:
    """Return data for training and for testing from arrays.

    Parameters
    ----------
    name : str
        For messages.
    arrays : mapping or tuple
        ``x`` and ``y``, or ``x_train``, ``y_train``, ``x_test`` and ``y_test``; or ``(x, y)`` or
        ``((x, y), (x, y))``. Without test samples every fifth sample is kept for testing.
    timesteps : int, optional
        ``x`` are images, (N, H, W) or (N, C, H, W), floats from 0 to 1 or uint8: they become so
        many steps of spikes. Without, ``x`` are spikes (N, C, H, W, T) or (N, C, T).

    Raises
    ------
    InputError
        Arrays are missing, or of other kinds.
    """
    train, test = _pairs(name, arrays)
    if test is not None:
        return _dataset(name, *train, timesteps), _dataset(name, *test, timesteps)
    whole = _dataset(name, *train, timesteps)
    tests = np.arange(len(whole)) % TEST_PART == TEST_PART - 1
    return whole.pick(np.flatnonzero(~tests)), whole.pick(np.flatnonzero(tests))


def read_archive(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read an ``.npz`` archive; never a pickle.

    Raises
    ------
    InputError
        There is none, or it is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file.") from error
    except Exception as error:  # numpy raises what zip, zlib and its own parser raise
        raise InputError(f"{path}: no .npz archive of arrays, or damaged ({error}).") from error


Pair = tuple[Any, Any]


def _pairs(name: str, arrays: object) -> tuple[Pair, Pair | None]:
    if isinstance(arrays, Mapping):
        if {"x_train", "y_train", "x_test", "y_test"} <= arrays.keys():
            train, test = ((arrays[f"x_{s}"], arrays[f"y_{s}"]) for s in ("train", "test"))
            return train, test
        if {"x", "y"} <= arrays.keys():
            return (arrays["x"], arrays["y"]), None
        raise InputError(
            f"{name}: holds {', '.join(map(str, arrays))}; must hold x and y, or x_train, y_train, "
            "x_test and y_test."
        )
    if isinstance(arrays, tuple | list) and len(arrays) == 2:
        if all(isinstance(part, tuple | list) and len(part) == 2 for part in arrays):
            return tuple(arrays[0]), tuple(arrays[1])
        return tuple(arrays), None
    raise InputError(
        f"{name}: gives a {type(arrays).__name__}; must be (x, y) or a dict of arrays."
    )


def _dataset(name: str, x: Any, y: Any, timesteps: int | None) -> Dataset:
    values, labels = np.asarray(x), np.asarray(y)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or len(labels) != len(values):
        raise InputError(
            f"{name}: labels of shape {labels.shape} and type {labels.dtype} for {len(values)} "
            "samples; must be one whole number per sample."
        )
    if not len(labels) or labels.min() < 0:
        raise InputError(f"{name}: no samples, or labels below 0.")
    samples: Samples
    if timesteps is not None:
        samples, steps = _images(name, values), timesteps
    else:
        samples, steps = _spikes(name, values), int(values.shape[-1])
    return Dataset(name, samples, labels.astype(np.int64), steps, int(labels.max()) + 1)


def _images(name: str, values: npt.NDArray[Any]) -> Images:
    if values.ndim not in (3, 4):
        raise InputError(
            f"{name}: x of shape {values.shape} are no images (N, H, W) or (N, C, H, W). Leave out "
            "the number of timesteps if they are spikes, time last."
        )
    maps = values[:, None] if values.ndim == 3 else values
    if values.dtype == np.uint8:
        return Images(maps, 255.0)
    return Images(maps.astype(np.float32))


def _spikes(name: str, values: npt.NDArray[Any]) -> SpikeTrains:
    if values.ndim not in (3, 5) or not bool(((values == 0) | (values == 1)).all()):
        raise InputError(
            f"{name}: x of shape {values.shape} and type {values.dtype} are no spikes, zeros and "
            "ones (N, C, H, W, T) or (N, C, T). Give the number of timesteps if they are images."
        )
    return SpikeTrains(values.astype(np.uint8))
