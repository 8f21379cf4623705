"""Datasets of tonic, where it is installed: their files, read by tonic, binned here.

tonic is under the GPL and no dependency: it is imported when one of its datasets is asked for.
"""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from loihi_sca.data.decoders import Events, as_events
from loihi_sca.data.event_sources import file_stamp
from loihi_sca.data.places import needs_folder
from loihi_sca.data.recordings import Recordings
from loihi_sca.data.splits import side_of
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.network import Shape
from loihi_sca.toml_files import suggestion

PREFIX = "tonic:"

CLASSES = ("ASLDVS", "CIFAR10DVS", "DVSGesture", "DVSLip", "NCALTECH101", "NMNIST", "POKERDVS")
"""Those of tonic 1.7.0 that say the class of each recording of a camera."""

HELP = "tonic:NAME, a dataset of tonic"

Camera = tuple[int, int] | None


@dataclass(frozen=True)
class FromTonic:
    """Recordings that tonic reads."""

    dataset: Any
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.dataset)

    def name(self, number: int) -> str:
        """Return the dataset and the number of a recording."""
        return f"{PREFIX}{type(self.dataset).__name__}, sample {number}"

    def events(self, number: int) -> Events:
        """Return the events of a recording, time counted from the first."""
        name = self.name(number)
        try:
            found, _ = self.dataset[number]
        except Exception as error:  # whatever tonic, or what it reads with, makes of a file
            raise InputError(f"{name}: tonic cannot read it ({error}).") from error
        events = as_events(np.asarray(found), name, self.size)
        if not len(events):
            raise InputError(f"{name}: holds no events.")
        return events

    def stamp(self, number: int) -> str:
        """Return which file of which version of tonic a recording is from."""
        kept = self.dataset.data[number]
        if isinstance(kept, np.ndarray):  # events that tonic has read already
            return hashlib.sha256(kept.tobytes()).hexdigest()
        return f"tonic {version('tonic')} {file_stamp(Path(kept))}"


def is_tonic(name: str) -> bool:
    """Tell whether a name is that of a dataset of tonic."""
    return name.startswith(PREFIX)


def describe(name: str, root: Path | None, camera: Camera) -> tuple[Shape, int, bool]:
    """Return the shape (2, H, W) of a recording, the number of classes, and that it is one.

    Raises
    ------
    ConfigError, InputError
        As :func:`read`.
    """
    dataset, labels, _ = _opened(name, False, root)
    return (2, *_size(name, dataset, camera)), _classes(dataset, labels), True


def read(
    name: str, test: bool, root: Path | None, camera: Camera
) -> tuple[Recordings, npt.NDArray[np.int64]]:
    """Return recordings and labels.

    Parameters
    ----------
    name : str
        ``tonic:CLASS``, one of :data:`CLASSES`.
    test : bool
        Whether the samples to test with are asked for. Where the dataset has no sides, a fixed
        fifth of it is for testing.
    root : path
        Its ``save_to``: the folder in which ``CLASS`` is, as tonic has left it.
    camera : tuple of int or None
        Height and width, where the dataset does not say.

    Raises
    ------
    ConfigError
        There is no such dataset, or its camera is not known.
    InputError
        tonic is not installed, or its files are not there; nothing is downloaded.
    """
    dataset, labels, is_divided = _opened(name, test, root)
    size = _size(name, dataset, camera)
    order = _in_order(dataset)
    order = order if is_divided else order[side_of(len(order), test)]
    return Recordings(FromTonic(dataset, size), order, size, window_us=None), labels[order]


@lru_cache(maxsize=2)
def _opened(name: str, test: bool, root: Path | None) -> tuple[Any, npt.NDArray[np.int64], bool]:
    """Return a side of a dataset, its labels, and whether it has sides."""
    kind = _class_of(name)
    folder = needs_folder(name, root, f"the folder {kind.__name__} as tonic has left it")
    parameters = inspect.signature(kind.__init__).parameters
    side = {"train": not test} if "train" in parameters else {}
    try:
        dataset = _closed(kind)(save_to=str(folder), **side)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except Exception as error:  # whatever tonic makes of files that are not there, or damaged
        raise InputError(f"{name}: tonic cannot open it ({error}).") from error
    labels = np.asarray(dataset.targets)
    if not len(labels) or len(labels) != len(dataset):
        raise InputError(
            f"{name}: {len(dataset)} recordings and {len(labels)} labels in {folder}. Unpack it "
            "again."
        )
    if labels.dtype.kind not in "iu":  # names of classes
        labels = np.unique(labels, return_inverse=True)[1]
    return dataset, labels.astype(np.int64), bool(side)


def _closed(kind: type[Any]) -> type[Any]:
    """Return a dataset that takes the files that are there, and fetches and unpacks none.

    Where some are missing, those of tonic download, unpack archives, or end the process.
    """

    def all_there(dataset: Any) -> bool:
        return bool(kind._check_exists(dataset)) or _refuse(dataset)

    # of the same name, which that of its folder is
    return type(kind.__name__, (kind,), {"download": _refuse, "_check_exists": all_there})


def _in_order(dataset: Any) -> npt.NDArray[np.int64]:
    """Return recordings in the order of their paths: tonic takes some as they are listed."""
    paths = dataset.data
    if any(isinstance(path, np.ndarray) for path in paths):
        return np.arange(len(paths))
    return np.array(sorted(range(len(paths)), key=lambda i: str(paths[i])), dtype=np.int64)


def _refuse(dataset: Any) -> NoReturn:
    raise InputError(
        f"its files are not in {dataset.location_on_system}, or not all of them, and nothing is "
        "downloaded. Have tonic do so first: "
        f"tonic.datasets.{type(dataset).__name__}(save_to=FOLDER)."
    )


def _class_of(name: str) -> type[Any]:
    wanted = name.removeprefix(PREFIX)
    if wanted not in CLASSES:
        hint = suggestion(wanted, CLASSES) or "."
        raise ConfigError(f"no dataset {name!r}; of tonic there are: {', '.join(CLASSES)}{hint}")
    try:
        from tonic import datasets
    except ImportError as error:
        raise InputError(
            f"{name} is read by tonic, which cannot be imported ({error}): "
            "pip install 'loihi-sca[tonic]'."
        ) from error
    found: type[Any] = getattr(datasets, wanted)
    return found


def _size(name: str, dataset: Any, camera: Camera) -> tuple[int, int]:
    """Return height and width; tonic has width first."""
    if dataset.sensor_size is not None:
        return int(dataset.sensor_size[1]), int(dataset.sensor_size[0])
    if camera is None:
        raise ConfigError(
            f"{name}: its recordings are of several sizes. Give height and width that hold all: "
            "data.camera = [180, 240]."
        )
    return camera


def _classes(dataset: Any, labels: npt.NDArray[np.int64]) -> int:
    named = getattr(dataset, "classes", ())
    return max(len(named), int(labels.max()) + 1)
