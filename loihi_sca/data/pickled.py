"""Pickles of CIFAR-10 and CIFAR-100, of which nothing but arrays is read."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.errors import InputError

CIFAR_SHAPE = (3, 32, 32)


def read_batch(
    path: Path, what: str, labels: bytes
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return images (N, 3, 32, 32) and labels (N,) of a file as torchvision keeps it.

    Parameters
    ----------
    path : path
    what : str
        The dataset, for errors.
    labels : bytes
        Key of the labels.

    Raises
    ------
    InputError
        It is damaged, or asks for more than arrays.
    """
    try:
        batch = _ArraysOnly(io.BytesIO(path.read_bytes()), encoding="bytes").load()
        pixels = np.asarray(batch[b"data"], dtype=np.uint8).reshape(-1, *CIFAR_SHAPE)
        return pixels, np.asarray(batch[labels], dtype=np.int64)
    except (pickle.UnpicklingError, KeyError, ValueError, EOFError, TypeError, OSError) as error:
        raise InputError(f"{path}: damaged, or no batch of {what} ({error}).") from error


_REBUILD: Any = np.zeros(1).__reduce__()[0]
_FROM_BUFFER: Any = np.zeros(1).__reduce_ex__(5)[0]

ARRAY_PARTS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _REBUILD,
    ("numpy._core.multiarray", "_reconstruct"): _REBUILD,
    ("numpy.core.numeric", "_frombuffer"): _FROM_BUFFER,
    ("numpy._core.numeric", "_frombuffer"): _FROM_BUFFER,
}
"""All that a pickled array asks for: numpy 1's and numpy 2's names, whichever is installed."""


class _ArraysOnly(pickle.Unpickler):
    """Reads pickles of arrays, and runs nothing that a file might ask for."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what makes an array; everything else is refused."""
        if (module, name) not in ARRAY_PARTS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return ARRAY_PARTS[module, name]
