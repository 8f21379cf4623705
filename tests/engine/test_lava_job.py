"""However a run of the Lava engine ends, the reason is told and nothing is left behind."""

from __future__ import annotations

import glob
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from loihi_sca import lava_python, netx
from loihi_sca.engine import lava_cpu, lava_job
from loihi_sca.errors import BackendError, UnsupportedLayer
from loihi_sca.network import Conv, Cuba, Dense, Network

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("nothing_left"),
]

LEAKY = Cuba(current_decay=1024, voltage_decay=128, threshold=60)


@pytest.fixture
def network(rng):
    return Network("small", (Dense("only", (3,), 2 * rng.integers(-60, 70, (2, 3)), neuron=LEAKY),))


def long_data(network):
    """Enough timesteps for Lava to still be at it when the test interferes."""
    return np.ones((1, *network.in_shape, 200_000), dtype=np.uint8)


def shared_memory(prefix):
    return glob.glob(f"/dev/shm/{prefix}*")  # noqa: S108


@pytest.mark.lava
def test_without_lava_the_error_says_how_to_get_it(network, monkeypatch):
    monkeypatch.setitem(lava_python.RELEASES, "lava-dl", "0.5.0")
    with pytest.raises(BackendError, match=r"lava-dl .* instead of 0\.5\.0.*lava install"):
        lava_cpu.run(network, np.ones((1, 3, 5), dtype=int))


def test_the_engine_imports_neither_torch_nor_lava():
    code = (
        "import sys, loihi_sca.engine.lava_cpu\n"
        "sys.exit(any(m.split('.')[0] in ('torch', 'lava') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.lava
def test_what_the_system_refuses_before_lava_runs_is_told(network, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(BackendError, match=r"Lava cannot be started: No such file.*gone"):
        lava_cpu.run(network, np.ones((1, 3, 4), dtype=int))


@pytest.mark.lava
def test_a_network_that_lava_refuses_ends_with_its_reason(monkeypatch):
    weight = np.zeros((2, 3), dtype=int)
    network = Network("dead", (Dense("dead", (3,), weight, neuron=LEAKY),))
    with pytest.raises(UnsupportedLayer, match="dead: netx would change its weights, or fail"):
        lava_cpu.run(network, np.ones((1, 3, 4), dtype=int))
    monkeypatch.setattr(netx.writer, "_weight_problems", lambda layer: [])
    with pytest.raises(BackendError, match="OverflowError: cannot convert float infinity"):
        lava_cpu.run(network, np.ones((1, 3, 4), dtype=int))


@pytest.mark.lava
def test_an_error_inside_a_lava_process_is_quoted(monkeypatch):
    weight = np.full((130, 1, 1, 1), 6)
    network = Network("many", (Conv("c", (130, 2, 2), weight, groups=130, neuron=LEAKY),))
    data = np.ones((1, 130, 2, 2, 5), dtype=int)
    with pytest.raises(UnsupportedLayer, match="130 groups are more than 127"):
        lava_cpu.run(network, data)
    monkeypatch.setattr(netx.writer, "problems_of", lambda layer: [])
    # numpy 1 makes -126 of 130 in int8, numpy 2 refuses it
    wrapped, refused = r"Exception: Expected.*divisible by group.*-126", "OverflowError: Python int"
    with pytest.raises(BackendError, match=f"{wrapped}|{refused}"):
        lava_cpu.run(network, data)


@pytest.mark.lava
@pytest.mark.parametrize(
    ("timeout_s", "where"),
    [(0.2, "its start"), (2, r"(its start|timestep \d+ of 200001)")],
    ids=["start", "later"],
)
def test_timeout(network, timeout_s, where):
    said = rf"timed out after {timeout_s:g} s, at {where}; allow more time"
    with pytest.raises(BackendError, match=said):
        lava_cpu.run(network, long_data(network), timeout_s=timeout_s)


def when_running(action):
    """Return an ``on_progress`` that acts once, in the middle of the run."""
    acted = []

    def on_progress(done, total):
        assert 0 <= done <= total
        if done and not acted:
            acted.append(True)
            action()

    return on_progress


@pytest.mark.lava
def test_an_interrupt_in_the_middle_ends_everything(network, nothing_left):
    def interrupt():
        assert lava_job._is_alive(nothing_left[0].pid)
        if sys.platform == "linux":
            assert shared_memory(lava_cpu.SHM_PREFIX) != []
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lava_cpu.run(network, long_data(network), on_progress=when_running(interrupt))


@pytest.mark.lava
def test_a_killed_worker_is_reported(network, nothing_left):
    kill = when_running(lambda: nothing_left[0].kill())
    with pytest.raises(BackendError, match="worker was killed by SIGKILL"):
        lava_cpu.run(network, long_data(network), on_progress=kill)


@pytest.mark.lava
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_lava_process_is_reported(network, nothing_left):
    def kill_one():
        worker = nothing_left[0].pid
        children = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)

    with pytest.raises(BackendError, match="a process of the Lava run was killed by SIGKILL"):
        lava_cpu.run(network, long_data(network), on_progress=when_running(kill_one))


SCRIPT = """
import signal
import sys
import numpy as np
from loihi_sca.engine import lava_cpu, lava_job
from loihi_sca.network import Cuba, Dense, Network

# a shell starts background jobs with SIGINT ignored, which is inherited
signal.signal(signal.SIGINT, signal.default_int_handler)
lava_cpu.SHM_PREFIX = sys.argv[1]
start = lava_job._start

def remember(folder):
    process = start(folder)
    lava_job.worker = process.pid
    return process

lava_job._start = remember
network = Network("net", (Dense("d", (3,), np.full((2, 3), 2), neuron=Cuba(1, 1, 9)),))
on_progress = lambda done, total: done and print(lava_job.worker, flush=True)
lava_cpu.run(network, np.ones((1, 3, 200_000), dtype=int), on_progress=on_progress)
"""


@pytest.mark.lava
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_parent_that_ends_takes_everything_with_it(number, tmp_path):
    prefix = f"lsca_{os.getpid()}_{int(number)}_"
    jobs = tmp_path / "its_jobs"
    jobs.mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, prefix],
        env={**os.environ, "TMPDIR": str(jobs)},  # its own, to see that it is left empty
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        worker = int(parent.stdout.readline())
        assert lava_job._is_alive(worker)
        assert list(jobs.iterdir())
        parent.send_signal(number)
        parent.wait(timeout=30)
    finally:
        parent.kill()
        parent.communicate()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and (lava_job._is_alive(worker) or list(jobs.iterdir())):
        time.sleep(0.05)
    assert not lava_job._is_alive(worker)
    assert shared_memory(prefix) == []
    assert list(jobs.iterdir()) == []


def test_patience(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = np.array([2, 0])
    limits = lava_job.Limits(steps=100, step_s=30, timeout_s=None)
    limits.check(progress)
    for now[0] in (149, 298, 447):  # slow, but it moves
        progress[1] += 1
        limits.check(progress)
    now[0] += 149
    limits.check(progress)
    now[0] += 2
    with pytest.raises(BackendError, match=r"stood still for 150 s, at timestep 3 of 100"):
        limits.check(progress)

    limits = lava_job.Limits(steps=100, step_s=30, timeout_s=10)
    now[0] += 11
    with pytest.raises(BackendError, match=r"timed out after 10 s, at timestep 3 of 100"):
        limits.check(progress)
