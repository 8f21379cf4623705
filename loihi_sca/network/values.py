"""Frozen values: content equality, digests, and the checks that every constructor shares."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import Field, fields, is_dataclass
from typing import Any, ClassVar, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from loihi_sca.errors import NetworkError

IntArray: TypeAlias = npt.NDArray[np.int32]
Shape: TypeAlias = tuple[int, ...]
Pair: TypeAlias = tuple[int, int]


class Node:
    """Value semantics for frozen dataclasses that hold arrays: equality and digest by content.

    The repr of one says of its arrays what they are, and not what is in them.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.digest() == other.digest()

    def __hash__(self) -> int:
        return hash(self.digest())

    def __repr__(self) -> str:
        told = [
            f"{f.name}={_short(getattr(self, f.name))}" for f in fields(self) if _is_said(self, f)
        ]
        return f"{type(self).__name__}({', '.join(told)})"

    def digest(self) -> str:
        """Return the SHA-256 of the content, the same on every machine."""
        sha = hashlib.sha256()
        for part in _canonical(self):
            sha.update(part)
        return sha.hexdigest()


def _is_said(node: Node, f: Field[Any]) -> bool:
    """Tell whether a field is shown: not where it has its default."""
    value = getattr(node, f.name)
    unset = isinstance(value, int | tuple) and value == f.default
    return f.repr and not (value is None or unset)


def _short(value: object) -> str:
    """Return a value, and of an array or a table of them only what it is."""
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} {value.shape}>"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_short(x)}" for key, x in value.items()) + "}"
    return repr(value)


def _canonical(value: object, name: str = "") -> Iterator[bytes]:
    """Yield bytes that determine a value, for hashing."""
    if is_dataclass(value):
        yield f"<{name}:{type(value).__name__}>".encode()
        for f in fields(value):
            said = f.metadata.get("digest", True)
            # a field that came later counts where it is set: digests of before stay what they are
            if said and not (said == "set" and getattr(value, f.name) == f.default):
                yield from _canonical(getattr(value, f.name), f.name)
    elif isinstance(value, np.ndarray):
        yield f"[{name}:{value.shape}:{value.dtype.str}]".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, Mapping):
        yield f"{{{name}:{len(value)}}}".encode()
        for key in sorted(value):
            yield from _canonical(value[key], key)
    elif isinstance(value, tuple) and any(is_dataclass(v) for v in value):
        for i, item in enumerate(value):
            yield from _canonical(item, str(i))
    else:
        yield f"({name}:{_plain(value)!r})".encode()


def _plain(value: object) -> object:
    """Return Python's own number for one of NumPy's, whose text depends on NumPy's version."""
    if isinstance(value, np.generic):
        return value.item()
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value


def check_whole(owner: str, what: str, value: object, low: int | None = None) -> None:
    """Raise unless the value is an integer of at least ``low``."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise NetworkError(f"{owner}: {what} must be an integer, got {value!r}.")
    if low is not None and value < low:
        raise NetworkError(f"{owner}: {what} is {value}, must be at least {low}.")


def as_ints(
    owner: str,
    what: str,
    value: object,
    *,
    ndim: int | None = None,
    shape: Shape | None = None,
    low: int = -(2**31),
    high: int = 2**31 - 1,
) -> IntArray:
    """Return a read-only int32 copy (or the array itself, if it is one already)."""
    array = np.asarray(value)
    if array.dtype.kind not in "iu" or (array.dtype.itemsize == 8 and array.dtype.kind == "u"):
        raise NetworkError(f"{owner}: {what} must hold integers, got {array.dtype}.")
    if array.size == 0:
        raise NetworkError(f"{owner}: {what} is empty (shape {array.shape}).")
    if ndim is not None and array.ndim != ndim:
        raise NetworkError(f"{owner}: {what} must have {ndim} dimensions, got {array.shape}.")
    if shape is not None and array.shape != shape:
        raise NetworkError(f"{owner}: {what} must have shape {shape}, got {array.shape}.")
    if int(array.min()) < low or int(array.max()) > high:
        raise NetworkError(
            f"{owner}: {what} spans {array.min()} to {array.max()}, allowed is {low} to {high}."
        )
    if array.dtype == np.int32 and array.flags.owndata and not array.flags.writeable:
        return array
    frozen = np.array(array, dtype=np.int32, order="C")
    frozen.setflags(write=False)
    return frozen


def as_shape(owner: str, value: object) -> Shape:
    """Return the value as ``(C, H, W)`` or ``(N,)``, or raise."""
    try:
        shape = tuple(int(n) for n in cast(tuple[int, ...], value))
    except (TypeError, ValueError):
        raise NetworkError(f"{owner}: {value!r} is no shape.") from None
    if len(shape) not in (1, 3) or min(shape) < 1:
        raise NetworkError(f"{owner}: shape must be (C, H, W) or (N,), all >= 1, got {shape}.")
    return shape
