"""HDF5 files as bytes."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import h5py


def image(fill: Callable[[h5py.File], None]) -> bytes:
    """Return the bytes of the file that ``fill`` writes; the same content gives the same bytes.

    HDF5 writes when it closes a file, where a full disk ends in errors of its library, some of them
    after the last line of the program. So it never sees a disk; and two that are written at once
    must not have one name.
    """
    name = uuid.uuid4().hex
    with h5py.File(name, "w", driver="core", backing_store=False, track_order=False) as file:
        fill(file)
        file.flush()
        content: bytes = file.id.get_file_image()
    return content
