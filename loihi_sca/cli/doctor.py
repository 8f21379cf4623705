"""``loihi-sca doctor``."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Annotated, Any

import typer
from rich.markup import escape

from loihi_sca.cli.hardware import note
from loihi_sca.cli.options import LavaPythonOption
from loihi_sca.cli.output import JsonFlag, console, emit_json
from loihi_sca.errors import BackendError
from loihi_sca.lava_python import LavaPython, find

NEEDED_FOR = {
    "h5py": "netx files",
    "numba": "the fast engine",
    "torch": "training",
    "lava-dl": "training",
}

REMEDIES = {"torch": "`pip install 'loihi-sca[train]'`", "lava-dl": "`loihi-sca lava install`"}


def doctor(
    warm: Annotated[
        bool,
        typer.Option(
            "--warm",
            help="Compile all kernels of the fast engine now, instead of on first use, and say "
            "where the code is kept. Those of training are compiled when a training begins.",
        ),
    ] = False,
    lava_python: LavaPythonOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what works on this machine and what to install for the rest.

    Exit code 1 if netx files cannot be read, or --warm has no place to keep the code.

    Examples
    --------
        loihi-sca doctor

        loihi-sca doctor --warm
    """
    found = {name: _version(name) for name in NEEDED_FOR}
    lava, problem = _find_lava()
    report: dict[str, Any] = {
        "schema": 1,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "packages": found,
        "can_train": None not in (found["torch"], found["lava-dl"]),
        "can_run_lava": lava is not None,
        "lava": lava.as_json() if lava else None,
    }
    warmed = None
    if warm:
        from loihi_sca.cli.kernels import warm as compile_all

        warmed = compile_all()
        report["warm"] = warmed.as_json()
    if as_json:
        emit_json(report)
    else:
        console.print(f"Python {report['python']}, {report['cpus']} CPUs", highlight=False)
        for name, version in found.items():
            mark = f"[green]{version}[/]" if version else "[red]missing[/]"
            remedy = "" if version else f": {escape(REMEDIES.get(name, ''))}"
            console.print(f"  {name:8s} {mark}  ({NEEDED_FOR[name]}){remedy}", highlight=False)
        mark = f"[green]{lava.packages['lava-nc']}[/]" if lava else "[red]missing[/]"
        detail = f"({lava})" if lava else f": {problem}"
        console.print(f"  {'Lava':8s} {mark}  {escape(detail)}", highlight=False)
        if not report["can_train"]:
            console.print("Reading, simulating and estimating networks work without training.")
        if warmed:
            console.print(f"  engine   {escape(str(warmed))}", highlight=False, soft_wrap=True)
    missed = warmed and warmed.missed()
    if missed:
        note(missed)
    if found["h5py"] is None or (warmed and warmed.folder is None):
        raise typer.Exit(1)


def _find_lava() -> tuple[LavaPython | None, str]:
    try:
        return find(), ""
    except BackendError as error:
        return None, str(error)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
