"""What lies in a run folder, read with care: damaged, unfinished, or of an older version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from loihi_sca.errors import InputError
from loihi_sca.reporting.training import Epochs

Kind: TypeAlias = Literal["network", "train", "demo", "sweep", "study"]

MODELS = ("dense", "pruned")

TAKES = "A report is made of a folder of loihi-sca train, demo, sweep or study, or of a netx file."


class _Scores(BaseModel):
    low: float
    high: float
    kept: list[int]
    pruned: list[int]


class _Change(BaseModel):
    pruned: int
    regenerated: int
    scores: _Scores | None = None


class _Line(BaseModel):
    """A line of ``metrics.jsonl``, as far as reports look at it."""

    model_config = ConfigDict(extra="ignore")

    model: Literal["dense", "pruned"]
    number: int
    loss: float
    accuracy: float
    validation_accuracy: float
    alive: dict[str, int]
    pruned: int = 0
    regenerated: int = 0
    changes: dict[str, _Change] = {}


def kind_of(run: Path) -> Kind:
    """Return what a path is a run of.

    Raises
    ------
    InputError
        It is none; the message says what a report is made of.
    """
    if run.is_file():
        return "network"
    if not run.is_dir():
        raise InputError(f"{run}: no such file or folder. {TAKES}")
    if (run / "summary.json").is_file():
        return "demo"
    if (run / "study.journal").is_file() or (run / "front.json").is_file():
        return "study"
    if (run / "metrics.jsonl").is_file() or (run / "checkpoints").is_dir():
        return "train"
    if (run / "runs").is_dir() or (run / "results.jsonl").is_file():
        return "sweep"
    raise InputError(f"{run}: no run of loihi-sca lies here. {TAKES}")


def read_metrics(folder: Path) -> tuple[dict[str, Epochs], list[str]]:
    """Return the epochs of each model, and notes about what is not there.

    Raises
    ------
    InputError
        A line is damaged that is not the half one of a run that was killed.
    """
    path = folder / "metrics.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        return {}, ["No epoch is recorded: there is no metrics.jsonl."]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}).") from error
    found: dict[str, list[dict[str, Any]]] = {}
    notes = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = _Line.model_validate_json(line)
        except ValidationError as error:
            if number == len(lines) and not line.endswith("\n"):
                notes.append("The last line of metrics.jsonl is a half one, of a run killed then.")
                continue
            raise InputError(
                f"{path}: line {number} is damaged ({_first(error)}). Delete the line, or train "
                "again."
            ) from error
        found.setdefault(entry.model, []).append(entry.model_dump())
    return {label: found[label] for label in MODELS if label in found}, notes


def read_record(path: Path, form: type[BaseModel]) -> dict[str, Any]:
    """Return a JSON object of schema 1 that has at least what a form asks for.

    Raises
    ------
    InputError
        It cannot be read, is damaged, or is something else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read, or damaged ({error}).") from error
    if not isinstance(values, dict) or values.get("schema") != 1:
        raise InputError(f"{path}: not what loihi-sca writes (schema 1).")
    try:
        form.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{path}: damaged ({_first(error)}).") from error
    return values


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])


def read_optional(path: Path) -> str | None:
    """Return a text, None if there is no such file.

    Raises
    ------
    InputError
        It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}).") from error
