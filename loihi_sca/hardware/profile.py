"""Chip profiles: finding, reading and explaining the TOML files with every hardware number."""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from loihi_sca.errors import ConfigError
from loihi_sca.hardware.schema import Profile

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def profile_paths() -> dict[str, Path]:
    """Return the shipped profiles by name.

    In a checkout they lie in ``hw_profiles`` at its root, in an installed wheel inside the package.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "profiles", here.parents[1] / "hw_profiles"):
        if folder.is_dir():
            return {
                name: folder / f"{name}.toml"
                for name in sorted(p.stem for p in folder.glob("*.toml"))
            }
    raise ConfigError("the chip profiles are missing from this installation. Reinstall loihi-sca.")


def load_profile(name: str | os.PathLike[str]) -> Profile:
    """Return a profile by name (``loihi2``) or by path (``./my_board.toml``).

    Raises
    ------
    ConfigError
        There is none, it is not TOML, a key is unknown or missing, or a unit is wrong.
    """
    text = os.fspath(name)
    if not (text.endswith(".toml") or os.sep in text):
        shipped = profile_paths()
        if text not in shipped:
            raise ConfigError(
                f"no profile {text!r}{_suggestion(text, list(shipped))} There are "
                f"{', '.join(shipped)}; a file needs its ending: ./{text}.toml."
            )
        return read_profile(shipped[text])
    return read_profile(Path(text))


def read_profile(path: Path) -> Profile:
    """Read one profile file; see :func:`load_profile`."""
    owner = f"profile {path}"
    return parse(Profile, read_toml(path, owner), owner)


def read_toml(path: Path, owner: str) -> dict[str, Any]:
    """Return the content of a TOML file, or raise :class:`ConfigError`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{owner} is not text.") from error
    except OSError as error:
        raise ConfigError(f"cannot read {owner}: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{owner} is not TOML: {error}.") from error


Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], values: dict[str, Any], owner: str) -> Model:
    """Validate a mapping, turning every problem into one :class:`ConfigError`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(_explain(model, problem) for problem in error.errors())
        raise ConfigError(f"{owner}: {problems}.") from error


def _explain(model: type[Any], problem: Any) -> str:
    where = [str(part) for part in problem["loc"]]
    place = ".".join(where)
    if problem["type"] == "extra_forbidden":
        near = _suggestion(where[-1], _keys_at(model, where[:-1]))
        return f"unknown key {place!r}{near.rstrip('.')}"
    if problem["type"] == "missing":
        return f"{place!r} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place} {message}" if place else message


def _keys_at(model: Any, where: list[str]) -> list[str]:
    """Return the keys that the model allows at a place; empty where it is no section."""
    for part in where:
        fields = getattr(model, "model_fields", {})
        if part not in fields:
            continue  # an index into a list, or a name that the user chose
        model = _model_in(fields[part].annotation)
    fields = getattr(model, "model_fields", {})
    return [field.alias or name for name, field in fields.items()]


def _model_in(annotation: Any) -> Any:
    """Return the pydantic model inside an annotation such as ``tuple[Model, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_in(part)
        if found is not None:
            return found
    return None


def _suggestion(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else "."
