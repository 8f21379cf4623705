"""Text of variable length in HDF5 files, read without HDF5.

On damaged ones HDF5 ends the process, and no exception can be caught. So the places where such
text lies are looked up here, each checked against the size of the file. Layout: HDF5 File Format
Specification 3.0, III.E (global heap) and IV.A.2.m (layout message).
"""

from __future__ import annotations

import math
import struct
from typing import Any, BinaryIO

import h5py
import numpy as np
import numpy.typing as npt

REFERENCE = struct.Struct("<IQI")
"""Length of a text, place of the heap that holds it, and its number there."""

HEAP = struct.Struct("<4sB3xQ")
OBJECT = struct.Struct("<HH4xQ")
NOWHERE = (1 << 64) - 1

MOST_BYTES = 1 << 24
"""All text of a field; a network has names and types, and no books."""


def read_texts(dataset: h5py.Dataset) -> npt.NDArray[Any]:
    """Return the bytes of a field of text of variable length, an array of objects of its shape.

    Raises
    ------
    ValueError
        Its values are no text, lie in pieces, or where they should be there is something else.
    """
    kind = h5py.check_string_dtype(dataset.dtype)
    if kind is None or kind.length is not None:
        raise ValueError(f"field {dataset.name!r} holds {dataset.dtype} that are no text")
    place, count = dataset.id.get_offset(), math.prod(dataset.shape)
    if place is None or dataset.id.get_create_plist().get_layout() != h5py.h5d.CONTIGUOUS:
        raise ValueError(
            f"field {dataset.name!r} holds text of variable length in pieces, which is not read; "
            "write it without chunks"
        )
    created = dataset.file.id.get_create_plist()
    if created.get_sizes() != (8, 8):
        raise ValueError("its addresses are not of 8 bytes")
    with open(dataset.file.filename, "rb") as file:
        heaps = _Heaps(file, int(created.get_userblock()))
        raw = heaps.read(place, count * REFERENCE.size)
        texts = [heaps.text(*said) for said in REFERENCE.iter_unpack(raw)]
    found = np.empty(count, dtype=object)
    found[:] = texts
    return found.reshape(dataset.shape)


class _Heaps:
    """The global heaps of a file, each read once."""

    def __init__(self, file: BinaryIO, base: int) -> None:
        self.file, self.base = file, base
        self.end = file.seek(0, 2)
        self.known: dict[int, dict[int, tuple[int, int]]] = {}
        self.left = MOST_BYTES

    def read(self, place: int, size: int) -> bytes:
        if place < 0 or size < 0 or place + size > self.end:
            raise ValueError(f"{size} bytes from byte {place} are not in a file of {self.end}")
        self.file.seek(place)
        return self.file.read(size)

    def text(self, length: int, heap: int, number: int) -> bytes:
        if length == 0 or heap in (0, NOWHERE):
            return b""
        self.left -= length
        if self.left < 0:
            raise ValueError(f"its text is of more than {MOST_BYTES} bytes")
        if heap not in self.known:
            self.known[heap] = self._objects(heap + self.base)
        place, size = self.known[heap].get(number, (0, 0))
        if length > size:
            raise ValueError(f"a text of {length} bytes is to lie in {size}")
        return self.read(place, length).split(b"\0", 1)[0]

    def _objects(self, place: int) -> dict[int, tuple[int, int]]:
        """Return place and size of what a heap holds, by number."""
        signature, version, size = HEAP.unpack(self.read(place, HEAP.size))
        if (signature, version) != (b"GCOL", 1):
            raise ValueError(f"there is no heap at byte {place}")
        content = self.read(place, size)
        found, at = {}, HEAP.size
        while at + OBJECT.size <= size:
            number, _, length = OBJECT.unpack_from(content, at)
            at += OBJECT.size
            if number == 0:  # the rest is free
                break
            if length > size - at:
                raise ValueError(f"of the heap at byte {place} an object reaches beyond its end")
            found[number] = (place + at, length)
            at += -(-length // 8) * 8
        return found
