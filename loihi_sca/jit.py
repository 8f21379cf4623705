"""Machine code of numba kernels that is kept from run to run, and never out of date.

Numba keeps machine code under the time stamp of the file that holds the function, and does not
notice that a function which was compiled into it, from another file, has changed. So only
functions that are called from Python are kept, under a digest of all files of their package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kept(make: Callable[[str], F], package: Path, **options: Any) -> F:
    """Compile the function that ``make`` returns, without the GIL, and keep the machine code.

    Parameters
    ----------
    make : callable
        Given a digest of the sources, returns the function. The function must mention the digest:
        that makes it a part of the key under which numba keeps the code, beside the source or,
        where that cannot be written, in the user's cache folder.
    package : path
        Folder of all sources that are compiled into the function.
    options
        For ``numba.njit``.
    """
    function = make(_digest(package))
    try:
        kernel: F = numba.njit(function, nogil=True, cache=True, **options)
    except RuntimeError:  # there is no place to keep it: compile in every process
        kernel = numba.njit(function, nogil=True, **options)
    return kernel


@cache
def _digest(package: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(package.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
