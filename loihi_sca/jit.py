"""Machine code of numba kernels that is kept from run to run, and never out of date.

Numba keeps machine code under the time stamp of the file that holds the function, and does not
notice that a function which was compiled into it, or a constant, from another file has changed. So
only functions that are called from Python are kept, under a digest of every file of ours that
their module imports, however indirectly. Whoever :mod:`loihi_sca.compiling` names is told when one
is compiled, because its code was not kept.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import event

from loihi_sca.compiling import watcher

F = TypeVar("F", bound=Callable[..., Any])


def kept(make: Callable[[str], F], **options: Any) -> F:
    """Compile the function that ``make`` returns, without the GIL, and keep the machine code.

    Parameters
    ----------
    make : callable
        Given a digest of the sources, returns the function. The function must mention the digest:
        that makes it a part of the key under which numba keeps the code, beside the source or,
        where that cannot be written, in the user's cache folder.
    options
        For ``numba.njit``.
    """
    function = make(digest_of(make.__module__))
    try:
        kernel: F = numba.njit(function, nogil=True, cache=True, **options)
    except RuntimeError:  # there is no place to keep it: compile in every process
        kernel = numba.njit(function, nogil=True, **options)
    _kernels.append(kernel)
    return kernel


def folder_of(kernel: Any) -> str | None:
    """Return where the machine code of a kernel is kept, None if it is not."""
    folder: str | None = kernel.stats.cache_path
    return folder


_kernels: list[Any] = []


class _Listener(event.Listener):  # type: ignore[misc]  # numba has no types
    """Hears what numba compiles, which what it finds in its cache is not."""

    def on_start(self, event: Any) -> None:
        kernel = event.data["dispatcher"]
        if any(kernel is ours for ours in _kernels):
            watcher().start(kernel.__name__, folder_of(kernel))

    def on_end(self, event: Any) -> None:
        if any(event.data["dispatcher"] is ours for ours in _kernels):
            watcher().end()


event.register("numba:compile", _Listener())


@cache
def digest_of(module: str) -> str:
    """Return a digest of a module and of all that it imports from its own top-level package."""
    package = module.partition(".")[0]
    root = Path(sys.modules[package].__path__[0])
    digest = hashlib.sha256()
    for path in _sources(module, root):
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources(module: str, root: Path) -> list[Path]:
    """Return the files of a module and of what it imports, however indirectly, sorted."""
    package, found, left = module.partition(".")[0], {}, [module]
    while left:
        name = left.pop()
        path = _file(name, root)
        if name in found or path is None:
            continue
        found[name] = path
        left += [n for n in _imports(path, name) if n.partition(".")[0] == package]
    return sorted(found.values())


@cache
def _imports(path: Path, module: str) -> tuple[str, ...]:
    """Return all that a file may import, as far as names tell; relative imports made absolute."""
    return tuple(_imported(ast.parse(path.read_bytes()), module, path.name == "__init__.py"))


def _imported(tree: ast.Module, module: str, is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            above = parts[: len(parts) - node.level + is_package] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)  # of which some are files


def _file(module: str, root: Path) -> Path | None:
    """Return the file of a module of the package at ``root``, None if it is not one."""
    place = root.joinpath(*module.split(".")[1:])
    candidates = (place / "__init__.py", place.with_suffix(".py"))
    return next((path for path in candidates if path.is_file()), None)
