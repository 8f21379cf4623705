"""``loihi-sca lava``."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer
from rich.markup import escape

from loihi_sca import lava_install, lava_python
from loihi_sca.cli.output import console
from loihi_sca.errors import ConfigError
from loihi_sca.lava_python import HERE, SIDECAR

lava = typer.Typer(help="Get Lava for this Python, or take it out.", no_args_is_help=True)

Sidecar = Annotated[
    bool, typer.Option("--sidecar", help="An environment of its own, with Python 3.10.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@lava.command()
def install(
    sidecar: Sidecar = False,
    python: Annotated[
        str | None,
        typer.Option(help="Make the sidecar with this Python instead.", metavar="PATH"),
    ] = None,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the commands only.")] = False,
) -> None:
    """Install lava-dl 0.6.0 and lava-nc 0.10.0, without the packages of 2024 that they ask for.

    Into this environment; with --sidecar into one in your data folder, so that this one stays as it
    is (which does for running Lava, not for training). Shows what it will do, and asks. What was
    interrupted goes on when you say it again; `lava uninstall` takes it back.

    Example:

        loihi-sca lava install --dry-run
    """
    if python is not None and not sidecar:
        raise ConfigError("--python makes a sidecar; say --sidecar with it.")
    place = SIDECAR if sidecar else HERE
    steps = lava_install.plan_sidecar(python) if sidecar else lava_install.plan_here()
    if not steps:
        _say_ready(place)
        return
    where = lava_python.sidecar_folder() if sidecar else sys.prefix
    console.print(f"{place} ({where}):", highlight=False, soft_wrap=True, markup=False)
    for step in steps:
        line = shlex.join(step.command).replace("'{wheels}'", "(both wheels, by sha256)")
        console.print(f"  {step.what}: {line}", highlight=False, soft_wrap=True, markup=False)
    if dry_run or not _may_go_on(yes):
        return
    lava_install.execute(steps, place, lambda what: console.print(f"{escape(what)} ..."))
    _say_ready(place)


@lava.command()
def uninstall(sidecar: Sidecar = False, yes: Yes = False) -> None:
    """Take out what `lava install` put in, and nothing else.

    Example:

        loihi-sca lava uninstall --sidecar
    """
    if sidecar:
        folder = lava_python.sidecar_folder()
        if not folder.exists():
            raise ConfigError(f"there is no sidecar at {folder}.")
        console.print(f"remove {folder}", highlight=False, soft_wrap=True, markup=False)
        if _may_go_on(yes):
            lava_install.remove_sidecar()
        return
    names = lava_install.to_remove()
    if not names:
        raise ConfigError("`loihi-sca lava install` has put nothing into this environment.")
    console.print(f"uninstall {', '.join(names)} from {sys.prefix}", highlight=False, markup=False)
    if _may_go_on(yes):
        lava_install.remove_here()


def _may_go_on(yes: bool) -> bool:
    if not yes and not sys.stdin.isatty():
        raise ConfigError("nobody here to ask; say --yes.")
    return yes or typer.confirm("Go on?")


def _say_ready(place: str) -> None:
    executable = sys.executable if place == HERE else str(lava_python.sidecar_python())
    python = lava_python.probe(executable, place)
    console.print(f"Lava {python.packages['lava-nc']} is ready: {python}", highlight=False)
