"""How the scans are compiled: on first use, machine code kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

from loihi_sca.jit import kept

F = TypeVar("F", bound=Callable[..., Any])

# Products and sums may be contracted (fused multiply-add), which changes float results in the last
# bit, but not from run to run; integers are not affected.
_FLOAT = {"contract"}


def inlined(function: F) -> F:
    """Compile a function that is always copied into its callers."""
    kernel: F = numba.njit(function, nogil=True, fastmath=_FLOAT, forceinline=True)
    return kernel


def entry_point(make: Callable[[str], F]) -> F:
    """Compile a function that Python calls; see :func:`loihi_sca.jit.kept`."""
    return kept(make, fastmath=_FLOAT)
