"""The networks and golden arrays that lava-dl installs; tests are skipped where it does not."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest


def installed_files() -> list[Path]:
    """Return all files of lava-dl that are there."""
    try:
        files = importlib.metadata.files("lava-dl") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("lava-dl is not installed")
    return [path for path in (Path(str(file.locate())) for file in files) if path.is_file()]


def installed(ending: str) -> Path:
    """Return the first of them whose path ends so."""
    for path in installed_files():
        if path.as_posix().endswith(f"/{ending}"):
            return path
    pytest.skip(f"lava-dl does not bring {ending}")


def golden(folder: str) -> dict[str, Path]:
    """Return those of a folder of golden arrays, by name."""
    found = {p.name: p for p in installed_files() if f"gts/{folder}/" in p.as_posix()}
    if not found:
        pytest.skip(f"lava-dl does not bring its golden data {folder}")
    return found
