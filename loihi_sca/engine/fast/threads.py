"""How many threads there are, and a pool of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from loihi_sca.errors import InputError


def usable_threads(wanted: int | None) -> int:
    """Return how many threads to use: what is wanted, or one per available processor.

    Raises
    ------
    InputError
        None are wanted.
    """
    if wanted is None:
        affinity = getattr(os, "sched_getaffinity", None)  # there is none on macOS
        return len(affinity(0)) if affinity else os.cpu_count() or 1
    if wanted < 1:
        raise InputError(f"threads is {wanted}, must be at least 1.")
    return wanted


@contextmanager
def pool_of(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool that drops what has not begun when something fails or Ctrl-C is pressed."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="loihi-sca-fast")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
