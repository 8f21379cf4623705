"""The versions that a result depends on."""

from __future__ import annotations

import importlib.metadata
import platform
import sys

PACKAGES = ("loihi-sca", "lava-dl", "lava-nc", "torch", "numpy", "h5py")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a result depends on."""
    return {"python": platform.python_version(), "platform": sys.platform} | {
        name: importlib.metadata.version(name) for name in PACKAGES
    }
