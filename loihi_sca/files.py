"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    temporary = _beside(target)
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def check_target(target: str | os.PathLike[str]) -> None:
    """Find out whether a file could be written, before long work; nothing is left behind.

    Raises
    ------
    InputError
        As of :func:`atomic_path`.
    """
    _beside(Path(target)).unlink()


def _beside(target: Path) -> Path:
    """Create an empty file beside the target, with a name that no other has."""
    if target.is_dir():
        raise InputError(f"cannot write {target}: it is a folder. Give a file name.")
    if not target.parent.exists():
        raise InputError(f"cannot write {target}: there is no folder {target.parent}.")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        # the mode that any new file has: only the kernel can apply the umask of the process
        # without setting it, which would be seen by files that other threads create meanwhile
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except PermissionError as error:
        raise InputError(
            f"cannot write {target}: {error.strerror}, no permission to write into "
            f"{target.parent}. Give another place."
        ) from error
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}.") from error
    return temporary


def write_text(target: str | os.PathLike[str], text: str) -> None:
    """Write text atomically."""
    with atomic_path(target) as path:
        path.write_text(text, encoding="utf-8")


def write_json(target: str | os.PathLike[str], value: Any) -> None:
    """Write JSON atomically, keys in the order given."""
    write_text(target, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_csv(
    target: str | os.PathLike[str], columns: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> None:
    """Write rows as CSV with a line of column names, even where there are no rows.

    Text stands as it is, None is an empty cell, and all else is JSON: ``true``, ``0.125``,
    ``[3, 32, 32]``.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    write_text(target, text.getvalue())


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, allow_nan=False)


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
