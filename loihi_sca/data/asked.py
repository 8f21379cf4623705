"""What a dataset is asked for by: a name, a path, a recipe; as a section of a recipe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from loihi_sca.config import DataConfig, Recipe, load_recipe
from loihi_sca.errors import ConfigError
from loihi_sca.toml_files import validate


def name_of(name: str | os.PathLike[str]) -> str:
    """Return the name or path of a dataset as text.

    Raises
    ------
    ConfigError
        It is neither, an array for instance.
    """
    if isinstance(name, str | os.PathLike):
        return os.fspath(name)
    raise ConfigError(
        f"a dataset is named by a text or path, and this is a {type(name).__name__}. Save arrays "
        "with numpy.savez(FILE, x=spikes, y=labels), and give the file."
    )


def config_of(name: str, root: Path | str | None = None, **changes: Any) -> DataConfig:
    """Return what is asked for as a section of a recipe."""
    recipe = _recipe_of(name)
    values = {"name": name} if recipe is None else recipe.data.model_dump(exclude_unset=True)
    given = {"root": None if root is None else str(root), **changes}
    values |= {key: value for key, value in given.items() if value is not None}
    return validate(DataConfig, values, f"data {name!r}")


def seed_of(name: str) -> int:
    """Return the seed that divides training samples: that of a recipe or run, else 0."""
    recipe = _recipe_of(name)
    return 0 if recipe is None else recipe.seed


def _recipe_of(name: str) -> Recipe | None:
    if not is_recipe(name):
        return None
    in_folder = Path(name) / "recipe.toml"
    return load_recipe(in_folder if in_folder.is_file() else name)


def is_recipe(name: str) -> bool:
    """Tell whether a dataset's name is that of a recipe file or a run folder, which say it all."""
    return name.endswith(".toml") or (Path(name) / "recipe.toml").is_file()
