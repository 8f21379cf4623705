"""Run a kernel's chunks on as many threads as torch may use.

On torch's own threads where they can be had. Else on a small pool of our own rather than by
numba's ``prange``: the kernels release the GIL, chunks are coarse, and none of numba's threading
layers survives both a fork (Lava, data loaders) and two Python threads that train at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import torch

from loihi_sca.slayer.dynamics import team

CHUNKS = 16
"""Units of parallel work; fixed, so that sums do not depend on the number of threads."""

_SMALL = 1 << 15
"""Neuron-steps below which waking a thread costs more than it saves."""


def run(kernel: Callable[..., None], work: int, *arguments: Any) -> None:
    """Call ``kernel(first, last, *arguments)`` so that all chunks are done.

    Parameters
    ----------
    kernel : compiled function
        Must not hold the GIL.
    work : int
        Neuron-steps, to decide whether threads pay.
    *arguments
        Passed on.
    """
    threads = min(torch.get_num_threads(), CHUNKS, max(work // _SMALL, 1))
    if threads == 1:
        kernel(0, CHUNKS, *arguments)
        return
    bounds = [i * CHUNKS // threads for i in range(threads + 1)]
    if team.is_there():
        team.share(lambda i: kernel(bounds[i], bounds[i + 1], *arguments), threads)
        return
    pool = _pool(os.getpid(), torch.get_num_threads())
    others = [pool.submit(kernel, bounds[i], bounds[i + 1], *arguments) for i in range(1, threads)]
    kernel(0, bounds[1], *arguments)
    for other in others:
        other.result()


@lru_cache(maxsize=1)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Return this process's pool; threads do not live on in a forked child, so it gets its own."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix=f"neurons-{process}")
