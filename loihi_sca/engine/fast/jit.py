"""How the engine's kernels are compiled: on first use, exact integers, machine code kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

from loihi_sca.jit import kept

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function that other kernels call, and that makes no arrays.

    Whoever calls it holds its arrays, so that it does not count who refers to them: that takes an
    atomic operation for each slice, and the loops over timesteps are full of these. Numba refuses
    to compile one that makes an array all the same.
    """
    kernel: F = numba.njit(function, nogil=True, _nrt=False)
    return kernel


def allocating(function: F) -> F:
    """As :func:`compiled`, for a function that makes arrays, or calls one that returns some."""
    kernel: F = numba.njit(function, nogil=True, _nrt=True)
    return kernel


def inlined(function: F) -> F:
    """As :func:`compiled`, and always copy it into its callers."""
    kernel: F = numba.njit(function, nogil=True, inline="always")
    return kernel


def entry_point(make: Callable[[str], F]) -> F:
    """Compile a function that Python calls; see :func:`loihi_sca.jit.kept`."""
    return kept(make)
