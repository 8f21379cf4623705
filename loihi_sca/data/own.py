"""Data of one's own, in a file of NumPy or from a function."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.config import Counts
from loihi_sca.data.labels import check_labels, labels_beside
from loihi_sca.data.own_parts import Part, part_of
from loihi_sca.data.samples import Courses, Images, Recorded, Samples, of_pixels
from loihi_sca.errors import InputError
from loihi_sca.network import Shape
from loihi_sca.references import is_reference

ENDINGS = (".npy", ".npz")

HELP = (
    "module:function, or a file .npz with x_train, y_train, x_test and y_test (or x and y), or .npy"
)
"""How data of one's own are named."""


Checked: TypeAlias = tuple[Samples, npt.NDArray[np.int64], "int | None"]


def is_own(name: str) -> bool:
    """Tell whether a name is that of a file, or of a function, and not of a known dataset."""
    return name.endswith(ENDINGS) or is_reference(name)


def describe(
    name: str, root: Path | None, changes: bool = False, counts: Counts | None = None
) -> tuple[Shape, int]:
    """Return the shape (C, H, W) of a sample and the number of classes.

    That is what is given as ``classes``, or one more than the largest label to train on.

    Raises
    ------
    ConfigError, InputError
        As :func:`read`.
    """
    samples, labels, classes = _part(name, root, False, _stamp(name, root))
    _check_kind(name, samples, changes, counts)
    return samples.shape, classes or int(labels.max()) + 1


def read(
    name: str,
    test: bool,
    root: Path | None,
    changes: bool = False,
    counts: Counts | None = None,
) -> tuple[Samples, npt.NDArray[np.int64]]:
    """Return samples and labels.

    Parameters
    ----------
    name : str
        ``module:function``: called with ``split="train"`` or ``"test"``, it returns samples and
        labels, and if it likes the number of classes; without such a parameter it returns all, of
        which every fifth sample is for testing. ``FILE.npz``: arrays ``x_train``, ``y_train``,
        ``x_test``, ``y_test``, or ``x`` and ``y``, divided in the same way; ``classes`` may be
        among them. ``FILE.npy``: samples, with labels in ``FILE.labels.npy``, divided as well.
        Samples are spikes (N, C, H, W, T) or (N, C, T), 0 or 1, or counts of them, or floats of 0
        to 1 with time, that are encoded as changes; or images (N, C, H, W), float of 0
        to 1 or uint8 of 0 to 255, that are encoded. Labels are integers (N,) from 0.
    test : bool
        Whether the samples to test with are asked for.
    root : path, optional
        The folder that the file or module is in; by default the current one.
    changes : bool
        Whether floats with time are encoded as changes; else they are refused.
    counts : {"clip", "graded"}, optional
        What becomes of counts above 1; by default they are refused.

    Raises
    ------
    ConfigError
        There is no such module or function.
    InputError
        There is no such file, it holds pickled objects, arrays are missing, or they are not what
        they should be; the message says what.
    """
    samples, labels, _ = _part(name, root, test, _stamp(name, root))
    _check_kind(name, samples, changes, counts)
    if test:
        shape, _ = describe(name, root, changes, counts)
        if samples.shape != shape:
            raise InputError(
                f"{name}: samples to test with are {samples.shape}, those to train on {shape}. "
                "They must have one shape."
            )
    return samples, labels


@lru_cache(maxsize=2)
def _part(name: str, root: Path | None, test: bool, stamp: object) -> Checked:
    """Return one side of the data; kept, since each split and the shape are of the same arrays.

    Functions are called once: what they draw at random must not differ between two splits.
    """
    del stamp  # what was read is kept as long as that is the same
    part = part_of(name, root, test)
    return *_checked(name, "test" if test else "train", part), part.classes


def _stamp(name: str, root: Path | None) -> object:
    """Return what changes when other data are meant by the same name."""
    place = Path.cwd() if root is None else root.absolute()
    path = place / name
    if is_reference(name) or not path.is_file():
        return place
    beside = [p for p in (path, labels_beside(path)) if p.is_file()]
    return place, *((p.stat().st_mtime_ns, p.stat().st_size) for p in beside)


def _checked(name: str, split: str, part: Part) -> tuple[Samples, npt.NDArray[np.int64]]:
    x, labels = part.samples, part.labels
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise InputError(
            f"{name}: labels to {split} must be integers of shape (N,), one per sample, got "
            f"{labels.dtype} of shape {labels.shape}."
        )
    if x.ndim not in (3, 4, 5):
        raise InputError(
            f"{name}: samples to {split} must be spikes (N, C, H, W, T) or (N, C, T), or images "
            f"(N, C, H, W), got shape {x.shape}. Axes of length 1 are added with x[:, None]."
        )
    if not x.size or len(labels) != len(x):
        raise InputError(f"{name}: {len(x)} samples of shape {x.shape[1:]} to {split}, but "
                         f"{len(labels)} labels; one for each, and at least one.")  # fmt: skip
    check_labels(f"{name} ({split})", int(labels.min()), int(labels.max()), part.classes)
    return _images(name, x) if x.ndim == 4 else _spikes(name, x), labels.astype(np.int64)


def _spikes(name: str, x: npt.NDArray[Any]) -> Recorded | Courses:
    """Return spikes or counts of them, or values from 0 to 1 that change in time."""
    if x.dtype.kind not in "biuf":
        raise InputError(f"{name}: spikes must be integers, got {x.dtype}.")
    whole, most = True, 0
    for sample in x:  # one at a time: a file need not fit into memory
        low, high = sample.min(), sample.max()
        if not low >= 0 or (x.dtype.kind == "f" and not high <= 1):
            raise _no_spikes(name, sample)
        most = max(most, int(high))
        whole = whole and (x.dtype.kind != "f" or bool(((sample == 0) | (sample == 1)).all()))
    order = np.arange(len(x))
    return Recorded(x, order, most=max(most, 1)) if whole else Courses(x, order)


def _check_kind(name: str, samples: Samples, changes: bool, counts: Counts | None) -> None:
    """Raise if values change in time and are not encoded as changes, or counts are above 1."""
    if isinstance(samples, Courses) and not changes:
        raise _no_spikes(name, samples.values)
    if isinstance(samples, Recorded) and samples.most > 1 and counts is None:
        raise _no_spikes(name, samples.values)


def _no_spikes(name: str, values: npt.NDArray[Any]) -> InputError:
    """Return the error that values with time are no spikes."""
    return InputError(
        f"{name}: spikes must be 0 or 1, got values from {values.min()} to {values.max()}. "
        'Counts: clip them, data.counts = "clip", which loses some; take more and shorter '
        'timesteps; or have them drive neurons at the input, data.counts = "graded". Signs belong '
        "into channels of their own; floats of 0 to 1 that change in time are encoded by "
        'data.encoding = "delta"; values without time are images (N, C, H, W), of one channel '
        "x[:, None]."
    )


def _images(name: str, x: npt.NDArray[Any]) -> Images:
    if x.dtype == np.uint8:
        return of_pixels(name, x)
    if x.dtype.kind not in "bf":
        raise InputError(f"{name}: images must be float of 0 to 1 or uint8, got {x.dtype}.")
    low, high = float(x.min()), float(x.max())
    if not 0 <= low <= high <= 1:
        raise InputError(
            f"{name}: images must have values from 0 to 1, got {low:g} to {high:g}. Scale them, or "
            "give uint8 of 0 to 255."
        )
    return Images(x.astype(np.float32))
