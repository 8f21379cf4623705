"""Quick tests with the lowest versions that pyproject.toml allows.

    scripts/bench/lowest.py --folder lowest --json docs/results/lowest.json tests/engine tests/netx
    scripts/bench/lowest.py --training --folder lowest-training --json ... tests/training

Makes an environment of this Python in the folder, unless there is one, with the lowest version of
all that is named with one, and the newest of what those ask for. Without ``--training`` that is
all but torch and Lava. Runs the tests of each path by itself, and adds what has passed to the JSON
file; none of them starts Lava. That old versions use what newer ones of others call deprecated is
no failure. The exit code is 1 where a test has failed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from _bench import stamp
from packaging.requirements import Requirement

from loihi_sca.files import write_json

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]

FOR_TRAINING = ("torch", "lava-dl", "spikingjelly")

QUICK = "not slow and not gpu and not lava"


def lowest(training: bool) -> dict[str, str]:
    """Return the lowest version of each package that is depended on here, or that tests need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    found = {}
    for text in [*project["dependencies"], *extras["test"], *extras["nir"]]:
        wanted = Requirement(text)
        apart = wanted.name == "loihi-sca" or (wanted.name in FOR_TRAINING and not training)
        if apart or (wanted.marker and not wanted.marker.evaluate()):
            continue
        (version,) = (x.version for x in wanted.specifier if x.operator in (">=", "=="))
        found[wanted.name] = version
    return dict(sorted(found.items()))


def make(folder: Path, versions: dict[str, str]) -> Path:
    """Make an environment, unless it is there; return its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [python, "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, *(f"{k}=={v}" for k, v in versions.items())], check=True)
    subprocess.run([*pip, "--no-deps", "--force-reinstall", ROOT], check=True)
    return python


def tested(python: Path, path: str, folder: Path, training: bool) -> dict[str, Any]:
    """Run the quick tests of a path; return how many there were."""
    chosen = QUICK if training else f"{QUICK} and not train"
    told = folder / "junit.xml"
    told.unlink(missing_ok=True)
    subprocess.run(
        [
            python, "-m", "pytest", "-q", "-m", chosen, "-W", "ignore::DeprecationWarning",
            f"--junitxml={told}", path,
        ],
        cwd=ROOT,
    )  # fmt: skip
    counts = {x: 0 for x in ("tests", "failures", "errors", "skipped")}
    failed = []
    for suite in ElementTree.parse(told).iter("testsuite"):  # noqa: S314  pytest has written it
        for key in counts:
            counts[key] += int(suite.get(key, 0))
        failed += [
            f"{case.get('classname')}::{case.get('name')}"
            for case in suite.iter("testcase")
            if case.find("failure") is not None or case.find("error") is not None
        ]
    return {"passed": counts["tests"] - counts["skipped"] - len(failed),
            "skipped": counts["skipped"], "failed": failed}  # fmt: skip


def main() -> int:
    """Run the tests of each path that is given, and tell and keep what has passed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="of the environment")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--training", action="store_true", help="what needs torch and lava-dl")
    parser.add_argument("paths", nargs="+")
    given = parser.parse_args()
    versions = lowest(given.training)
    python = make(given.folder, versions)
    state: dict[str, Any] = {"schema": 1, "paths": {}}
    if given.json.exists():
        state = json.loads(given.json.read_text("utf-8"))
        if state["versions"] != versions:
            state["paths"] = {}
    for path in given.paths:
        state["paths"][path] = tested(python, path, given.folder, given.training)
        state["versions"] = versions
        stamp(state)
        write_json(given.json, state)
        print(path, state["paths"][path])
    return int(any(row["failed"] for row in state["paths"].values()))


if __name__ == "__main__":
    sys.exit(main())
