"""What holds for the package as a whole."""

import subprocess
import sys

import pytest


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
    ],
)
def test_importing_loads_neither_torch_nor_lava(code: str) -> None:
    assert not {"torch", "lava", "numba", "matplotlib", "sklearn"} & imported_by(code)


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
    assert not {"torch", "lava"} & modules
