"""Compile the kernels on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile on first use, without the GIL, and keep the machine code for the next process.

    Products and sums may be contracted (fused multiply-add), which changes float results in the
    last bit but not from run to run; integers are not affected.
    """
    return _compile(function)


def inlined(function: F) -> F:
    """As :func:`compiled`, for a function that is always copied into its callers."""
    return _compile(function, forceinline=True)


def _compile(function: F, **options: bool) -> F:
    settings: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, **options}
    try:
        kernel: F = numba.njit(function, cache=True, **settings)
    except RuntimeError:  # there is no place to keep it: compile in every process
        kernel = numba.njit(function, **settings)
    return kernel
