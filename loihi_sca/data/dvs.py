"""Recordings of a DVS128: gestures, and CIFAR-10 seen on a screen."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loihi_sca.data.cifar10 import CLASSES
from loihi_sca.data.decoders import DVS128, Events, decode_aedat3
from loihi_sca.data.event_sources import Files, file_stamp, read_bytes
from loihi_sca.data.places import first_folder, needs_folder
from loihi_sca.data.recordings import Recordings
from loihi_sca.errors import InputError

GESTURES = 11

GESTURE_WINDOW_US = 6_000_000
"""A choice of ours: gestures last about so long. ``loihi-sca data`` counts the events after it."""

CIFAR10_WINDOW_US = 1_300_000
"""A choice of ours: they last about so long. ``loihi-sca data`` counts the events after it."""

TESTED = 100
"""The first so many recordings of each class test; usual since Duan et al., NeurIPS 2022."""

TRIALS = {False: "trials_to_train.txt", True: "trials_to_test.txt"}

LABELS = ["class", "startTime_usec", "endTime_usec"]

GESTURES_WANTED = (
    "the folder DvsGesture as it is unpacked: USER_LIGHT.aedat and USER_LIGHT_labels.csv, "
    "trials_to_train.txt and trials_to_test.txt"
)

CIFAR10_WANTED = "the folders airplane ... truck with cifar10_CLASS_NUMBER.aedat"


class Gesture(NamedTuple):
    """Where a gesture is in a trial, in us."""

    path: Path
    start: int
    end: int


@dataclass(frozen=True)
class Gestures:
    """Gestures, several of which are in one file."""

    gestures: Sequence[Gesture]

    def __len__(self) -> int:
        return len(self.gestures)

    def name(self, number: int) -> str:
        """Return the file of a gesture and where it is."""
        path, start, end = self.gestures[number]
        return f"{path}, {start} to {end} us"

    def events(self, number: int) -> Events:
        """Return the events of a gesture, time counted from its start."""
        path, start, end = self.gestures[number]
        events = decode_aedat3(read_bytes(path), str(path), between=(start, end))
        if not len(events):
            raise InputError(
                f"{self.name(number)}: holds no events, though its labels list a gesture there."
            )
        events[:, 3] -= start
        return events

    def stamp(self, number: int) -> str:
        """Return which part of which file a gesture is."""
        path, start, end = self.gestures[number]
        return f"{file_stamp(path)} {start} {end}"


def read_gestures(test: bool, root: Path | None) -> tuple[Recordings, npt.NDArray[np.int64]]:
    """Return DVS-Gesture, divided as its authors did, 11 classes.

    Raises
    ------
    InputError
        It is not under the root, or a file that is listed is missing or damaged.
    """
    root = needs_folder("dvs_gesture", root, GESTURES_WANTED)
    places = [
        root / place for place in ("", "DvsGesture", "DVSGesture", "DVS128Gesture/DvsGesture")
    ]
    folder = next((p for p in places if (p / TRIALS[test]).is_file()), None)
    if folder is None:
        raise InputError(f"dvs_gesture: no {TRIALS[test]} in {root}. Put there {GESTURES_WANTED}.")
    trials = (folder / TRIALS[test]).read_text(encoding="utf-8", errors="replace").split()
    wanted = [(folder / t, folder / f"{Path(t).stem}_labels.csv") for t in trials]
    missing = [path.name for pair in wanted for path in pair if not path.is_file()]
    if missing:
        raise InputError(
            f"dvs_gesture: {TRIALS[test]} lists trials of which {len(missing)} files are missing "
            f"in {folder}: {', '.join(missing[:10])}. Unpack it again."
        )
    gestures, labels = [], []
    for recording, listed in wanted:
        if not recording.stat().st_size:
            raise InputError(f"{recording}: is empty. Unpack it again.")
        for label, start, end in _labels(listed):
            gestures.append(Gesture(recording, start, end))
            labels.append(label - 1)
    samples = Recordings(Gestures(gestures), np.arange(len(gestures)), DVS128, GESTURE_WINDOW_US)
    return samples, np.array(labels, dtype=np.int64)


def _labels(path: Path) -> list[tuple[int, int, int]]:
    """Read lines of class (from 1), first and last time in us; the first line names them."""
    head, *lines = list(csv.reader(read_bytes(path).decode("utf-8", "replace").splitlines())) or [
        []
    ]
    if [word.strip() for word in head] != LABELS:
        raise InputError(f"{path}: its first line is {','.join(head)!r}, must be "
                         f"{','.join(LABELS)!r}.")  # fmt: skip
    found = []
    for line in lines:
        try:
            label, start, end = (int(word) for word in line)
        except ValueError:
            raise InputError(f"{path}: cannot read line {','.join(line)!r}.") from None
        if not (1 <= label <= GESTURES and 0 <= start < end):
            raise InputError(
                f"{path}: class {label} from {start} to {end} us; classes are 1 to {GESTURES}, and "
                "a gesture ends after it starts."
            )
        found.append((label, start, end))
    return found


def read_cifar10(test: bool, root: Path | None) -> tuple[Recordings, npt.NDArray[np.int64]]:
    """Return CIFAR10-DVS; of each class, recordings 0 to 99 are for testing.

    The data set has no split of its own. Accuracies on this one are not those on a random one.

    Raises
    ------
    InputError
        It is not under the root.
    """
    root = needs_folder("cifar10_dvs", root, CIFAR10_WANTED)
    found = first_folder(root, ("", "CIFAR10DVS", "cifar10_dvs", "CIFAR10DVS/extract"), CLASSES[0])
    if found is None:
        raise InputError(f"cifar10_dvs: nothing found in {root}. Put there {CIFAR10_WANTED}.")
    paths, labels = [], []
    for label, name in enumerate(CLASSES):
        for number, path in _numbered(found.parent / name):
            if (number < TESTED) == test:
                paths.append(path)
                labels.append(label)
    samples = Recordings(Files(paths, DVS128), np.arange(len(paths)), DVS128, CIFAR10_WINDOW_US)
    return samples, np.array(labels, dtype=np.int64)


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    """Return the recordings of a class with their numbers, in their order."""
    found = []
    for path in folder.glob("*.aedat*"):
        number = re.search(r"_(\d+)\.aedat4?$", path.name)
        if number is None:
            raise InputError(f"{path}: has no number; files are called cifar10_CLASS_NUMBER.aedat.")
        found.append((int(number[1]), path))
    if not found:
        raise InputError(f"cifar10_dvs: no recordings in {folder}. Put there {CIFAR10_WANTED}.")
    return sorted(found)
