"""Python functions on the threads that torch computes with.

Between two operations torch's threads wait by spinning, for milliseconds, so that the next one
finds them awake. Threads of anybody else beside them would share cores with those that wait.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

_BODY = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

_forked = False
"""Whether this process has torch's threads from its parent's memory only."""


def _note_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def is_there() -> bool:
    """Tell whether there are such threads: of GCC's OpenMP, and not lost in a fork."""
    return not _forked and _parallel() is not None


def share(work: Callable[[int], None], pieces: int) -> None:
    """Call ``work`` for all of ``range(pieces)``, on as many threads at most.

    Parameters
    ----------
    work : callable
        Must let go of the GIL, or nothing is won.
    pieces : int
        Number of calls.

    Raises
    ------
    BaseException
        The first that a call raised, once no thread is at work any more.
    """
    left = iter(range(pieces))
    failures: list[BaseException] = []

    def body(_: Any = None) -> None:
        try:
            for piece in left:
                work(piece)
        except BaseException as error:  # none may pass through OpenMP
            failures.append(error)

    parallel = _parallel()
    assert parallel is not None  # noqa: S101 (is_there was asked)
    parallel(_BODY(body), None, pieces, 0)
    body()  # Ctrl-C may come before a thread's first line
    if failures:
        raise failures[0]


@lru_cache(maxsize=1)
def _parallel() -> Any:
    """Return the entry to the OpenMP library that torch has loaded, None if there is none."""
    loaded = getattr(os, "RTLD_NOLOAD", None)
    parallel_info: Any = torch.__config__.parallel_info
    if loaded is None or "OpenMP" not in parallel_info():
        return None
    folder = Path(torch.__file__).parent
    bundled = [*folder.glob("lib/libgomp*"), *folder.with_name("torch.libs").glob("libgomp*")]
    for library in (*map(str, bundled), "libgomp.so.1"):
        try:
            parallel = ctypes.CDLL(library, mode=loaded | os.RTLD_NOW).GOMP_parallel
        except (OSError, AttributeError):
            continue
        parallel.argtypes = [_BODY, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
        parallel.restype = None
        return parallel
    return None
