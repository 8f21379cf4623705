"""Arrays that users keep in ``.npy`` files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.errors import InputError


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
        found = np.load(path, allow_pickle=False, mmap_mode="r" if memory_map else None)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file.") from error
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: not a .npy array ({error}).") from error
    if not isinstance(found, np.ndarray):
        found.close()
        raise InputError(f"{path}: an .npz archive; give a single array (.npy).")
    return found
