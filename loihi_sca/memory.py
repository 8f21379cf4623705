"""How much memory there is, and a plain error before more than that is asked for."""

from __future__ import annotations

import os
from pathlib import Path

from loihi_sca.errors import InputError

CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""Where Linux says how much memory a container may use, in bytes, or ``max``."""


def memory_bytes() -> int:
    """Return the memory of the machine, or of the container that this process runs in."""
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(installed, int(CONTAINER_LIMIT.read_text(encoding="ascii")))
    except (OSError, ValueError):  # no container, or one without a limit
        return installed


def check_memory(what: str, needed_bytes: int, instead: str) -> None:
    """Raise if something cannot be held in memory, before it is allocated.

    Parameters
    ----------
    what : str
        What takes the memory, in the plural: ``--steps 1000000000: the padded spikes``.
    needed_bytes : int
        How much it takes; computed in Python's integers, which do not overflow.
    instead : str
        A sentence that says what to do.

    Raises
    ------
    InputError
        It takes more than there is.
    """
    available = memory_bytes()
    if needed_bytes > available:
        raise InputError(
            f"{what} take {needed_bytes / 2**30:,.1f} GiB of memory, and there are "
            f"{available / 2**30:,.1f} GiB. {instead}"
        )
