"""The same work here and on Ray, and what becomes of workers that fail, die, or are stopped."""

from __future__ import annotations

import builtins
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import work_to_do
from ray_or_skip import started
from work_to_do import die, is_alive, processes_below, square, where_am_i

from loihi_sca.errors import BackendError, ConfigError, Interrupted
from loihi_sca.execution import Failure, Local
from loihi_sca.execution.on_ray import OnRay

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray: pip install 'loihi-sca[ray]'"
)


def stop(_item: object) -> None:
    raise Interrupted("stopped")


def test_work_here_is_done_in_order_and_failures_are_marked() -> None:
    with Local() as local:
        outcomes = dict(local.map(square, [2, -1, 3]))
        assert (outcomes[2], outcomes[3]) == (4, 9)
        assert (outcomes[-1].kind, outcomes[-1].message) == ("TrainingError", "-1 is below zero.")
        assert "work_to_do.py" in outcomes[-1].details
        with pytest.raises(Interrupted):
            list(local.map(stop, [1]))


def test_without_ray_the_error_says_what_to_install(monkeypatch) -> None:
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == "ray":
            raise ImportError("No module named 'ray'")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pip install 'loihi-sca\[ray\]'"), OnRay():
        pass


@needs_ray
def test_a_cluster_that_does_not_answer_is_an_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(BackendError, match=f"no Ray at {address}: .*refused"), OnRay(address):
            pass
    with pytest.raises(ConfigError, match="--address 'here': give auto, HOST:PORT"), OnRay("here"):
        pass


@pytest.fixture(scope="module")
def on_ray() -> Iterator[tuple[OnRay, list[str]]]:
    """A Ray of two workers, and what it has noted; nothing may be left of it."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("needs Ray: pip install 'loihi-sca[ray]'")
    notes: list[str] = []
    here = {"PYTEST_CURRENT_TEST": ""}
    handler, environment = signal.getsignal(signal.SIGTERM), dict(os.environ)
    folders = set(Path(tempfile.gettempdir()).glob("loihi-sca-ray-*"))
    with started(OnRay(workers=2, threads=1, note=notes.append)) as ray:
        yield ray, notes
        processes = processes_below(os.getpid())
        assert any("raylet" in name for name in processes.values())
    assert not [name for pid, name in processes.items() if "ray" in name and is_alive(pid)]
    assert set(Path(tempfile.gettempdir()).glob("loihi-sca-ray-*")) == folders
    assert signal.getsignal(signal.SIGTERM) is handler
    assert {**os.environ, **here} == {**environment, **here}


def test_on_ray_the_same_comes_out(on_ray) -> None:
    ray, _ = on_ray
    outcomes = dict(ray.map(square, range(-1, 6)))
    assert {n: x for n, x in outcomes.items() if n >= 0} == {n: n * n for n in range(6)}
    assert isinstance(outcomes[-1], Failure)
    assert (outcomes[-1].kind, outcomes[-1].message) == ("TrainingError", "-1 is below zero.")


def test_workers_are_processes_of_their_own_that_see_the_same_paths(on_ray) -> None:
    ray, _ = on_ray
    [(_, seen)] = ray.map(where_am_i, ["x"])
    assert seen["process"] != os.getpid()
    assert seen["folder"] == os.getcwd()
    assert seen["threads"] == "1"


def test_it_listens_on_the_loopback_interface_only(on_ray) -> None:
    names = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    out = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    processes = {os.getpid(), *processes_below(os.getpid())}
    sockets = [
        line.split()[3]
        for line in out.splitlines()
        if any(f"pid={pid}," in line for pid in processes)
    ]
    assert len(sockets) > 3
    assert {s.rpartition(":")[0].strip("[]") for s in sockets} <= names


def test_items_are_taken_when_there_is_a_worker_and_outcomes_are_known(on_ray) -> None:
    ray, _ = on_ray
    taken, done = [], []

    def items() -> Iterator[int]:
        for number in range(6):
            assert len(taken) - len(done) < 2
            taken.append(number)
            yield number

    for item, _outcome in ray.map(square, items()):
        done.append(item)
    assert sorted(done) == list(range(6))


def test_a_ray_of_somebody_else_is_left_alone(on_ray) -> None:
    ray, _ = on_ray
    with pytest.raises(BackendError, match="this process uses a Ray already"), OnRay():
        pass
    assert dict(ray.map(square, [4])) == {4: 16}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_dead_worker_was_doing_is_done_by_another(on_ray, tmp_path, number) -> None:
    ray, notes = on_ray
    del notes[:]
    items = [(tmp_path / "dies", 1, number), (tmp_path / "lives", 0, number)]
    assert dict(ray.map(die, items)) == {items[0]: 2, items[1]: 1}
    assert len(notes) == 1
    assert "its worker died" in notes[0]
    assert "2 tries left" in notes[0]


def test_what_kills_every_worker_is_given_up(on_ray, tmp_path) -> None:
    ray, _ = on_ray
    item = (tmp_path / "dies", 99, signal.SIGKILL)
    [(_, outcome)] = ray.map(die, [item])
    assert outcome.kind == "WorkerDied"
    assert "its worker died 3 times" in outcome.message
    assert item[0].stat().st_size == 3
    assert dict(ray.map(square, [3])) == {3: 9}


PROGRAM = """
import signal
import sys
from pathlib import Path
from work_to_do import wait_for_ctrl_c
from loihi_sca.execution.on_ray import OnRay
# a shell starts background jobs with SIGINT ignored, which is inherited
signal.signal(signal.SIGINT, signal.default_int_handler)
with OnRay(workers=1, threads=1) as ray:
    print(list(ray.map(wait_for_ctrl_c, [Path(sys.argv[1])])))
"""


@needs_ray
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ctrl_c_lets_workers_save_and_leaves_nothing(tmp_path, number) -> None:
    saved = tmp_path / "work"
    paths = [str(Path(work_to_do.__file__).parent), str(Path(__file__).parents[1])]
    # a long path for temporary files, as some batch systems give: too long for sockets
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(saved)], env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not saved.with_suffix(".started").exists():
            assert process.poll() is None
            time.sleep(0.1)
        below = processes_below(process.pid)
        [folder] = {
            argument.partition("=")[2]
            for name in below.values()
            for argument in name.split()
            if argument.startswith("--temp-dir=")
        }
        assert Path(folder).is_dir()
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        assert process.wait(60) != 0
    finally:
        process.kill()
    # of a program that is killed, two idle agents of Ray notice only after a minute
    for _ in range(900 if number == signal.SIGKILL else 100):
        left = [name for pid, name in below.items() if is_alive(pid)]
        if not left:
            break
        time.sleep(0.1)
    assert not left
    if number != signal.SIGKILL:
        assert saved.read_text() == "saved"
        assert not Path(folder).exists()
    else:
        shutil.rmtree(folder)
