"""What users name in Python: ``package.module:attribute``."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import os
import re
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from loihi_sca.errors import ConfigError, LoihiScaError

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
        There is no such module or attribute, or importing the module raises an error.
    """
    module_name, _, path = text.partition(":")
    place = os.getcwd() if folder is None else os.path.abspath(folder)
    if place not in sys.path:
        sys.path.insert(0, place)
    try:
        # lava-dl prints when imported, and our stdout may be JSON
        with contextlib.redirect_stdout(sys.stderr):
            found = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{text}: {_not_found(error, module_name, Path(place))}") from error
    except (LoihiScaError, MemoryError):
        raise
    except Exception as error:
        raise ConfigError(f"{text}: {_not_imported(error, module_name)}") from error
    try:
        for part in path.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        file = getattr(sys.modules[module_name], "__file__", None)
        told = f"{error} ({file})" if file else str(error)
        raise ConfigError(f"{text}: {told}{_nearest(part, dir(found))}") from error
    return found


def _not_found(error: ModuleNotFoundError, module: str, place: Path) -> str:
    """Say which module is not there, where it was looked for, and what to do."""
    missing = error.name or module
    if module != missing and not module.startswith(f"{missing}."):
        return f"{module} imports {missing}, which is not installed here ({error}). Install it."
    package, _, name = missing.rpartition(".")
    if package:
        return f"{error}: {package} has no module {name}."
    near = _nearest(missing, (path.stem for path in place.glob("*.py")))
    return (
        f"{error}: neither {missing}.py nor a folder {missing} is in {place}, and no package of "
        f"that name is installed{near} Start from the folder that holds it, or put that on "
        "PYTHONPATH."
    )


def _not_imported(error: Exception, module: str) -> str:
    """Say what a module has raised while it was imported, and where."""
    if isinstance(error, SyntaxError):
        return f"{module} cannot be imported, {type(error).__name__}: {error}. Mend it."
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}, line {last.lineno}"
    return (
        f"{module} cannot be imported, {type(error).__name__}: {error} ({where}). Mend it; on the "
        "command line --debug shows the way there."
    )


def _nearest(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence, which asks whether the nearest known word is meant."""
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else "."
