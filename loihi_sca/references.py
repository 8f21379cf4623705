"""What users name in Python: ``package.module:attribute``."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
from pathlib import Path
from typing import Any

from loihi_sca.errors import ConfigError

REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def is_reference(text: str) -> bool:
    """Tell whether a text names something in Python, ``package.module:attribute``."""
    return REFERENCE.fullmatch(text) is not None and not Path(text).exists()


def import_reference(text: str, folder: str | os.PathLike[str] | None = None) -> Any:
    """Import ``package.module:attribute`` and return the attribute.

    Parameters
    ----------
    text : str
    folder : path, optional
        Where modules are looked for first, besides where Python looks; by default the current
        folder.

    Raises
    ------
    ConfigError
        There is no such module or attribute, or the module cannot be imported.
    """
    module_name, _, path = text.partition(":")
    place = os.getcwd() if folder is None else os.path.abspath(folder)
    if place not in sys.path:
        sys.path.insert(0, place)
    try:
        # lava-dl prints when imported, and our stdout may be JSON
        with contextlib.redirect_stdout(sys.stderr):
            found = importlib.import_module(module_name)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise ConfigError(f"{text}: {error}.") from error
    return found
