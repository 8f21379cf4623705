"""Compile the kernels on first use, and keep the machine code of the outermost ones.

Numba keeps machine code under the time stamp of the file that holds the function, and does not
notice that a function which was compiled into it, from another file, has changed. So only
functions that are called from Python are kept, under a digest of all files of this package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])

# Products and sums may be contracted (fused multiply-add), which changes float results in the last
# bit, but not from run to run; integers are not affected.
_FLOAT = {"contract"}


def inlined(function: F) -> F:
    """Compile a function that is always copied into its callers."""
    kernel: F = numba.njit(function, nogil=True, fastmath=_FLOAT, forceinline=True)
    return kernel


def entry_point(make: Callable[[str], F]) -> F:
    """Compile the function that ``make`` returns, without the GIL, and keep the machine code.

    ``make`` is given a digest of the sources. The function must mention it: that makes it a part
    of the key under which numba keeps the code, beside the source or, where that cannot be
    written, in the user's cache folder.
    """
    function = make(_sources())
    try:
        kernel: F = numba.njit(function, nogil=True, fastmath=_FLOAT, cache=True)
    except RuntimeError:  # there is no place to keep it: compile in every process
        kernel = numba.njit(function, nogil=True, fastmath=_FLOAT)
    return kernel


@cache
def _sources() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
