"""Data of one's own as files: a folder per class, or a CSV of files and labels."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.data.decoders import DECODERS
from loihi_sca.data.event_sources import Files, read_bytes
from loihi_sca.data.labels import check_labels
from loihi_sca.data.pictures import opened
from loihi_sca.data.recordings import Recordings
from loihi_sca.data.samples import Images, of_pixels
from loihi_sca.data.splits import side_of
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.memory import check_memory
from loihi_sca.network import Shape

IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".pgm", ".ppm", ".tif", ".tiff", ".webp")

ENDINGS = (*IMAGES, *DECODERS)

GREY = ("1", "L")
COLOUR = ("P", "RGB", "RGBA", "CMYK", "YCbCr")

SIDES = {"train": False, "test": True}

TOLD = 10
"""So many files are named in an error."""

HELP = "a folder with a folder of images or recordings per class, or FILE.csv with path and label"

Camera: TypeAlias = "tuple[int, int] | None"


class Entry(NamedTuple):
    """A file with its class; ``test`` is None where nothing says which side it is on."""

    path: Path
    label: int
    test: bool | None


def is_listed(name: str, root: Path | None) -> bool:
    """Tell whether a name is that of a CSV file, or of a folder."""
    return name.lower().endswith(".csv") or (name != "" and _place(name, root).is_dir())


def describe(name: str, root: Path | None, camera: Camera) -> tuple[Shape, int, bool]:
    """Return the shape (C, H, W) of a sample, the number of classes, and whether events were seen.

    Raises
    ------
    ConfigError, InputError
        As :func:`read`.
    """
    entries, classes = _entries(_place(name, root))
    if _are_recordings(entries):
        return (2, *_size(name, camera)), classes, True
    return _image_shape(entries), classes, False


def read(
    name: str, test: bool, root: Path | None, camera: Camera
) -> tuple[Images | Recordings, npt.NDArray[np.int64]]:
    """Return samples and labels.

    Parameters
    ----------
    name : str
        A folder: ``train/CLASS/FILE`` and ``test/CLASS/FILE``, or ``CLASS/FILE``, of which a fixed
        fifth is for testing; classes are numbered in the order of their names. Or a CSV file: a
        line ``path,label`` or ``path,label,split``, then a line per file, whose path is relative
        to the CSV, whose label is a number from 0 or a name, and whose split is train or test.
        Files are images of one size, or recordings: by their endings.
    test : bool
        Whether the samples to test with are asked for.
    root : path, optional
        Where the name is looked for, instead of the current folder.
    camera : tuple of int or None
        Height and width of the camera of recordings.

    Raises
    ------
    ConfigError
        There are recordings, and the camera is not said.
    InputError
        Files are missing, damaged, or not what they should be; the message says which.
    """
    entries, _ = _entries(_place(name, root))
    chosen = _side(entries, test)
    if not chosen:
        raise InputError(f"{name}: none of its {len(entries)} files is to "
                         f"{'test' if test else 'train on'}.")  # fmt: skip
    labels = np.array([e.label for e in chosen], dtype=np.int64)
    paths = [e.path for e in chosen]
    if _are_recordings(entries):
        size = _size(name, camera)
        files = Files(paths, size, from_first=True)
        return Recordings(files, np.arange(len(files)), size, window_us=None), labels
    shape = _image_shape(entries)
    check_memory(
        f"{name}: {len(paths)} images of {shape[2]}x{shape[1]}", len(paths) * math.prod(shape),
        "Give fewer, or smaller ones.",
    )  # fmt: skip
    return of_pixels(name, _pixels(paths, shape[0])), labels


def files_of(place: Path) -> list[Path]:
    """Return the files of a folder per class, or those that a CSV file lists, there or not.

    Raises
    ------
    InputError
        It is neither.
    """
    entries, _ = _listed(place)
    return [e.path for e in entries]


def _place(name: str, root: Path | None) -> Path:
    return Path(name) if root is None else root / name


def _entries(place: Path) -> tuple[list[Entry], int]:
    """Return all files and the number of classes."""
    entries, classes = _listed(place)
    if not entries:
        raise InputError(f"{place}: lists no files. Put in images or recordings, by class.")
    missing = [str(e.path) for e in entries if not e.path.is_file()]
    if missing:
        raise InputError(f"{place}: {len(missing)} of {len(entries)} files that it lists are "
                         f"missing: {_some(missing)}.")  # fmt: skip
    if twice := _listed_twice(entries):
        raise InputError(
            f"{place}: lists {_some(twice)} twice, with two labels, or where a copy could be to "
            "train on and the other to test with. List each once, or say the split of both."
        )
    return entries, classes


def _listed_twice(entries: Sequence[Entry]) -> list[str]:
    """Return the files of which two entries differ, or can come on both sides of a split."""
    known: dict[str, Entry] = {}
    twice: dict[str, None] = {}
    for entry in entries:
        path = os.path.normpath(entry.path)
        before = known.setdefault(path, entry)
        same = (before.label, before.test) == (entry.label, entry.test) and entry.test is not None
        if before is not entry and not same:
            twice[str(entry.path)] = None
    return list(twice)


def _listed(place: Path) -> tuple[list[Entry], int]:
    return _from_folder(place) if place.is_dir() else _from_csv(place)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return ", ".join(names[:TOLD]) + more


def _from_folder(folder: Path) -> tuple[list[Entry], int]:
    divided = all((folder / side).is_dir() for side in SIDES)
    sides = {folder / s: t for s, t in SIDES.items()} if divided else {folder: None}
    found = {place: {p.name: p for p in _visible(place) if p.is_dir()} for place in sides}
    names = sorted({name for places in found.values() for name in places}, key=_in_order)
    for place, places in found.items():
        lacking = [name for name in names if name not in places]
        if lacking:
            raise InputError(f"{place}: there is no folder for {_some(lacking)}; classes are the "
                             "same to train on and to test.")  # fmt: skip
    return [
        Entry(path, label, test)
        for place, test in sides.items()
        for label, name in enumerate(names)
        for path in _visible(found[place][name])
    ], len(names)


def _visible(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if not p.name.startswith("."))


def _in_order(name: str) -> tuple[int, str]:
    """Sort numbers as numbers, before names; 1 and 01 are two classes, always in one order."""
    return int(name) if re.fullmatch(r"\d{1,9}", name) else 1 << 30, name


def _from_csv(path: Path) -> tuple[list[Entry], int]:
    text = read_bytes(path).decode("utf-8-sig", errors="replace")
    try:
        head, *lines = list(csv.reader(text.splitlines())) or [[]]
    except csv.Error as error:
        raise InputError(f"{path}: {error}; needs lines of path and label.") from error
    columns = [word.strip() for word in head]
    if columns not in (["path", "label"], ["path", "label", "split"]):
        raise InputError(
            f"{path}: its first line is {','.join(head)!r}, must be 'path,label' or "
            "'path,label,split'."
        )
    rows = []
    for number, line in enumerate(lines, start=2):
        row = [word.strip() for word in line]
        if not any(row):
            continue
        side = row[2] if len(row) == len(columns) == 3 else "train"
        if len(row) != len(columns) or not all(row) or side not in SIDES:
            raise InputError(
                f"{path}, line {number}: {','.join(line)!r}; needs {', '.join(columns)}"
                f"{' (train or test)' if len(columns) == 3 else ''}."
            )
        rows.append((row[0], row[1], SIDES[side] if len(columns) == 3 else None))
    numbers, classes = _numbered([row[1] for row in rows], path)
    return [
        Entry(path.parent / name, label, test)
        for (name, _, test), label in zip(rows, numbers, strict=True)
    ], classes


def _numbered(labels: list[str], path: Path) -> tuple[list[int], int]:
    """Return labels as numbers: numbers as they are, names in their order."""
    if all(re.fullmatch(r"-?\d+", label) for label in labels):
        numbers = [int(label[:18]) for label in labels]  # Python reads no more than some thousand
        check_labels(str(path), min(numbers, default=0), max(numbers, default=0))
        return numbers, max(numbers, default=0) + 1
    names = sorted(set(labels))
    return [names.index(label) for label in labels], len(names)


def _side(entries: list[Entry], test: bool) -> list[Entry]:
    if entries[0].test is None:
        return [entries[i] for i in side_of(len(entries), test)]
    return [e for e in entries if e.test == test]


def _are_recordings(entries: list[Entry]) -> bool:
    """Tell whether files are recordings, not images."""
    unknown = [str(e.path) for e in entries if e.path.suffix.lower() not in ENDINGS]
    if unknown:
        raise InputError(
            f"{_some(unknown)}: neither an image ({', '.join(IMAGES)}) nor a recording "
            f"({', '.join(DECODERS)}), by the ending."
        )
    recorded = [e for e in entries if e.path.suffix.lower() in DECODERS]
    if recorded and len(recorded) < len(entries):
        image = next(e for e in entries if e not in recorded)
        raise InputError(
            f"{image.path} is an image, {recorded[0].path} a recording. A dataset has one of them."
        )
    return bool(recorded)


def _size(name: str, camera: Camera) -> tuple[int, int]:
    if camera is None:
        raise ConfigError(
            f"{name}: data.camera is missing, height and width of the camera that made the "
            "recordings: data.camera = [128, 128]."
        )
    return camera


def _image_shape(entries: list[Entry]) -> Shape:
    """Return the shape (C, H, W) of all images; C is 1 if all are grey, else 3."""
    channels, size = 1, (0, 0)
    for entry in entries:
        with opened(entry.path, str(entry.path)) as image:
            if image.mode not in (*GREY, *COLOUR):
                raise InputError(
                    f"{entry.path}: pixels of kind {image.mode!r}; read are 8 bits, grey or in "
                    "colour. Convert it."
                )
            if entry is not entries[0] and image.size != size:
                raise InputError(
                    f"{entry.path}: {image.width}x{image.height} pixels, {entries[0].path} has "
                    f"{size[0]}x{size[1]}. Give all one size."
                )
            size = image.size
            channels = 3 if image.mode in COLOUR else channels
    return channels, size[1], size[0]


def _pixels(paths: list[Path], channels: int) -> npt.NDArray[np.uint8]:
    """Return images, uint8 array (N, C, H, W)."""
    found: list[npt.NDArray[np.uint8]] = []
    for path in paths:
        with opened(path, str(path)) as image:
            found.append(np.asarray(image.convert("L" if channels == 1 else "RGB")))
    stacked: npt.NDArray[np.uint8] = np.stack(found)
    return stacked[:, None] if channels == 1 else stacked.transpose(0, 3, 1, 2)
