"""Lava runs where too little is there, under a clock that jumps, and from unusual callers."""

from __future__ import annotations

import ctypes
import glob
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from _clock import jumping
from _forked import Absent, Failed, forked
from _lava_callers import CALLERS, NOT_HERE, small

DEADLINE_S = 900.0
"""For a run on a machine that does much else: a start of Lava alone can take minutes there."""

GONE_S = 30.0
PIDS = Path("/sys/fs/cgroup/pids")
PLACE_OF_SHARED_MEMORY = "/dev/shm"  # noqa: S108
CLONE_NEWNS = 0x20000


@contextmanager
def watched(folder: Path) -> Iterator[dict[str, str]]:
    """Yield an environment for what is tried; raise where a process or a block of it is left."""
    prefix = f"lsca_fault_{secrets.token_hex(6)}_"
    jobs = folder / prefix
    jobs.mkdir()
    yield {"LAVA_FAULT_PREFIX": prefix, "TMPDIR": str(jobs)}
    end = time.monotonic() + GONE_S
    while left := [*with_environment(prefix), *glob.glob(f"{PLACE_OF_SHARED_MEMORY}/{prefix}*"),
                   *jobs.glob("loihi-sca-lava-*")]:  # fmt: skip
        if time.monotonic() > end:
            for pid in with_environment(prefix):
                os.kill(pid, signal.SIGKILL)
            raise Failed(f"left behind: {left}")
        time.sleep(0.1)


def with_environment(word: str) -> list[int]:
    """Return the processes, of whomever, that have a word in their environment."""
    found = []
    for path in glob.iglob("/proc/[0-9]*/environ"):
        with suppress(OSError):
            if word.encode() in Path(path).read_bytes():
                found.append(int(path.split("/")[2]))
    return found


def from_caller(name: str) -> Callable[[Path], None]:
    """Return what calls Lava from somewhere; it must succeed."""

    def inject(folder: Path) -> None:
        with watched(folder) as more, tempfile.TemporaryFile() as output:
            command = [sys.executable, Path(__file__).with_name("_lava_callers.py"), name, folder]
            process = subprocess.Popen(
                command, env={**os.environ, **more}, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True,
            )  # fmt: skip
            try:
                code = process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise Failed(f"not done within {DEADLINE_S:.0f} s") from None
            output.seek(0)
            text = output.read().decode("utf-8", "replace").strip()
        if code == NOT_HERE:
            raise Absent(f"no {text.splitlines()[-1]}")
        if code:
            raise Failed(f"ended with {code}: {text[-600:]}")

    return inject


def limited(limit: Callable[[], None]) -> Callable[[Path], None]:
    """Return a fault that limits a process before it runs Lava: an error of ours, or success."""

    def inject(folder: Path) -> None:
        with watched(folder) as more, tempfile.TemporaryFile() as output:

            def act() -> None:
                os.dup2(output.fileno(), 2)
                os.environ |= more  # and in /proc, for what is started from here on
                tempfile.tempdir = more["TMPDIR"]
                limit()
                small()

            pid, end = forked(act), time.monotonic() + DEADLINE_S
            while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
                if time.monotonic() > end:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    raise Failed(f"not done within {DEADLINE_S:.0f} s")
                time.sleep(0.05)
            output.seek(0)
            text = output.read().decode("utf-8", "replace").strip()
        code = os.waitstatus_to_exitcode(ended[1])
        if code not in (0, 3) or (code == 3 and "BackendError" not in text):
            raise Failed(f"ended with {code}: {text[-600:]}")

    return inject


@contextmanager
def few_processes() -> Iterator[Callable[[], None]]:
    """Yield what lets this process have a few more, and the machine all it wants.

    Raises
    ------
    Absent
        The system does not let us.
    """
    group = PIDS / f"lsca_fault_{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        raise Absent(f"a group of processes with a limit: {error.strerror}") from error

    def limit() -> None:
        (group / "pids.max").write_text(str(random.randint(1, 16)))  # noqa: S311
        (group / "cgroup.procs").write_text(str(os.getpid()))

    try:
        yield limit
    finally:
        _remove(group)


def _remove(group: Path) -> None:
    """Remove a group of processes; the last of them may still be ending."""
    end = time.monotonic() + GONE_S
    while True:
        try:
            return group.rmdir()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def without_processes(folder: Path) -> None:
    with few_processes() as limit:
        limited(limit)(folder)


def little_shared_memory() -> None:
    """Give this process a /dev/shm of its own, of a few pages.

    Raises
    ------
    Failed
        The system does not let us; asked for before, see :func:`without_shared_memory`.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        raise Failed(os.strerror(ctypes.get_errno()))
    pages = random.choice([1, 2, 4, 8, 16, 32])  # noqa: S311
    for command in (
        ["mount", "--make-rprivate", "/"],
        ["mount", "-t", "tmpfs", "-o", f"size={4 * pages}k", "tmpfs", PLACE_OF_SHARED_MEMORY],
    ):
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def without_shared_memory(folder: Path) -> None:
    tried = subprocess.run(["unshare", "-m", "true"], stderr=subprocess.PIPE, text=True)
    if tried.returncode:
        raise Absent(f"a /dev/shm of its own: {tried.stderr.strip()}")
    limited(little_shared_memory)(folder)


def with_a_jumping_clock(folder: Path) -> None:
    """Run Lava under a clock that jumps, in all processes that it starts.

    Raises
    ------
    Absent
        There is no libfaketime here.
    """
    try:
        with jumping(folder) as clock:
            limited(lambda: os.environ.update(clock))(folder)
    except ModuleNotFoundError as error:
        raise Absent(str(error)) from error


LIMITS: dict[str, Callable[[Path], None]] = {
    "out of processes": without_processes,
    "out of shared memory": without_shared_memory,
    "the clock jumps": with_a_jumping_clock,
}
CALLS = {f"called from {name}": from_caller(name) for name in CALLERS}
