"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loihi_sca.errors import InputError


@contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside the target and rename it onto the target on success.

    On any exception the temporary file is removed and the target is left as it was.

    Raises
    ------
    InputError
        The folder does not exist or cannot be written, or the target is a folder.
    """
    target = Path(target)
    if target.is_dir():
        raise InputError(f"cannot write {target}: it is a folder. Give a file name.")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        # the mode that any new file has: only the kernel can apply the umask of the process
        # without setting it, which would be seen by files that other threads create meanwhile
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}.") from error
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: str | os.PathLike[str], text: str) -> None:
    """Write text atomically."""
    with atomic_path(target) as path:
        path.write_text(text, encoding="utf-8")


def write_json(target: str | os.PathLike[str], value: Any) -> None:
    """Write JSON atomically, keys in the order given."""
    write_text(target, json.dumps(value, indent=2, allow_nan=False) + "\n")


def make_folder(folder: str | os.PathLike[str]) -> Path:
    """Create a folder with its parents and return it.

    Raises
    ------
    InputError
        It cannot be created or written to.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot create folder {path}: {error.strerror}.") from error
    if not os.access(path, os.W_OK):
        raise InputError(f"cannot write into folder {path}: permission denied.")
    return path
