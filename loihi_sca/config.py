"""Recipes: everything that determines a training run, as TOML checked by pydantic.

An unknown key is an error that suggests the nearest known one. Shipped recipes are found by name.
"""

from __future__ import annotations

import difflib
import sys
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, NonNegativeInt, ValidationError

from loihi_sca.errors import ConfigError
from loihi_sca.sections import (
    BUDGETS,
    ConvConfig,
    DataConfig,
    DenseConfig,
    Encoding,
    LayerConfig,
    ModelConfig,
    NeuronConfig,
    Objective,
    PoolConfig,
    PruningConfig,
    Section,
    TrainingConfig,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = [
    "BUDGETS", "ConvConfig", "DataConfig", "DenseConfig", "Encoding", "LayerConfig", "ModelConfig",
    "NeuronConfig", "Objective", "PoolConfig", "PruningConfig", "Recipe", "TrainingConfig",
    "load_recipe", "parse", "shipped_recipes",
]  # fmt: skip


class Recipe(Section):
    """Everything that determines a training run.

    Attributes
    ----------
    name : str
        For people and file names.
    seed : int
        Of initial weights, order of samples and the validation split.
    data, model, training, pruning
        See the sections. Without ``pruning`` the network stays dense.
    """

    name: str
    seed: NonNegativeInt = 0
    data: DataConfig = DataConfig()
    model: ModelConfig
    training: TrainingConfig = TrainingConfig()
    pruning: PruningConfig | None = None


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that come with the package."""
    folder = resources.files("loihi_sca") / "recipes"
    return sorted(
        p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")
    )


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Load a recipe by the name of a shipped one or from a TOML file.

    Raises
    ------
    ConfigError
        It is missing, not TOML, or says something that cannot be meant; all problems are listed.
    """
    text = _recipe_text(name_or_path)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name_or_path}: not valid TOML: {error}.") from error
    return parse(Recipe, values, str(name_or_path))


def parse(model: type[Recipe], values: dict[str, Any], source: str) -> Recipe:
    """Validate values, turning pydantic's findings into one readable error."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [_explain(model, dict(item)) for item in error.errors()]
        raise ConfigError(f"{source}: " + "; ".join(problems) + ".") from error


def _recipe_text(name_or_path: str | Path) -> str:
    path = Path(name_or_path)
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: cannot be read: {error}.") from error
    names = shipped_recipes()
    if str(name_or_path) in names:
        shipped = resources.files("loihi_sca") / "recipes" / f"{name_or_path}.toml"
        return shipped.read_text(encoding="utf-8")
    near = difflib.get_close_matches(str(name_or_path), names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ConfigError(
        f"no recipe {str(name_or_path)!r}: neither a file nor a shipped recipe "
        f"({', '.join(names)}).{hint}"
    )


def _explain(model: type[BaseModel], problem: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        return f"{where}: {problem['msg']}" if where else str(problem["msg"])
    known = _known_keys(model, problem["loc"][:-1])
    near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
    hint = f", did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
    return f"unknown key {where!r}{hint}"


def _known_keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """Return the keys of the table that the location leads to."""
    schema: dict[str, Any] = model.model_json_schema()
    node = schema
    for part in location:
        node = _resolve(schema, node)
        if isinstance(part, int):
            node = node.get("items", {})
        elif "properties" in node and part in node["properties"]:
            node = node["properties"][part]
        else:  # the tag of a discriminated union
            node = node.get("discriminator", {}).get("mapping", {}).get(part, node)
            node = {"$ref": node} if isinstance(node, str) else node
    return sorted(_resolve(schema, node).get("properties", {}))


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node or "anyOf" in node:
        if "anyOf" in node:
            node = next(option for option in node["anyOf"] if option.get("type") != "null")
        else:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node
