"""Files that commands write: tried before the work, and never a file that is read."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from typer.models import ParameterInfo

from loihi_sca.errors import ConfigError
from loihi_sca.files import check_target


def target(path: Path | None) -> Path | None:
    """Try a file to write; as callback of an option it says that the option names one.

    Raises
    ------
    InputError
        It cannot be written.
    """
    if path is not None:
        check_target(path)
    return path


def csv_target(path: Path | None) -> Path | None:
    """Try a table to write, as :func:`target`.

    Raises
    ------
    ConfigError
        It is no CSV file, by its ending.
    InputError
        It cannot be written.
    """
    _check_ending("--csv", path, ".csv")
    return target(path)


def npy_target(path: Path | None) -> Path | None:
    """Try an array to write, and its labels beside it, as :func:`target`.

    Raises
    ------
    ConfigError
        It is no file of NumPy, by its ending.
    InputError
        One of them cannot be written.
    """
    _check_ending("--out", path, ".npy")
    if path is not None:
        from loihi_sca.data.labels import labels_beside

        target(labels_beside(path))
    return target(path)


def _check_ending(option: str, path: Path | None, ending: str) -> None:
    if path is not None and path.suffix != ending and not path.is_dir():
        raise ConfigError(f"{option} {path}: give a file that ends in {ending}.")


def targets_of(command: Callable[..., None]) -> tuple[str, ...]:
    """Return the parameters of a command that name files to write."""
    # not get_type_hints, which hides the metadata in an Optional before Python 3.11
    parameters = inspect.signature(command, eval_str=True).parameters
    return tuple(
        name
        for name, parameter in parameters.items()
        for info in getattr(parameter.annotation, "__metadata__", ())
        if isinstance(info, ParameterInfo) and info.callback in (target, csv_target, npy_target)
    )


def keeping_apart(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that first finds out that it writes over nothing that it reads."""

    @wraps(command)
    def run(**given: Any) -> None:
        written = {name: given[name] for name in targets_of(command) if given[name] is not None}
        check_apart(written.values(), {k: v for k, v in given.items() if k not in written})
        command(**given)

    return run


def check_apart(targets: Any, given: Mapping[str, Any]) -> None:
    """Find out that files to write are several, and none of those that are read.

    Parameters
    ----------
    targets : iterable of path
    given : mapping of str to object
        All else that a command is given.

    Raises
    ------
    ConfigError
        One of them is read, under whatever name, or written twice.
    """
    places: dict[Path, Path] = {}
    for path in targets:
        if path.resolve() in places:
            raise ConfigError(f"cannot write {path}: two results go there. Give two names.")
        places[path.resolve()] = path
        if path.is_file() and _is_read(path, given):
            raise ConfigError(f"cannot write {path}: it is a file that is read. Give another name.")


def _is_read(path: Path, given: Mapping[str, Any]) -> bool:
    from loihi_sca.data.behind import is_behind

    root = given.get("root")
    return any(is_behind(path, name, root) for name in _names(given.values()))


def _names(values: Any) -> Iterator[str]:
    """Yield what may be the name of a file; lists may be written with commas."""
    for value in values:
        if isinstance(value, str | os.PathLike):
            text = os.fspath(value)
            yield from dict.fromkeys((text, *text.split(",")))
        elif isinstance(value, list | tuple):
            yield from _names(value)
