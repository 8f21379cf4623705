"""How many threads there are, and work for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from loihi_sca.errors import InputError

Found = TypeVar("Found")


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


def each_done(threads: int, work: Callable[[int], Found], items: Iterable[int]) -> Iterator[Found]:
    """Yield what ``work`` returns for each item, as soon as it does.

    What has not begun is dropped when something fails or Ctrl-C is pressed. A single thread is the
    calling one: another would take as long to start as some runs, and find new memory.
    """
    if threads == 1:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="loihi-sca-fast")
    try:
        for future in as_completed([pool.submit(work, item) for item in items]):
            yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
