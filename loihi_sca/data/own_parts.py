"""Where data of one's own are read from: files of NumPy, or a function."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loihi_sca.data.arrays import opened_npz, read_npy
from loihi_sca.data.labels import MOST_CLASSES, labels_beside
from loihi_sca.data.splits import side_of
from loihi_sca.errors import InputError, LoihiScaError
from loihi_sca.references import import_reference, is_reference

WHOLE = frozenset({"x", "y"})
"""Arrays of an archive that is divided."""

SIDES = frozenset({"x_train", "y_train", "x_test", "y_test"})


class Part(NamedTuple):
    """Training or test samples, as they were given."""

    samples: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    classes: int | None


def part_of(name: str, root: Path | None, test: bool) -> Part:
    """Return one side of the data that a file or a function gives, as it gives them.

    Raises
    ------
    ConfigError
        There is no such module or function.
    InputError
        There is no such file, it is damaged or holds pickled objects, or arrays are missing.
    """
    return _called(name, root, test) if is_reference(name) else _from_file(name, root, test)


def _from_file(name: str, root: Path | None, test: bool) -> Part:
    path = Path(name) if root is None else root / name
    if name.endswith(".npz"):
        return _from_npz(path, test)
    beside = labels_beside(path)
    if path.is_file() and not beside.is_file():
        raise InputError(
            f"{path}: there are no labels; put them into {beside.name} beside it, or samples and "
            "labels as x and y into one .npz."
        )
    return _divided(read_npy(path, memory_map=True), read_npy(beside), None, test)


def _called(name: str, root: Path | None, test: bool) -> Part:
    split = "test" if test else "train"
    function = import_reference(name, root)
    knows_splits = _knows_splits(function)
    how = {"split": split} if knows_splits else {}
    told = f"{name} is called{f' with {split=}' if how else ''} and returns samples and labels"
    if not callable(function):
        raise InputError(f"{told}; it is no function, but {type(function).__name__}.")
    try:
        found = function(**how)
    except LoihiScaError:
        raise
    except Exception as error:
        raise InputError(f"{told}; it raised {type(error).__name__}: {error}") from error
    if not isinstance(found, tuple | list) or len(found) not in (2, 3):
        length = f" of {len(found)}" if isinstance(found, tuple | list | dict) else ""
        raise InputError(
            f"{told}, and if it likes the classes; got {type(found).__name__}{length}."
        )
    samples, labels = (_as_array(name, what, x) for what, x in zip("xy", found, strict=False))
    classes = _as_classes(name, found[2] if len(found) == 3 else None)
    if knows_splits:
        return Part(samples, labels, classes)
    return _divided(samples, labels, classes, test)


def _knows_splits(function: Any) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):  # some builtins have none
        return True
    return any(p.name == "split" or p.kind is p.VAR_KEYWORD for p in parameters)


def _from_npz(path: Path, test: bool) -> Part:
    part = "test" if test else "train"
    try:
        with opened_npz(path) as arrays:
            keys = set(arrays.files)
            classes = _as_classes(str(path), arrays["classes"] if "classes" in keys else None)
            whole = _check_names(path, keys - {"classes"})
            if whole:
                return _divided(arrays["x"], arrays["y"], classes, test)
            return Part(arrays[f"x_{part}"], arrays[f"y_{part}"], classes)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {_about(error)}") from error


def _check_names(path: Path, names: set[str]) -> bool:
    """Return whether an archive is to be divided; raise if it holds other arrays than are read."""
    whole = WHOLE <= names and not {"x_train", "x_test"} & names
    read = WHOLE if whole else SIDES
    missing, unknown = sorted(read - names), sorted(names - read)
    if missing:
        raise InputError(
            f"{path}: has no {', '.join(missing)}; there are "
            f"{', '.join(sorted(names)) or 'no arrays'}. Give x_train, y_train, x_test and "
            "y_test, or x and y."
        )
    if unknown:
        raise InputError(
            f"{path}: {', '.join(unknown)} would not be read beside {', '.join(sorted(read))}. "
            "Take them out; what validates is drawn from the samples to train on."
        )
    return whole


def _about(error: Exception) -> str:
    if "pickle" in str(error):
        return (
            "holds pickled objects, or is a pickle. These are not read, since a pickle may run "
            "anything; save plain arrays with numpy.savez."
        )
    return f"not an .npz archive, or damaged ({error})."


def _divided(
    samples: npt.NDArray[Any], labels: npt.NDArray[Any], classes: int | None, test: bool
) -> Part:
    """Return one side of a fixed split."""
    if samples.ndim == 0 or labels.shape[:1] != samples.shape[:1]:
        return Part(samples, labels, classes)  # which is refused for what it is
    chosen = side_of(len(samples), test)
    if classes is None and labels.dtype.kind in "iu" and labels.ndim == 1 and labels.size:
        classes = int(labels.max()) + 1  # all of them are known, on whichever side they fall
    return Part(samples[chosen], labels[chosen], classes)


def _as_array(name: str, what: str, value: object) -> npt.NDArray[Any]:
    try:
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        side = "samples" if what == "x" else "labels"
        raise InputError(f"{name}: the {side} are no array ({error}).") from error


def _as_classes(name: str, value: Any) -> int | None:
    if value is None:
        return None
    number = np.asarray(value)
    classes = int(number.reshape(())) if number.dtype.kind in "iu" and number.size == 1 else 0
    if not 1 <= classes <= MOST_CLASSES:
        raise InputError(
            f"{name}: classes must be a whole number from 1 to {MOST_CLASSES}, got {value!r}."
        )
    return classes
