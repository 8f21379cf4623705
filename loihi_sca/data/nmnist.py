"""N-MNIST: MNIST digits seen by an event camera that moves.

The data set itself, ``.bin`` recordings in a folder per class; or the small selection in ``.bs2``
that comes with lava-dl's tutorials, 1000 recordings to train on and 100 to test.
"""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from loihi_sca.data.decoders import decode_bs2
from loihi_sca.data.event_sources import Files, Kept
from loihi_sca.data.places import first_folder, needs_folder
from loihi_sca.data.recordings import Recordings
from loihi_sca.errors import InputError

SIZE = (34, 34)

WINDOW_US = 320_000
"""Recordings last 300 ms, three sweeps of 100 ms, and some a little longer."""

LISTS = {False: "train1K.txt", True: "test100.txt"}

FOLDERS = {False: "Train", True: "Test"}

WANTED = (
    "the folders Train/0 ... Train/9 and Test/0 ... Test/9 with .bin recordings; or "
    "nmnist_small.tar.gz, or a folder with its content: recordings NUMBER.bs2, and train1K.txt and "
    "test100.txt with a number and a class per line"
)


def read(test: bool, root: Path | None) -> tuple[Recordings, npt.NDArray[np.int64]]:
    """Return the recordings.

    Raises
    ------
    InputError
        They are not under the root, or damaged; the message says what to put where.
    """
    root = needs_folder("nmnist", root, WANTED)
    original = first_folder(root, ("", "nmnist", "NMNIST", "N-MNIST"), FOLDERS[test])
    return _original(original, root) if original is not None else _selection(test, root)


def _original(folder: Path, root: Path) -> tuple[Recordings, npt.NDArray[np.int64]]:
    """Return the recordings of a folder Train or Test, with a folder per digit."""
    paths, labels = [], []
    for place in sorted(p for p in folder.iterdir() if p.is_dir()):
        if place.name not in set("0123456789"):
            raise InputError(f"nmnist: {place} is no digit; there are folders 0 to 9 in {folder}.")
        found = sorted(place.glob("*.bin"))
        paths += found
        labels += [int(place.name)] * len(found)
    if not paths:
        raise InputError(f"nmnist: no recordings in {folder}. Put there {WANTED}.")
    files = Files(paths, SIZE)
    return recordings_of(files), np.array(labels, dtype=np.int64)


def recordings_of(source: Files | Kept) -> Recordings:
    """Return all recordings of a source, seen as N-MNIST is."""
    return Recordings(source, np.arange(len(source)), SIZE, WINDOW_US)


def _selection(test: bool, root: Path) -> tuple[Recordings, npt.NDArray[np.int64]]:
    """Return the recordings of lava-dl's selection."""
    files = _files(root)
    listed = LISTS[test]
    if listed not in files:
        raise InputError(f"nmnist: no {listed} in {root}. Put there {WANTED}.")
    numbers, labels = _listed(files[listed], listed)
    names = [f"{number}.bs2" for number in numbers]
    missing = [name for name in names if name not in files]
    if missing:
        raise InputError(
            f"nmnist: {listed} lists {', '.join(missing[:10])}, which is missing in {root}"
            f"{f' ({len(missing)} in all)' if len(missing) > 1 else ''}."
        )
    recordings = [decode_bs2(files[name], name, SIZE) for name in names]
    return recordings_of(Kept(recordings, names)), labels


def _files(root: Path) -> Mapping[str, bytes]:
    """Return the files by name, from a folder or from the archive."""
    for folder in (root, root / "nmnist", root / "nmnist_small"):
        if (folder / LISTS[True]).is_file():
            wanted = [p for p in folder.iterdir() if p.suffix in (".bs2", ".txt")]
            return {p.name: p.read_bytes() for p in wanted}
        archive = folder / "nmnist_small.tar.gz"
        if archive.is_file():
            return _unpacked(archive)
    raise InputError(f"nmnist: nothing found in {root}. Put there {WANTED}.")


def _unpacked(path: Path) -> dict[str, bytes]:
    found = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    found[PurePosixPath(member.name).name] = file.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(f"{path}: not a tar file, or damaged ({error}).") from error
    return found


def _listed(content: bytes, name: str) -> tuple[list[int], npt.NDArray[np.int64]]:
    """Read lines of a number and a class; lines that start with # are comments."""
    numbers, labels = [], []
    for line in content.decode("ascii", errors="replace").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        try:
            number, label = line.split()
            numbers.append(int(number))
            labels.append(int(label))
        except ValueError:
            raise InputError(f"{name}: cannot read line {line!r}; number and class.") from None
    return numbers, np.array(labels, dtype=np.int64)
