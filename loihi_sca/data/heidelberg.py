"""The Spiking Heidelberg Datasets: spoken digits and words as spikes of a cochlea."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca import hdf5_files
from loihi_sca.data.decoders import Events, check_inside
from loihi_sca.data.event_sources import file_stamp
from loihi_sca.data.places import first_file, needs_folder
from loihi_sca.data.recordings import Recordings
from loihi_sca.errors import InputError

CHANNELS = 700

WINDOW_US = 1_400_000
"""What is usual (``max_time = 1.4``); ``loihi-sca data`` counts the spikes after it."""

CLASSES = {"shd": 20, "ssc": 35}


@dataclass(frozen=True)
class Spoken:
    """Recordings in one HDF5 file, read when they are asked for."""

    path: Path
    count: int

    def __len__(self) -> int:
        return self.count

    def name(self, number: int) -> str:
        """Return the file and the number of a recording."""
        return f"{self.path}, sample {number}"

    def events(self, number: int) -> Events:
        """Return the events of a recording: channel, 0, 0 and time."""
        with _opened(self.path) as file:
            seconds = np.asarray(file["spikes/times"][number], dtype=np.float64)
            units = np.asarray(file["spikes/units"][number])
        name = self.name(number)
        if len(seconds) != len(units) or not len(units):
            raise InputError(f"{name}: {len(seconds)} times and {len(units)} units.")
        if not (np.isfinite(seconds).all() and 0 <= seconds.min() <= seconds.max() < 2000):
            raise InputError(f"{name}: times span {seconds.min():g} to {seconds.max():g} s.")
        events = np.zeros((len(units), 4), dtype=np.int32)
        events[:, 0] = units
        events[:, 3] = np.rint(seconds * 1e6)
        return check_inside(events, name, (1, CHANNELS))

    def stamp(self, number: int) -> str:
        """Return the number of a recording and which file it is in."""
        return f"{file_stamp(self.path)} {number}"


def _read(name: str, test: bool, root: Path | None) -> tuple[Recordings, npt.NDArray[np.int64]]:
    """Return the recordings of a side.

    Raises
    ------
    InputError
        The file is not under the root, or damaged.
    """
    file_name = f"{name}_{'test' if test else 'train'}.h5"
    wanted = f"{name}_train.h5 and {name}_test.h5, unpacked"
    root = needs_folder(name, root, wanted)
    path = first_file(*(root / place / file_name for place in ("", name, name.upper())))
    if path is None:
        raise InputError(f"{name}: no {file_name} in {root}. Put there {wanted}.")
    with _opened(path) as file:
        counts = [file[key].shape[0] for key in ("spikes/times", "spikes/units", "labels")]
        if hdf5_files.claims_too_much(file["labels"]):
            raise ValueError(f"it claims {counts[2]} labels")
        labels = np.asarray(file["labels"]).astype(np.int64)
    if len(set(counts)) > 1:
        raise InputError(f"{path}: {counts[0]} lists of times, {counts[1]} of units and "
                         f"{counts[2]} labels; one for each.")  # fmt: skip
    order = np.arange(len(labels))
    return Recordings(Spoken(path, len(labels)), order, (CHANNELS,), WINDOW_US), labels


read_shd = partial(_read, "shd")
read_ssc = partial(_read, "ssc")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with hdf5_files.opened(path, InputError) as file:
            yield file
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, KeyError, IndexError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: damaged, or not of the Spiking Heidelberg Datasets: labels, spikes/times and "
            f"spikes/units ({error}). Unpack it again."
        ) from error
