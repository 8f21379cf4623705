"""``loihi-sca doctor``."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import Any

import typer

from loihi_sca.cli.output import JsonFlag, console, emit_json

NEEDED_FOR = {
    "h5py": "netx files",
    "numba": "the fast engine",
    "torch": "training",
    "lava-dl": "training and the Lava engine",
    "lava-nc": "the Lava engine",
}


def doctor(as_json: JsonFlag = False) -> None:
    """Say what works on this machine and what to install for the rest.

    Example:

        loihi-sca doctor
    """
    found = {name: _version(name) for name in NEEDED_FOR}
    report: dict[str, Any] = {
        "schema": 1,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "packages": found,
        "can_train": None not in (found["torch"], found["lava-dl"]),
    }
    if as_json:
        emit_json(report)
    else:
        console.print(f"Python {report['python']}, {report['cpus']} CPUs", highlight=False)
        for name, version in found.items():
            mark = f"[green]{version}[/]" if version else "[red]missing[/]"
            console.print(f"  {name:8s} {mark}  ({NEEDED_FOR[name]})", highlight=False)
        if not report["can_train"]:
            console.print(
                "Training and Lava need lava-dl 0.6.0, which needs Python 3.10; "
                f"this is {sys.version_info.major}.{sys.version_info.minor}. "
                "Reading, simulating and estimating networks work here."
            )
    if found["h5py"] is None:
        raise typer.Exit(1)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
