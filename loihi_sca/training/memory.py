"""Memory of a training process."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""glibc's ``M_TRIM_THRESHOLD`` and ``M_MMAP_THRESHOLD``, see mallopt(3)."""

_SIZES = (1 << 30, 1 << 25)
"""What to ask for, the second where the first is more than glibc allows."""


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees, for the next step to use.

    glibc hands large blocks back to the system when they are freed. A training step allocates the
    same hundreds of megabytes as the step before, so the system would clear and map every page of
    them anew.

    Returns
    -------
    bool
        Whether the C library can be told to; if not, nothing has changed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # not glibc
        return False
    return all(
        any(mallopt(option, size) for size in _SIZES)
        for option in (_MMAP_THRESHOLD, _TRIM_THRESHOLD)
    )
