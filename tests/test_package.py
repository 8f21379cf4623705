"""What holds for the package as a whole."""

import ast
import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import loihi_sca
from loihi_sca.toml_files import read_toml

PACKAGE = Path(loihi_sca.__file__).parent


def imported_by(code: str) -> set[str]:
    script = f"{code}\nimport sys; print('\\n'.join(sys.modules))"
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(out.stdout.splitlines())


@pytest.mark.parametrize(
    "code",
    [
        "import loihi_sca",
        "import loihi_sca.cli.app",
        "import loihi_sca.netx, loihi_sca.engine.reference, loihi_sca.hardware",
        "import loihi_sca.engine.lava_cpu",
        "import loihi_sca.execution.on_ray",
    ],
)
def test_importing_loads_neither_torch_nor_lava(code: str) -> None:
    heavy = {"torch", "lava", "numba", "matplotlib", "sklearn", "ray", "optuna"}
    assert not heavy & imported_by(code)


def test_the_command_line_is_there_before_anything_that_takes_time_to_load() -> None:
    loaded = imported_by("import loihi_sca.cli")
    assert not {"numpy", "typer", "rich", "pydantic", "h5py"} & loaded


def third_party_imports() -> set[str]:
    """Return the top-level names of others that our modules import, however late."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"loihi_sca", "__future__"}


NAMES = {"PIL": "pillow", "sklearn": "scikit_learn", "lava": "lava_dl"}
"""Of packages that are imported by another name than they are installed by."""

FOR_COPYLEFT = {"oracle", "tonic"}
COPYLEFT = {"sanafe", "tonic"}
"""Under the GPL: never asked for but by the extras that are for them."""


def declared() -> dict[str, set[str]]:
    """Return the names of dependencies by extra, those of everybody under an empty name."""
    project = read_toml(PACKAGE.parent / "pyproject.toml", "project")["project"]
    wanted = {"": project["dependencies"], **project["optional-dependencies"]}
    return {
        extra: {re.split(r"[^\w.-]", line)[0].replace("-", "_") for line in lines}
        for extra, lines in wanted.items()
    }


def test_every_import_is_declared_as_a_dependency() -> None:
    """What only comes along with something else may stop to do so."""
    known = set(itertools.chain(*declared().values()))
    missing = {NAMES.get(name, name) for name in third_party_imports()} - known
    assert missing <= {"tomllib", "triton"}, "not of Python 3.10; comes with torch for CUDA"


def test_no_dependency_is_declared_in_vain() -> None:
    used = {NAMES.get(name, name) for name in third_party_imports()}
    assert declared()[""] - used == set()


def test_what_is_under_the_gpl_is_optional_and_imported_in_one_place() -> None:
    extras = {extra for extra, names in declared().items() if names & COPYLEFT}
    assert extras <= FOR_COPYLEFT
    users = {file for file, name in imports() if name.split(".")[0] in COPYLEFT}
    assert users == {"data/from_tonic.py"}, "only where a dataset of tonic is asked for"


def test_help_loads_neither_torch_nor_lava() -> None:
    out = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "loihi_sca", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "demo" in out.stdout
    modules = {line.split("|")[-1].strip() for line in out.stderr.splitlines()}
    assert not {"torch", "lava", "ray", "optuna"} & modules


def imports() -> Iterator[tuple[str, str]]:
    """Yield (file below the package, imported module)."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((str(path.relative_to(PACKAGE)), name) for name in names)


def test_lavas_run_time_is_imported_by_its_worker_only() -> None:
    runtime = ("lava.magma", "lava.proc", "lava.lib.dl.netx")
    users = {file for file, name in imports() if name.startswith(runtime)}
    assert users == {"engine/lava_graph.py", "engine/lava_worker.py"}


def test_lavas_slayer_is_imported_in_one_place() -> None:
    users = {
        file for file, name in imports() if name.startswith("lava.lib.dl") and "slayer" in name
    }
    assert users == {"slayer/lava.py"}


def test_ray_and_optuna_are_imported_in_one_place_each() -> None:
    users = {(file, name) for file, name in imports() if name.split(".")[0] in ("ray", "optuna")}
    assert users == {("execution/on_ray.py", "ray"), ("runs/study/__init__.py", "optuna")}
