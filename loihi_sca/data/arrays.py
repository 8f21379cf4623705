"""Arrays that users keep in ``.npy`` and ``.npz`` files."""

from __future__ import annotations

import lzma
import math
import os
import struct
import sys
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from loihi_sca.errors import InputError
from loihi_sca.memory import check_memory

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
"""By version of the format; 3.0 is for names of fields outside Latin letters."""

UNREADABLE = (SyntaxError, LookupError, MemoryError, RecursionError, TypeError, tokenize.TokenError)
"""What NumPy raises about a header that is no literal of Python, beside ValueError."""

UNPACKING = (
    EOFError, RuntimeError, lzma.LZMAError, struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What Python raises about archives that are damaged, or beyond it: newer, or with a password."""


def read_npy(path: str | os.PathLike[str], *, memory_map: bool = False) -> npt.NDArray[Any]:
    """Read one array; nothing that is pickled, since a pickle may run anything.

    Parameters
    ----------
    path : path
        A ``.npy`` file.
    memory_map : bool
        Return an array whose values are read from the file when they are used.

    Raises
    ------
    InputError
        There is no such file, it is damaged, or it holds something else.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            check_claim(file, path.stat().st_size)
        found = np.load(path, allow_pickle=False, mmap_mode="r" if memory_map else None)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file.") from error
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: not a .npy array ({error}).") from error
    if not isinstance(found, np.ndarray):
        found.close()
        raise InputError(f"{path}: an .npz archive; give a single array (.npy).")
    return found


@contextmanager
def opened_npz(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """Open an archive of arrays, of which none claims more than is there or than memory holds.

    Raises
    ------
    InputError
        An array takes more memory than there is.
    OSError, ValueError
        It is no such archive, or damaged; what unpacking raises is a ValueError too.
    """
    try:
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                _check_members(path, file)
            file.seek(0)
            found = np.load(file, allow_pickle=False)
            if not isinstance(found, np.lib.npyio.NpzFile):
                raise ValueError("it holds a single array")
            with found as arrays:
                yield arrays
    except UNPACKING as error:
        raise ValueError(str(error)) from error


def _check_members(path: Path, file: IO[bytes]) -> None:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            what = f"{path}: the values of {member.filename}"
            check_memory(what, member.file_size, "Give fewer samples.")
            with archive.open(member) as inner:
                if inner.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
                    raise ValueError(f"{member.filename} in it is no array")
            with archive.open(member) as inner:
                check_claim(inner, member.file_size)


def _sizes(dtype: np.dtype[Any]) -> Iterator[int]:
    """Yield how many bytes a type and its parts have; NumPy counts long texts to below zero."""
    yield dtype.itemsize
    if dtype.subdtype is not None:
        yield from _sizes(dtype.subdtype[0])
    for part, *_ in (dtype.fields or {}).values():
        yield from _sizes(part)


def check_claim(file: IO[bytes], size: int) -> None:
    """Raise ValueError where an array claims more bytes than follow its header.

    NumPy makes room for what is claimed before it reads. What is no array passes: whoever reads it
    says so.

    Parameters
    ----------
    file : binary file
        At its start; where it is left does not matter.
    size : int
        Bytes that it holds.
    """
    if file.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
        return
    version = tuple(file.read(2))
    if version not in HEADERS:
        raise ValueError(f"version {version} of the format is not read")
    try:
        shape, _, dtype = HEADERS[version](file)  # type: ignore[no-untyped-call]
    except UNREADABLE as error:
        raise ValueError(f"its header cannot be read: {type(error).__name__}") from error
    # NumPy lets truth values and any large number pass for sizes, and then fails in its own ways
    if any(type(n) is not int or not 0 <= n <= sys.maxsize for n in shape):
        raise ValueError(f"its header claims a shape of {shape}")
    smallest = min(_sizes(dtype))
    if smallest < 0 or (not dtype.itemsize and math.prod(shape)):
        raise ValueError(f"its header claims {math.prod(shape)} values of {smallest} bytes")
    claimed = math.prod(shape) * dtype.itemsize
    # objects are pickled, which is refused by whoever reads them
    if claimed > size and not dtype.hasobject:
        raise ValueError(f"its header claims {claimed} bytes, in a file of {size}")
