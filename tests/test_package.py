"""What holds for the package as a whole."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import loihi_sca

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
    assert users == {"engine/lava_worker.py"}


def test_lavas_slayer_is_imported_in_one_place() -> None:
    users = {
        file for file, name in imports() if name.startswith("lava.lib.dl") and "slayer" in name
    }
    assert users == {"slayer/lava.py"}


def test_ray_and_optuna_are_imported_in_one_place_each() -> None:
    users = {(file, name) for file, name in imports() if name.split(".")[0] in ("ray", "optuna")}
    assert users == {("execution/on_ray.py", "ray"), ("runs/study/__init__.py", "optuna")}
