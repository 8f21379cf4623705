"""What a study varies: fields of the recipe, by name, as ranges or choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, get_args

from loihi_sca.config import BUDGETS, Objective, PruningConfig, Recipe, Section
from loihi_sca.errors import ConfigError
from loihi_sca.runs.job import Job, Value
from loihi_sca.toml_files import schema_of, suggestion, validate

WIDTH = "model.width"
"""Not a field of a recipe that is spelled out: scales the channels of all its layers."""

WORD = "="
"""Before a word that a field takes beside true and false, among its kinds of values."""

NOT_VARIED = {"data.name", "data.root", "model.zoo", "model.pooling"}
"""Fields that say what the task is, or that a recipe with its layers spelled out no longer has."""

BARE = ("pruning", "training", "model", "data")
"""Sections in which a name without a dot is looked for, in this order."""


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included.

    Attributes
    ----------
    low, high : float
    log : bool
        Whether factors count rather than differences.
    integer : bool
    """

    low: float
    high: float
    log: bool = False
    integer: bool = False

    @property
    def ends(self) -> tuple[Value, Value]:
        """Return the least and the largest value."""
        number = int if self.integer else float
        return number(self.low), number(self.high)


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Value, ...]

    @property
    def ends(self) -> tuple[Value, Value]:
        """Return the first and the last value."""
        return self.values[0], self.values[-1]


Space: TypeAlias = dict[str, Range | Choice]
"""By dotted name, such as ``training.learning_rate``."""


def default_space(recipe: Recipe) -> Space:
    """Return what is varied unless told otherwise: how much is kept, which, and the rate.

    That is 5 to 60 % of the connections, criterion, objective, regenerated share, and the learning
    rate from a third to three times the recipe's.
    """
    rate = recipe.training.learning_rate
    return {
        "pruning.connections": Range(0.05, 0.6, log=True),
        "pruning.criterion": Choice(("sca", "membrane", "rate", "taylor", "l1")),
        "pruning.objective": Choice(get_args(Objective)),
        "pruning.regenerate": Range(0.0, 0.2),
        "training.learning_rate": Range(rate / 3, rate * 3, log=True),
    }


def parse_space(texts: Sequence[str]) -> Space:
    """Turn ``NAME=LOW:HIGH``, ``NAME=LOW:HIGH:log`` and ``NAME=A,B,C`` into a space.

    A name is that of a recipe's field, such as ``training.learning_rate``; without a dot it is
    looked for in ``pruning``, ``training``, ``model`` and ``data``, in this order.

    Raises
    ------
    ConfigError
        There is no such field, or the values cannot be meant.
    """
    space: Space = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not values:
            raise ConfigError(
                f"search {text!r}: give NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=A,B,C."
            )
        path, kinds = _field(name.strip())
        if path in space:
            raise ConfigError(f"search {text!r}: {path} is given twice.")
        if ":" in values:
            space[path] = _range(text, values, kinds)
        else:
            space[path] = Choice(tuple(_value(text, v.strip(), kinds) for v in values.split(",")))
    return space


def corners(space: Space) -> list[dict[str, Value]]:
    """Return values to check before a study: all low, all high, and every choice once."""
    kinds = [name for name in space if is_budget(name)]
    found = []
    for kind in kinds or [""]:
        mine = {k: v for k, v in space.items() if k == kind or not is_budget(k)}
        low, high = ({name: what.ends[end] for name, what in mine.items()} for end in (0, 1))
        found += [low, high]
        for name, what in mine.items():
            if isinstance(what, Choice):
                found += [{**low, name: value} for value in what.values[1:]]
    return found


def is_budget(name: str) -> bool:
    """Return whether a field is a budget, of which a recipe has one."""
    section, _, field = name.partition(".")
    return section == "pruning" and field in BUDGETS


