"""N-MNIST: MNIST digits seen by an event camera that moves, as ``.bs2`` recordings.

The small selection that comes with lava-dl's tutorials: 1000 recordings to train on, 100 to test.
"""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from loihi_sca.data.samples import Recordings
from loihi_sca.errors import InputError

SIZE = (34, 34)

WINDOW_US = 320_000
"""Recordings last 300 ms, three sweeps of 100 ms, and some a little longer."""

EVENT_BYTES = 5

LISTS = {False: "train1K.txt", True: "test100.txt"}

WANTED = (
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
    if root is None:
        raise InputError(
            f"nmnist needs a folder with {WANTED}. Pass it as root (--root on the command line, "
            "data.root in a recipe)."
        )
    files = _files(root)
    listed = LISTS[test]
    if listed not in files:
        raise InputError(f"nmnist: no {listed} in {root}. Put there {WANTED}.")
    numbers, labels = _listed(files[listed], listed)
    recordings = []
    for number in numbers:
        name = f"{number}.bs2"
        if name not in files:
            raise InputError(f"nmnist: {listed} lists {name}, which is missing in {root}.")
        recordings.append(decode_bs2(files[name], name))
    starts = np.concatenate([[0], np.cumsum([len(r) for r in recordings])]).astype(np.int64)
    events = np.concatenate(recordings) if recordings else decode_bs2(b"")
    return Recordings(events, starts, SIZE, WINDOW_US), labels


def decode_bs2(content: bytes, name: str = "recording") -> npt.NDArray[np.int32]:
    """Return the events of a ``.bs2`` file, int32 array (events, 4): x, y, polarity, time in us.

    An event is 40 bits, big-endian: 8 bits x, 8 bits y, 1 bit polarity (1 is on), 23 bits time.
    Source: lava-dl, ``slayer.io.read_2d_spikes``.

    Raises
    ------
    InputError
        It ends in the middle of an event, or an event lies outside the camera.
    """
    if len(content) % EVENT_BYTES:
        raise InputError(f"{name}: {len(content)} bytes are no whole number of events.")
    raw = np.frombuffer(content, dtype=np.uint8).reshape(-1, EVENT_BYTES).astype(np.int32)
    time = (raw[:, 2] & 0x7F) << 16 | raw[:, 3] << 8 | raw[:, 4]
    columns = [raw[:, 0], raw[:, 1], raw[:, 2] >> 7, time]
    events: npt.NDArray[np.int32] = np.stack(columns, axis=1)
    if len(events) and (events[:, 0].max() >= SIZE[1] or events[:, 1].max() >= SIZE[0]):
        raise InputError(f"{name}: events lie outside the camera of {SIZE[1]}x{SIZE[0]}.")
    return events


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
