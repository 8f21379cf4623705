"""Pickles of CIFAR-10 and CIFAR-100, of which nothing but arrays of numbers is read.

No array is made by the pickle: numpy's own parts can be told to take any bytes for objects, which
is as bad as running a program. What a pickle says of an array is noted down, checked, and only then
made into one.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.errors import InputError

CIFAR_SHAPE = (3, 32, 32)

NUMBERS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")
"""Types of array that are read."""

DAMAGE = (
    pickle.UnpicklingError, ArithmeticError, AttributeError, EOFError, LookupError, MemoryError,
    OSError, RecursionError, TypeError, ValueError,
)  # fmt: skip
"""What unpickling raises about a file that is none."""


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
        It is damaged, or asks for more than arrays of numbers.
    """
    try:
        content = path.read_bytes()
        _check_memo(content)
        batch = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        pixels = _numbers(batch[b"data"])
        if pixels.dtype != np.uint8:
            raise ValueError(f"its pixels are {pixels.dtype}, must be uint8")
        return pixels.reshape(-1, *CIFAR_SHAPE), _numbers(batch[labels]).astype(np.int64)
    except DAMAGE as error:
        raise InputError(f"{path}: damaged, or no batch of {what} ({error}).") from error


class _Type:
    """What a pickle says of the type of an array."""

    def __init__(self, kind: Any, *_: Any) -> None:
        self.kind, self.order = _text(kind), "|"

    def __setstate__(self, state: Any) -> None:
        self.order = _text(state[1])

    def made(self) -> np.dtype[Any]:
        if self.kind not in NUMBERS or self.order not in tuple("|<>"):
            raise ValueError(f"an array of {self.order}{self.kind}, and read are {NUMBERS}")
        return np.dtype(self.order + self.kind)


class _Array:
    """What a pickle says of an array; numpy's names for making one all mean this."""

    def __init__(self, *_: Any) -> None:
        self.said: tuple[Any, ...] = ()

    def __setstate__(self, state: Any) -> None:
        self.said = tuple(state)[1:]

    def made(self) -> npt.NDArray[Any]:
        if len(self.said) != 4 or not isinstance(self.said[1], _Type):
            raise ValueError("an array of which it does not say all")
        shape, kind, by_column, content = self.said
        if not isinstance(content, bytes | bytearray):
            raise ValueError("an array that is no bytes")
        flat = np.frombuffer(bytes(content), dtype=kind.made())
        return flat.reshape(shape, order="F" if by_column else "C")


class _Buffered(_Array):
    """The same, all of it said at once."""

    def __init__(self, content: Any, kind: Any, shape: Any, order: Any) -> None:
        self.said = (shape, kind, _text(order) == "F", content)


ARRAY_PARTS: dict[tuple[str, str], type] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _Buffered,
    ("numpy._core.numeric", "_frombuffer"): _Buffered,
}
"""All that a pickled array asks for: numpy 1's and numpy 2's names, whichever is installed."""


class _ArraysOnly(pickle.Unpickler):
    """Reads pickles of arrays, and runs nothing that a file might ask for."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what notes down an array; everything else is refused."""
        if (module, name) not in ARRAY_PARTS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return ARRAY_PARTS[module, name]


def _check_memo(content: bytes) -> None:
    """Raise where a pickle numbers what it remembers so high that room for it fills the memory."""
    for count, (code, argument, _) in enumerate(pickletools.genops(content)):
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > count:
            raise ValueError(f"it remembers number {argument} after {count} steps")


def _numbers(said: Any) -> npt.NDArray[Any]:
    """Return an array that was noted down, or a list of integers, as an array."""
    if isinstance(said, list) and all(type(x) is int for x in said):
        return np.asarray(said, dtype=np.int64)
    if not isinstance(said, _Array):
        raise ValueError("neither an array nor a list of integers")
    return said.made()


def _text(value: Any) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else str(value)
