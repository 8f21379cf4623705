"""Which Python runs Lava, and what is in it.

Lava runs in a process of its own, so it may live in another environment than we do. The first of
these that has the two releases of Lava that we know, and what they need, is taken: the one that
``LOIHI_SCA_LAVA_PYTHON`` (or ``--lava-python``) names, this one, the sidecar that
``loihi-sca lava install --sidecar`` makes. A Python is asked in isolation, as the worker runs:
neither ``PYTHONPATH`` nor packages of the user count.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loihi_sca.errors import BackendError

VARIABLE = "LOIHI_SCA_LAVA_PYTHON"

RELEASES = {"lava-dl": "0.6.0", "lava-nc": "0.10.0"}
"""What we know the behaviour of; both are the last ones."""

NEEDS = ("asteval", "h5py", "networkx", "numpy", "scipy")
"""What running networks on Lava takes beside Lava: less than Lava's own requirements say."""

HERE, SIDECAR = "this environment", "sidecar"

PROBE_S = 60.0

_PROBE = """
import importlib.metadata, json, platform, sys
packages = {}
for name in sys.argv[1:]:
    try:
        packages[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps({"python": platform.python_version(), "packages": packages}))
"""


@dataclass(frozen=True)
class LavaPython:
    """A Python that may run Lava.

    Attributes
    ----------
    executable : str
        Path of the interpreter.
    place : str
        "this environment", "sidecar", or the variable that names it.
    python : str
        Its version.
    packages : dict of str to str
        Versions of Lava and of what it needs, as far as they are there.
    """

    executable: str
    place: str
    python: str
    packages: dict[str, str]

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps it from running Lava."""
        found = [
            f"{name} {self.packages[name]} instead of {wanted}"
            if name in self.packages
            else f"no {name}"
            for name, wanted in RELEASES.items()
            if self.packages.get(name) != wanted
        ]
        return (*found, *(f"no {name}" for name in NEEDS if name not in self.packages))

    def __str__(self) -> str:
        """Name it in a line."""
        return f"{self.place}: Python {self.python}, numpy {self.packages.get('numpy', 'missing')}"

    def as_json(self) -> dict[str, Any]:
        """Return what a result on Lava depends on."""
        return {"place": self.place, "python": self.python, "packages": dict(self.packages)}


@functools.lru_cache
def probe(executable: str, place: str) -> LavaPython:
    """Ask a Python for its version and its packages.

    Raises
    ------
    BackendError
        It does not run.
    """
    command = [executable, "-I", "-c", _PROBE, *RELEASES, *NEEDS]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PROBE_S, check=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return LavaPython(executable, place, **json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        raise BackendError(f"{place}: {executable} is no Python that runs ({error}).") from error


def sidecar_folder() -> Path:
    """Return where the environment lies that is there for Lava only."""
    given = os.environ.get("XDG_DATA_HOME")
    if given:
        return Path(given, "loihi-sca", "lava")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "loihi-sca" / "lava"
    return Path.home() / ".local" / "share" / "loihi-sca" / "lava"


def sidecar_python() -> Path:
    """Return the interpreter of the sidecar, whether it is there or not."""
    return sidecar_folder() / "bin" / "python"


def find() -> LavaPython:
    """Return the Python that runs Lava.

    Raises
    ------
    BackendError
        None can: what each of them lacks, and how to get it.
    """
    named = os.environ.get(VARIABLE)
    if named:
        # the worker starts in a folder of its own; symlinks stay, they are what an environment is
        named = os.path.abspath(named) if os.path.dirname(named) else named
        candidates = [(named, VARIABLE)]
    else:
        candidates = [(sys.executable, HERE)]
        if sidecar_python().exists():
            candidates.append((str(sidecar_python()), SIDECAR))
    lacking = []
    for executable, place in candidates:
        try:
            found = probe(executable, place)
        except BackendError as error:
            lacking.append(str(error))
            continue
        if not found.problems:
            return found
        lacking.append(f"{place} (Python {found.python}) has {', '.join(found.problems)}.")
    raise BackendError(
        f"no Python here can run Lava. {' '.join(lacking)} `loihi-sca lava install` puts it into "
        "this environment, `loihi-sca lava install --sidecar` into one of its own; the reference "
        "engine does not need Lava."
    )
