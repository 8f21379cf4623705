"""Where events come from: recordings in memory, or in a file each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from loihi_sca.data.decoders import DECODERS, Events
from loihi_sca.errors import InputError


class Source(Protocol):
    """Where events come from; decoded when asked for, since data sets do not fit into memory."""

    def __len__(self) -> int: ...

    def name(self, number: int) -> str:
        """Return what a recording is called, for errors."""

    def events(self, number: int) -> Events:
        """Return the events of a recording, time counted from its beginning."""

    def stamp(self, number: int) -> str:
        """Return a text that changes when a recording does."""


@dataclass(frozen=True)
class Kept:
    """Recordings in memory.

    Attributes
    ----------
    recordings : sequence of int32 array (events, 4)
    names : sequence of str
    """

    recordings: Sequence[Events]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.recordings)

    def name(self, number: int) -> str:
        """Return what a recording is called."""
        return self.names[number]

    def events(self, number: int) -> Events:
        """Return the events of a recording."""
        return self.recordings[number]

    def stamp(self, number: int) -> str:
        """Return a digest of the events: they are in memory anyway."""
        return hashlib.sha256(self.recordings[number].tobytes()).hexdigest()


@dataclass(frozen=True)
class Files:
    """Recordings in a file each.

    Attributes
    ----------
    paths : sequence of path
        Their endings say the format.
    size : tuple of int
        Height and width of the camera.
    from_first : bool
        Whether time starts with the first event.
    """

    paths: Sequence[Path]
    size: tuple[int, int]
    from_first: bool = False

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, number: int) -> str:
        """Return the path of a recording."""
        return str(self.paths[number])

    def events(self, number: int) -> Events:
        """Return the events of a recording."""
        path = self.paths[number]
        decode = DECODERS[path.suffix.lower()]
        events = decode(read_bytes(path), str(path), self.size)
        if not len(events):
            raise InputError(f"{path}: holds no events. Take it out, or record it again.")
        if self.from_first:
            events[:, 3] -= events[:, 3].min()
        return events

    def stamp(self, number: int) -> str:
        """Return path, size and time of the last change, and how the file is read."""
        return f"{file_stamp(self.paths[number])} {self.size} {self.from_first}"


def file_stamp(path: Path) -> str:
    """Return where a file is, its size and when it was changed last.

    Raises
    ------
    InputError
        It is missing.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    return f"{path.absolute()} {status.st_size} {status.st_mtime_ns}"


def read_bytes(path: Path) -> bytes:
    """Return what a file holds.

    Raises
    ------
    InputError
        It is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}).") from error
