"""Ctrl-C and too little memory end a command with one line, wherever they strike."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from loihi_sca import netx
from loihi_sca.network import Cuba, Dense, Network

PRESS = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # also in a background job

class Press:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            {act}

sys.meta_path.insert(0, Press())
sys.argv = ["loihi-sca", "simulate", "net.net", "--input", "x.npy"]
from loihi_sca.cli import main
main()
"""

SIGNAL = "signal.raise_signal(signal.SIGINT)"
WRAPPED = f"""
            try:
                {SIGNAL}
            except KeyboardInterrupt as error:
                raise ImportError("cannot load") from error"""


@pytest.fixture
def folder(tmp_path):
    weight = np.array([[2, 4, 6]])
    network = Network("net", (Dense("d", (3,), weight, neuron=Cuba(0, 0, 1)),), timesteps=4)
    netx.write(network, tmp_path / "net.net")
    np.save(tmp_path / "x.npy", np.ones((2, 3, 4), dtype=np.uint8))
    return tmp_path


@pytest.mark.parametrize("act", [SIGNAL, WRAPPED], ids=["at once", "as an error of the module"])
@pytest.mark.parametrize("name", ["typer", "rich.markup", "h5py", "numpy", "numba"])
def test_ctrl_c_while_something_loads(name: str, act: str, folder) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRESS.format(name=name, act=act)],
        capture_output=True, text=True, cwd=folder, timeout=120,
    )  # fmt: skip
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    assert done.stdout == ""


def test_steps_that_no_memory_holds_are_refused_before_they_are_allocated(cli, folder) -> None:
    outcome = cli("simulate", folder / "net.net", "--input", folder / "x.npy", "--steps", 10**12)
    assert outcome.code == 1
    assert "--steps 1000000000000: the spikes, padded with silence, take 5,587.9 GiB" in outcome.err
    assert "internal error" not in outcome.err


def test_memory_that_runs_out_is_no_internal_error(cli, folder, monkeypatch) -> None:
    monkeypatch.setattr(netx, "read", lambda *_, **__: np.zeros(1 << 54))
    outcome = cli("simulate", folder / "net.net", "--input", folder / "x.npy")
    assert outcome.code == 1
    assert "out of memory: Unable to allocate" in outcome.err
    assert "internal error" not in outcome.err
