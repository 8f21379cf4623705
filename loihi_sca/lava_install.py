"""Put Lava into an environment, step by step, and take it out again.

lava-dl 0.6.0 and lava-nc 0.10.0 say that they run on Python 3.10 with packages of their time; they
run on later ones too (:mod:`loihi_sca.engine.lava_shims`), so both are installed without what they
ask for, and what they really need beside them. Every step is left out where its work is done, so an
installation that was cut off goes on when it is asked for again.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from loihi_sca import lava_python
from loihi_sca.errors import BackendError, ConfigError
from loihi_sca.lava_python import HERE, NEEDS, RELEASES, SIDECAR, LavaPython

SHA256 = {
    "lava-dl": "bcb448f2bb85dc0da4b4dbbbae16543d2a978c1da7279acc522ad621fc68c437",
    "lava-nc": "d646723e888a72868dac77d31beee3eef1f540366a8c1a8578a2dc3302470926",
}
"""Of the wheels."""

STOCK = {"asteval": ">=0.9.31,<0.10", "networkx": "<=2.8.7", "numpy": ">=1.24.4,<2"}
"""What Lava asks for, on the Python that it was made for."""

RECEIPT = "loihi-sca-lava.json"
LAST_LINES = 4


@dataclass(frozen=True)
class Step:
    """A command to run; ``{wheels}`` in it stands for a file that pins the wheels."""

    what: str
    command: tuple[str, ...]


def find_base() -> str:
    """Return a Python 3.10 that can make environments: on the path, of uv, or of pyenv.

    Raises
    ------
    BackendError
        There is none.
    """
    for candidate in _bases():
        check = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 10))"
        if _runs([candidate, "-c", check]):
            return candidate
    raise BackendError(
        "no Python 3.10 for the sidecar. `uv python install 3.10` or `pyenv install 3.10` gets "
        "one, --python names one that is elsewhere; without --sidecar, Lava goes into this "
        "environment."
    )


def _bases() -> Iterator[str]:
    yield "python3.10"
    if shutil.which("uv"):
        done = subprocess.run(
            ["uv", "python", "find", "--no-python-downloads", "3.10"],  # noqa: S607
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode == 0:
            yield done.stdout.strip()
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob("versions/3.10.*/bin/python3.10"), reverse=True))


def _runs(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def plan_here() -> list[Step]:
    """Return what is left to do to run Lava in this environment."""
    return _packages(lava_python.probe(sys.executable, HERE))


def plan_sidecar(base: str | None) -> list[Step]:
    """Return what is left to do to run Lava in an environment of its own.

    Parameters
    ----------
    base : str, optional
        The Python to make it with; by default a Python 3.10.

    Raises
    ------
    BackendError
        There is no such Python.
    ConfigError
        There is a sidecar of another Python already.
    """
    python = str(lava_python.sidecar_python())
    wanted = lava_python.probe(base, "--python") if base else None
    if _runs([python, "-I", "-m", "pip", "--version"]):
        found = lava_python.probe(python, SIDECAR)
        if wanted is not None and wanted.python != found.python:
            raise ConfigError(
                f"there is a sidecar with Python {found.python}, --python is {wanted.python}; "
                "`loihi-sca lava uninstall --sidecar` makes room."
            )
        return _packages(found)
    base = base or find_base()
    made = wanted or lava_python.probe(base, "Python 3.10")
    folder = str(lava_python.sidecar_folder())
    # --clear: what an interrupted attempt has left cannot be trusted
    create = Step("make the environment", (base, "-m", "venv", "--clear", folder))
    return [create, *_packages(LavaPython(python, SIDECAR, made.python, {}))]


def _packages(python: LavaPython) -> list[Step]:
    needs = [name for name in NEEDS if name not in python.packages]
    releases = [name for name, wanted in RELEASES.items() if python.packages.get(name) != wanted]
    steps, install = [], _installer(python.executable)
    if python.place == HERE and install[0] != "uv" and not _has_pip(python.executable):
        steps.append(Step("get pip", (python.executable, "-m", "ensurepip")))
    if needs:
        pins = STOCK if python.python.startswith("3.10.") else {}
        wanted = [name + pins.get(name, "") for name in needs]
        steps.append(Step("what Lava needs", (*install, *wanted)))
    if releases:
        ignore = () if install[0] == "uv" else ("--ignore-requires-python",)
        named = " and ".join(f"{name} {RELEASES[name]}" for name in releases)
        command = (*install, "--no-deps", *ignore, "--require-hashes", "-r", "{wheels}")
        steps.append(Step(f"{named}, without what they ask for", command))
    return steps if needs or releases else []


def _has_pip(executable: str) -> bool:
    return _runs([executable, "-m", "pip", "--version"])


def _installer(executable: str) -> tuple[str, ...]:
    if executable == sys.executable and not _has_pip(executable) and shutil.which("uv"):
        return ("uv", "pip", "install", "--python", executable)
    return (executable, "-m", "pip", "install", "--disable-pip-version-check")


def execute(steps: Iterable[Step], place: str, tell: Callable[[str], None]) -> LavaPython:
    """Take the steps and return the Python that can run Lava now.

    Raises
    ------
    BackendError
        A step failed; what was done before it stays, and is not done again.
    """
    if place == HERE:
        _write_receipt()
    with tempfile.TemporaryDirectory() as folder:
        wheels = Path(folder, "wheels.txt")
        wheels.write_text(
            "".join(f"{n}=={v} --hash=sha256:{SHA256[n]}\n" for n, v in RELEASES.items())
        )
        for step in steps:
            tell(step.what)
            run([part.format(wheels=wheels) for part in step.command], step.what)
    lava_python.probe.cache_clear()
    executable = sys.executable if place == HERE else str(lava_python.sidecar_python())
    python = lava_python.probe(executable, place)
    if python.problems:
        raise BackendError(f"{place}, after the installation: {', '.join(python.problems)}.")
    return python


def run(command: list[str], what: str) -> None:
    """Run a command to its end.

    Raises
    ------
    BackendError
        It failed; its last words are quoted.
    """
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace",
        )  # fmt: skip
    except OSError as error:
        raise BackendError(f"{what}: {error}.") from error
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        raise BackendError(
            f"{what}: `{' '.join(command[:4])} ...` failed (exit code {done.returncode}). Its last "
            f"words: {' | '.join(lines[-LAST_LINES:])}. Run the same command again to go on."
        )


def _receipt() -> Path:
    return Path(sys.prefix, RECEIPT)


def _write_receipt() -> None:
    """Note what is not there yet, to take out no more than was put in."""
    packages = lava_python.probe(sys.executable, HERE).packages
    absent = {name for name in (*RELEASES, *NEEDS) if name not in packages}
    names = sorted(absent | set(installed_by_us()))
    try:
        _receipt().write_text(json.dumps({"schema": 1, "installed": names}))
    except OSError as error:
        raise BackendError(f"this environment cannot be written to ({error}).") from error


def installed_by_us() -> list[str]:
    """Return the packages that were not there before Lava was installed into this environment."""
    try:
        names = json.loads(_receipt().read_text())["installed"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [name for name in names if name in (*RELEASES, *NEEDS)]


def to_remove() -> list[str]:
    """Return what to take out of this environment: what we put in and nobody else asks for."""
    ours = installed_by_us()
    asked = {
        _plain(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])
        for found in importlib.metadata.distributions()
        if _plain(found.metadata["Name"] or "") not in (*ours, "loihi-sca")
        for requirement in found.requires or ()
        if "extra ==" not in requirement
    }
    return [name for name in ours if name not in asked]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def remove_here() -> None:
    """Take out what :func:`to_remove` says."""
    command = [sys.executable, "-m", "pip", "uninstall", "--yes", *to_remove()]
    if not _has_pip(sys.executable) and shutil.which("uv"):
        command = ["uv", "pip", "uninstall", "--python", sys.executable, *to_remove()]
    run(command, "uninstall")
    _receipt().unlink()
    lava_python.probe.cache_clear()


def remove_sidecar() -> None:
    """Remove the environment that is there for Lava only."""
    shutil.rmtree(lava_python.sidecar_folder())
    lava_python.probe.cache_clear()
