"""What the machine's processor says of itself."""

from __future__ import annotations

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


_CPUINFO = Path("/proc/cpuinfo")


@cache
def _field(name: str) -> str | None:
    try:
        lines = _CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((x.split(":", 1)[1].strip() for x in lines if x.startswith(name)), None)
