"""Binned recordings on disk, where a folder is named for them: files are decoded once.

A file holds one dataset in one way of binning: ``NAME-DIGEST.npy``, uint8 (recordings, 1 + bytes),
a row per recording, first whether it is sound. The digest is of every recording's path, size and
time, and of all that decides what is in the rows: whatever changes has a file of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from loihi_sca.data.arrays import read_npy
from loihi_sca.data.recordings import Recordings
from loihi_sca.errors import InputError
from loihi_sca.files import atomic_path, make_folder

VERSION = 1
"""Of what is in a row; another version is another file."""

Progress = Callable[[int, int], None]


def cached(
    recordings: Recordings,
    folder: Path,
    name: str,
    timesteps: int,
    *,
    skip_damaged: bool,
    on_progress: Progress | None = None,
) -> Recordings:
    """Return recordings that are read from a file, which is made where it is not there yet.

    Parameters
    ----------
    recordings : Recordings
        All of their source goes into the file, in whatever order and choice they are.
    folder : path
        Made if need be.
    name : str
        Of the dataset, for people.
    timesteps : int
    skip_damaged : bool
        Mark recordings that cannot be read as such, instead of stopping at the first.
    on_progress : callable, optional
        Called with recordings that are decoded, and their number.

    Raises
    ------
    InputError
        The folder cannot be written, a recording is damaged, or the file is none of ours. Nothing
        half-written is left behind.
    """
    make_folder(folder)
    called = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    path = folder / f"{called}-{_digest(recordings, timesteps)}.npy"
    size = (len(recordings.source), 1 + _row_bytes(recordings, timesteps))
    if not path.is_file():
        _write(path, size, _rows(recordings, timesteps, skip_damaged, on_progress))
    rows = read_npy(path, memory_map=True)
    if rows.dtype != np.uint8 or rows.shape != size:
        raise InputError(
            f"{path}: {rows.dtype} of shape {rows.shape}, must be uint8 of {size}. It is no cache "
            "of these recordings; delete it."
        )
    return replace(recordings, rows=rows)


def _digest(recordings: Recordings, timesteps: int) -> str:
    source = recordings.source
    how = [
        VERSION, timesteps, recordings.binning, recordings.window_us, recordings.downsample,
        list(recordings.size), recordings.are_mantissas,
    ]  # fmt: skip
    digest = hashlib.sha256(json.dumps(how).encode())
    for number in range(len(source)):
        digest.update(f"\n{source.stamp(number)}".encode())
    return digest.hexdigest()[:24]


def _row_bytes(recordings: Recordings, timesteps: int) -> int:
    bins = int(np.prod(recordings.shape)) * timesteps
    return bins if recordings.are_mantissas else -(-bins // 8)


def _rows(
    recordings: Recordings, timesteps: int, skip_damaged: bool, on_progress: Progress | None
) -> Iterator[npt.NDArray[np.uint8]]:
    count = len(recordings.source)
    empty = np.zeros(1 + _row_bytes(recordings, timesteps), dtype=np.uint8)
    for number in range(count):
        try:
            sound = np.ones(1, dtype=np.uint8)
            yield np.concatenate([sound, recordings.pack(number, timesteps)])
        except InputError:
            if not skip_damaged:
                raise
            yield empty
        if on_progress is not None:
            on_progress(number + 1, count)


def _write(path: Path, size: tuple[int, int], rows: Iterator[npt.NDArray[np.uint8]]) -> None:
    """Write rows one by one; to a file and not to a map of it, which a full disk would kill."""
    header = {"descr": "|u1", "fortran_order": False, "shape": size}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        npy.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call]
        for row in rows:
            file.write(row.tobytes())
