"""The versions and the machine that a result depends on."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import sys
from typing import Any

from loihi_sca import lava_python
from loihi_sca.errors import BackendError
from loihi_sca.processor import processor

PACKAGES = ("loihi-sca", "lava-dl", "lava-nc", "torch", "numpy", "h5py")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a result depends on.

    What is not installed is left out; ``lava`` names the Python that runs Lava, if one does.
    """
    found = package_versions()
    with contextlib.suppress(BackendError):
        found["lava"] = str(lava_python.find())
    return found


def package_versions() -> dict[str, str]:
    """Return the same without the Python that runs Lava, which takes a while to find."""
    found = {"python": platform.python_version(), "platform": sys.platform}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def machine() -> dict[str, Any]:
    """Describe the machine, as far as it matters for speed and names nobody."""
    return {
        "processor": processor(),
        "cores": _cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # there is none on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1