def job_of(name: str, recipe: Recipe, values: Mapping[str, Value]) -> Job:
    """Return the run with some fields of a recipe replaced.

    Where the kept fraction is not above the regenerated one, half of what is kept is regenerated.

    Raises
    ------
    ConfigError
        Together they cannot be meant.
    """
    ours = {p.removeprefix("pruning."): v for p, v in values.items() if p.startswith("pruning.")}
    pruning = (recipe.pruning or PruningConfig()).values_with(ours)
    tree = {**recipe.model_dump(mode="json", exclude_none=True), "pruning": pruning}
    for path, value in values.items():
        if path == WIDTH:
            _widen(tree["model"]["layers"], float(value))
            continue
        *sections, field = path.split(".")
        if sections == ["pruning"]:
            continue
        place = tree
        for section in sections:
            place = place[section]
        place[field] = value
    varied = validate(Recipe, tree, name)
    budget = None if varied.pruning is None else varied.pruning.budget
    return Job(name, varied, budget, search=dict(values))


def _widen(layers: list[dict[str, Any]], factor: float) -> None:
    for layer in layers:
        for size in {"channels", "neurons"} & layer.keys():
            layer[size] = max(1, round(layer[size] * factor))


def _field(name: str) -> tuple[str, set[str]]:
    """Return the dotted name of a field and the JSON types of its values."""
    fields = _fields()
    for candidate in (name, *(f"{section}.{name}" for section in BARE)):
        if candidate in fields:
            return candidate, fields[candidate]
    near = suggestion(name, [*fields, *(field.rpartition(".")[2] for field in fields)])
    raise ConfigError(
        f"search {name!r}: a recipe has no such field{near}"
        + ("" if near else f". There are {', '.join(sorted(fields))}.")
    )


def _fields() -> dict[str, set[str]]:
    """Return all fields with plain values, and their JSON types."""
    found = {WIDTH: {"number"}}
    schema = schema_of(Recipe)
    for section in BARE:
        model = Recipe.model_fields[section].annotation
        name = next(m.__name__ for m in (model, *get_args(model)) if _is_section(m))
        _collect(schema["$defs"], name, section, found)
    return {name: kinds for name, kinds in found.items() if name not in NOT_VARIED}


def _is_section(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, Section)


def _collect(
    definitions: dict[str, Any], model: str, prefix: str, found: dict[str, set[str]]
) -> None:
    for field, schema in definitions[model]["properties"].items():
        reference = schema.get("$ref", "").rpartition("/")[2]
        if reference:
            _collect(definitions, reference, f"{prefix}.{field}", found)
            continue
        parts = (schema, *schema.get("anyOf", ()))
        words = {WORD + s["const"] for s in parts if isinstance(s.get("const"), str)}
        kinds = {s.get("type") for s in parts if "const" not in s} - {None, "null"}
        if kinds <= {"number", "integer", "boolean", "string"}:
            found.setdefault(f"{prefix}.{field}", kinds | words)


def _range(text: str, values: str, kinds: set[str]) -> Range:
    low, high, *more = values.split(":")
    if more not in ([], ["log"]):
        raise ConfigError(f"search {text!r}: give LOW:HIGH or LOW:HIGH:log.")
    if not kinds & {"number", "integer"}:
        raise ConfigError(f"search {text!r}: it has no numbers; give values with commas.")
    integer = "number" not in kinds
    try:
        number = int if integer else float
        found = Range(number(low), number(high), bool(more), integer)
    except ValueError:
        wanted = "whole numbers" if integer else "numbers"
        raise ConfigError(f"search {text!r}: {low} and {high} must be {wanted}.") from None
    if not found.low < found.high or (found.log and found.low <= 0):
        limit = "0 < LOW < HIGH" if found.log else "LOW < HIGH"
        raise ConfigError(f"search {text!r}: {limit} must hold.")
    return found


def _value(text: str, value: str, kinds: set[str]) -> Value:
    try:
        if "integer" in kinds:
            return int(value)
        if "number" in kinds:
            return float(value)
    except ValueError:
        raise ConfigError(f"search {text!r}: {value!r} is no number that will do.") from None
    if "boolean" in kinds:
        words = sorted(kind.removeprefix(WORD) for kind in kinds if kind.startswith(WORD))
        if value in words:
            return value
        if value not in ("true", "false"):
            choices = ", ".join(["true", "false", *words])
            raise ConfigError(f"search {text!r}: {value!r} must be one of {choices}.")
        return value == "true"
    return value
