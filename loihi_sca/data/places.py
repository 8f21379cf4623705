"""Where the files of a dataset are, under the folder that a user names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from loihi_sca.errors import InputError


def needs_folder(name: str, root: Path | None, wanted: str) -> Path:
    """Return the root.

    Raises
    ------
    InputError
        It is not given; the message says what should be there.
    """
    if root is None:
        raise InputError(
            f"{name} needs a folder with {wanted}. Pass it as root (--root on the command line, "
            "data.root in a recipe). Nothing is downloaded."
        )
    return root


def first_folder(root: Path, places: Iterable[str], content: str) -> Path | None:
    """Return the first ``root/place/content`` that is a folder."""
    return next((p for p in (root / place / content for place in places) if p.is_dir()), None)


def first_file(*candidates: Path) -> Path | None:
    """Return the first that is a file."""
    return next((p for p in candidates if p.is_file()), None)
