"""Compile the kernels on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile on first use, without the GIL, and keep the machine code for the next process.

    Numba keeps it beside the source or, where that cannot be written, in the user's cache folder.
    """
    return _compile(function)


def inlined(function: F) -> F:
    """As :func:`compiled`, for a function that is always copied into its callers."""
    return _compile(function, forceinline=True)


def _compile(function: F, **options: bool) -> F:
    try:
        kernel: F = numba.njit(function, nogil=True, cache=True, **options)
    except RuntimeError:  # there is no place to keep it: compile in every process
        kernel = numba.njit(function, nogil=True, **options)
    return kernel
