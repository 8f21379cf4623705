"""How the engine's kernels are compiled: on first use, exact integers, machine code kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

from loihi_sca.jit import kept

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function that other kernels call."""
    kernel: F = numba.njit(function, nogil=True)
    return kernel


def inlined(function: F) -> F:
    """As :func:`compiled`, and always copy it into its callers."""
    kernel: F = numba.njit(function, nogil=True, inline="always")
    return kernel


def entry_point(make: Callable[[str], F]) -> F:
    """Compile a function that Python calls; see :func:`loihi_sca.jit.kept`."""
    return kept(make)
