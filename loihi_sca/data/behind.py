"""Which files stand behind what a user names."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from loihi_sca.data import listed
from loihi_sca.data.asked import is_recipe
from loihi_sca.data.labels import labels_beside
from loihi_sca.errors import LoihiScaError
from loihi_sca.references import is_reference
from loihi_sca.toml_files import read_toml

OF_A_RUN = (".toml", ".json", ".jsonl", ".safetensors")
"""Endings of files in a run folder that later commands read."""


def is_behind(file: Path, name: str, root: Path | None = None) -> bool:
    """Tell whether a file that is there is read where a text names something.

    Besides the file of that name these are labels beside it, what a list or a folder of samples
    holds, the module of ``module:function``, what a run folder says of its run, and all of these
    for the data of a recipe. What cannot be read has nothing behind it.

    Parameters
    ----------
    file : path
    name : str
        A file, a folder, a dataset, or anything else.
    root : path, optional
        Where the name is looked for besides the current folder.
    """
    with suppress(LoihiScaError, OSError, ValueError, csv.Error):
        same = file.stat()
        for read in _behind(file, name, root):
            with suppress(OSError, ValueError):
                if os.path.samestat(same, read.stat()):
                    return True
    return False


def _behind(file: Path, name: str, root: Path | None) -> Iterator[Path]:
    for folder in {Path(), root or Path()}:
        if is_reference(name):
            module = folder.joinpath(*name.partition(":")[0].split("."))
            yield from (module.with_suffix(".py"), module / "__init__.py")
            continue
        place = folder / name
        yield place
        if name.endswith(".npy"):
            yield labels_beside(place)
        if place.is_dir() and file.suffix in OF_A_RUN and place.resolve() in file.resolve().parents:
            yield file
        if place.is_dir() or name.lower().endswith(".csv"):
            yield from _samples(file, place)
        if is_recipe(str(place)):
            yield from _of_recipe(file, place, root)


def _samples(file: Path, place: Path) -> Iterator[Path]:
    # whatever else lies in a folder, such as a table that was written there, is no sample
    if file.suffix.lower() in listed.ENDINGS:
        with suppress(LoihiScaError, OSError, csv.Error):
            yield from listed.files_of(place)


def _of_recipe(file: Path, place: Path, root: Path | None) -> Iterator[Path]:
    path = place / "recipe.toml" if place.is_dir() else place
    data: Any = read_toml(path, str(path)).get("data")
    if not isinstance(data, dict) or not isinstance(name := data.get("name"), str):
        return
    own = data.get("root")
    if not is_recipe(name):  # a recipe names no other
        yield from _behind(file, name, Path(own) if root is None and isinstance(own, str) else root)
