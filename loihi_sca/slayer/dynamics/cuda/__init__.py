"""The scans on CUDA: Triton kernels, which need neither nvcc nor a CUDA toolkit.

Triton comes with torch's wheels for Linux. It is imported when a tensor on a GPU asks for it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil


def obstacle() -> str | None:
    """Say why Triton cannot be used here, and what to do; None if it can."""
    if importlib.util.find_spec("triton") is None:
        return "Triton is not installed: pip install triton, in the version that torch asks for."
    if "CC" not in os.environ and not any(shutil.which(name) for name in ("gcc", "clang")):
        return (
            "Triton builds the few lines that start a kernel with a C compiler, and there is "
            "none: install gcc or clang, or let CC name one."
        )
    return None
