"""How torch's threads wait: briefly in our commands, unless the user has said how."""

import os
import subprocess
import sys

import pytest

from loihi_sca.processor import let_threads_rest


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")  # so that it will be as it was
        monkeypatch.delenv(name)


def test_threads_spin_briefly() -> None:
    let_threads_rest()
    assert int(os.environ["GOMP_SPINCOUNT"]) < 300_000


@pytest.mark.parametrize(
    ("name", "value"), [("GOMP_SPINCOUNT", "7"), ("OMP_WAIT_POLICY", "active")]
)
def test_what_the_user_has_said_stays(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    let_threads_rest()
    assert os.environ[name] == value
    assert ("GOMP_SPINCOUNT" in os.environ) == (name == "GOMP_SPINCOUNT")


def test_a_command_says_it_before_torch_is_there() -> None:
    script = """
import os, sys
from loihi_sca.cli import main
import loihi_sca.cli.app
assert "torch" not in sys.modules
try:
    main(["profiles"])
except SystemExit as end:
    assert not end.code, end.code
print(os.environ["GOMP_SPINCOUNT"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < 300_000
