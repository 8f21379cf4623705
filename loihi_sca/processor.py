"""What the machine's processor says of itself, and how threads wait for each other on it."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path


def processor() -> str:
    """Return the name of the processor, or of its architecture where there is no better one."""
    named = _field("model name")
    if named is not None:
        return named
    return platform.machine() if _CPUINFO.exists() else platform.processor() or platform.machine()


def vendor() -> str | None:
    """Return who made it, such as ``AuthenticAMD``; None where the system does not say."""
    return _field("vendor_id")


def let_threads_rest() -> None:
    """Let torch's threads spin a thirtieth as long between two operations as they do by default.

    By default GCC's OpenMP has a thread spin 300,000 times before it sleeps. Where others want the
    core too, each waits for those that only wait. It asks once, when torch is loaded; whoever has
    set it has their way.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


_SPINS = "10000"

_CPUINFO = Path("/proc/cpuinfo")


@cache
def _field(name: str) -> str | None:
    try:
        lines = _CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((x.split(":", 1)[1].strip() for x in lines if x.startswith(name)), None)
