"""Kernels on torch's threads: all pieces are done, errors arrive, a fork has its own."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import torch

from loihi_sca.slayer.dynamics import team, threads

needs_team = pytest.mark.skipif(not team.is_there(), reason="this torch has no OpenMP of GCC's")


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_torch_for_linux_has_a_team() -> None:
    parallel = torch.__config__.parallel_info()
    if not (sys.platform == "linux" and "OpenMP" in parallel and "libgomp" in _loaded()):
        pytest.skip("this torch has no OpenMP of GCC's")
    assert team.is_there()


def _loaded() -> str:
    with open("/proc/self/maps", encoding="utf-8") as lines:
        return lines.read()


@needs_team
@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_every_piece_is_done_once(pieces: int) -> None:
    done: list[int] = []
    team.share(done.append, pieces)
    assert sorted(done) == list(range(pieces))


@needs_team
@pytest.mark.usefixtures("two_threads")
def test_pieces_are_done_on_threads_that_torch_computes_with() -> None:
    torch.randn(512, 512).sum()  # they are there
    before, seen = threading.active_count(), set()

    def work(_: int) -> None:
        seen.add(threading.get_native_id())
        time.sleep(0.05)

    team.share(work, 2)
    assert len(seen) == 2
    assert threading.active_count() == before, "a thread of Python's own was started"


@needs_team
def test_an_error_arrives_when_the_others_are_done() -> None:
    done = []

    def work(piece: int) -> None:
        if piece == 0:
            raise ValueError("piece 0")
        time.sleep(0.02)
        done.append(piece)

    with pytest.raises(ValueError, match="piece 0"):
        team.share(work, 3)
    assert sorted(done) == [1, 2]


@needs_team
def test_two_python_threads_share_at_once() -> None:
    sums = [0, 0]

    def add(which: int) -> None:
        def work(piece: int) -> None:
            sums[which] += piece

        for _ in range(50):
            team.share(work, 4)

    both = [threading.Thread(target=add, args=(i,)) for i in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert sums == [300, 300]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.usefixtures("two_threads")
def test_a_forked_child_has_threads_of_its_own() -> None:
    script = """
import os, signal, warnings
import torch
from loihi_sca.slayer.dynamics import team, threads

torch.set_num_threads(2)
torch.randn(512, 512).sum()
done = []
threads.run(lambda first, last: done.append((first, last)), 1 << 20)
assert len(done) == 2, done
warnings.simplefilter("ignore")  # of a fork beside threads, which is what this is about
child = os.fork()
if not child:
    signal.alarm(60)
    assert not team.is_there()
    done.clear()
    threads.run(lambda first, last: done.append((first, last)), 1 << 20)
    os._exit(0 if sorted(done) == [(0, 8), (8, 16)] else 1)
assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


@pytest.mark.usefixtures("two_threads")
def test_without_a_team_there_is_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team, "is_there", lambda: False)
    done: list[tuple[int, int]] = []
    threads.run(lambda first, last: done.append((first, last)), 1 << 20)
    assert sorted(done) == [(0, 8), (8, 16)]
