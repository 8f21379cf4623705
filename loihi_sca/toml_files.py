"""TOML tables checked by pydantic, with errors a user can act on; for recipes, profiles, chips."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from loihi_sca.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path, owner: str) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises
    ------
    ConfigError
        It cannot be read, is not text, or not TOML; the message starts with ``owner``.
    """
    try:
        return parse_toml(path.read_text(encoding="utf-8"), owner)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{owner} is not text.") from error
    except OSError as error:
        raise ConfigError(f"cannot read {owner}: {error.strerror}.") from error


def parse_toml(text: str, owner: str) -> dict[str, Any]:
    """Return the content of TOML text, or raise :class:`ConfigError`."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # nested too deep, or a number of many digits
        raise ConfigError(f"{owner} is not TOML: {error}.") from error


def validate(model: type[Model], values: dict[str, Any], owner: str) -> Model:
    """Turn values into a model, or all problems into one :class:`ConfigError`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(_explain(model, dict(problem)) for problem in error.errors())
        raise ConfigError(f"{owner}: {problems}.") from error
    except ConfigError as error:
        raise ConfigError(f"{owner}: {error}") from error


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``, did you mean 'x'?`` for the nearest known word, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _explain(model: type[BaseModel], problem: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _keys_at(model, problem["loc"][:-1])
        near = suggestion(str(problem["loc"][-1]), known)
        return f"unknown key {place!r}" + (near or f" (known are {', '.join(known)})")
    if problem["type"] == "missing":
        return f"{place!r} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else str(message)


@cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a model, made once: pydantic takes a while. It is to be read."""
    return model.model_json_schema()


def _keys_at(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """Return the keys that are allowed in the table at a location."""
    node = schema = schema_of(model)
    for part in location:
        node = _resolved(schema, node)
        if part in node.get("properties", {}):
            node = node["properties"][part]
        elif isinstance(part, int):
            node = node.get("items", {})
        elif "discriminator" in node:  # the location holds the tag of the union's member
            node = {"$ref": node["discriminator"]["mapping"][part]}
        else:  # a name that the user chose
            node = node.get("additionalProperties", {})
    return sorted(_resolved(schema, node).get("properties", {}))


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Follow references, and of an optional table take the table."""
    while "$ref" in node or "anyOf" in node or "allOf" in node:
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        elif "allOf" in node:  # pydantic before 2.10 says so what has a default as well
            (node,) = node["allOf"]
        else:
            node = next(option for option in node["anyOf"] if option.get("type") != "null")
    return node
