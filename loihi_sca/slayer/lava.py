"""Import lava-dl's SLAYER quietly.

``import lava.lib.dl.slayer`` takes 4 to 13 s and writes to stdout, where our JSON goes, and to
stderr, about a camera and a GPU that nobody asked for.
"""

from __future__ import annotations

import contextlib
import io
import warnings

from loihi_sca.errors import BackendError

try:
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # lava-dl's own deprecations, nothing a user can mend
        from lava.lib.dl import slayer
except ImportError as error:
    raise BackendError(
        f"training needs lava-dl 0.6.0, which runs on Python 3.10 only ({error}). "
        "Install loihi-sca under Python 3.10."
    ) from error

__all__ = ["slayer"]
