"""HDF5 files of anybody: what in them reaches outside, or claims more than is there, is refused.

HDF5 can name other files, of which parts then appear in this one: by links, as storage of a
dataset, or as the source of a virtual one. A file from somewhere would so read what only its reader
may, without a word.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

import h5py

from loihi_sca.errors import ConfigError, LoihiScaError, NetworkError

MAX_VALUES = 1 << 28
"""A field that claims more values than this is damaged."""

MAX_COMPRESSION = 1040
"""So is one that claims more bytes than these times what the file holds for it; gzip, which other
writers use, reaches 1032 on equal values."""

SMALL_BYTES = 1 << 20
"""Fields up to this size are not suspected."""

DAMAGE = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What h5py and numpy raise about fields that are not what they should be."""


def path_of(given: object) -> Path:
    """Return the path of a network's file.

    Raises
    ------
    ConfigError
        It is none, such as a model that was not compiled.
    """
    if not isinstance(given, str | os.PathLike):
        raise ConfigError(
            "a network is given as it is, or as the path of its file, and this is a "
            f"{type(given).__name__}. Of a model loihi_sca.compile makes a network."
        )
    return Path(given)


@contextmanager
def network_in(path: Path, kind: str) -> Iterator[h5py.File]:
    """Open the file of a network; whatever goes wrong while it is read names the file.

    Parameters
    ----------
    path : Path
    kind : str
        Of the file, for the message: ``netx``.

    Raises
    ------
    NetworkError
        It is not there, no HDF5, or damaged.
    LoihiScaError
        What its reader has raised, with the file's name.
    """
    try:
        with opened(path, NetworkError) as file:
            yield file
    except LoihiScaError as error:
        raise type(error)(f"{path}: {error}") from error
    except OSError as error:
        if not path.exists():
            raise NetworkError(f"{path}: no such file.") from error
        if path.is_dir():
            raise NetworkError(
                f"{path}: a folder, and no {kind} file. If it is that of a training, "
                f"`loihi-sca compile {quote(str(path))} --out NET.net` makes a network of it."
            ) from error
        raise NetworkError(f"{path}: not a readable HDF5 file ({error}).") from error
    except DAMAGE as error:
        raise NetworkError(f"{path}: damaged {kind} file ({error}).") from error


@contextmanager
def opened(path: str | os.PathLike[str], error: type[LoihiScaError]) -> Iterator[h5py.File]:
    """Open a file to read it, which must not refer to others.

    Parameters
    ----------
    path : path
    error : type of LoihiScaError
        What is raised where it does.

    Raises
    ------
    OSError
        It cannot be read, or is no HDF5.
    """
    with h5py.File(path, "r") as file:
        for what in _outside(file):
            raise error(
                f"{what}, which is not read: a file must hold all that is in it. Copy it with its "
                "data inside (h5repack, or h5py)."
            )
        yield file


def _outside(file: h5py.File) -> Iterator[str]:
    """Yield what refers to other files; links are looked at and not followed."""
    links: list[tuple[bytes, int]] = []
    file.id.links.visit(lambda name, info: links.append((name, info.type)), info=True)
    for name, kind in links:
        text = name.decode("utf-8", "replace")
        if kind not in (h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT):
            yield f"{text!r} is a link to another file"
        elif kind == h5py.h5l.TYPE_HARD and file.get(name, getclass=True) is h5py.Dataset:
            properties = file[name].id.get_create_plist()
            if properties.get_external_count():
                yield f"the values of {text!r} are stored in another file"
            if properties.get_layout() == h5py.h5d.VIRTUAL:
                yield f"the values of {text!r} are those of other datasets (virtual)"


def claims_too_much(dataset: Any) -> bool:
    """Tell whether a field claims far more than is there; HDF5 fills in zeros, in memory."""
    if dataset.size is None or dataset.size > MAX_VALUES:
        return True
    stored = int(dataset.id.get_storage_size()) * MAX_COMPRESSION
    return bool(dataset.nbytes > max(SMALL_BYTES, stored))
