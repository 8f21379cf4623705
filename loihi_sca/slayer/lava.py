"""Import lava-dl's SLAYER quietly, on any Python.

``import lava.lib.dl.slayer`` takes seconds and writes to stdout, where our JSON goes, and to
stderr, about a camera and a GPU that nobody asked for. Its object detection, which nobody here
uses, is the only part that asks for OpenCV and torchvision, and half of what is imported: an empty
module stands in for it, and with it gone SLAYER runs on Python 3.11 and later with today's torch
and numpy.
"""

from __future__ import annotations

import contextlib
import io
import sys
import types
import warnings

from loihi_sca.errors import BackendError

OBJECT_DETECTION = "lava.lib.dl.slayer.object_detection"

try:
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # lava-dl's own deprecations, nothing a user can mend
        if "lava.lib.dl.slayer" not in sys.modules:
            sys.modules.setdefault(OBJECT_DETECTION, types.ModuleType(OBJECT_DETECTION))
        from lava.lib.dl import slayer
except ImportError as error:
    raise BackendError(
        f"training needs torch and lava-dl 0.6.0; importing them failed: {error}. "
        "`loihi-sca doctor` says what is there and how to get the rest."
    ) from error

__all__ = ["slayer"]
