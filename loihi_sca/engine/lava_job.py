"""A job for the Lava worker: its folder, its process, and the end of both.

Nothing here knows what the worker computes. It runs in a session and process group of its own; when
:func:`supervise` returns or raises, that group is dead and its shared memory removed.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca import lava_python
from loihi_sca.engine import lava_worker
from loihi_sca.engine.lava_worker import STEPS, Job, remove_shared_memory
from loihi_sca.errors import BackendError

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the timesteps done and the timesteps in all."""

POLL_S = 0.05
KILL_WAIT_S = 5.0
STALL_S = 120.0
LAST_LINES = 3


class Limits:
    """When to lose patience with a worker: after a time in all, or when it stands still.

    Parameters
    ----------
    steps : int
        Timesteps it has to do.
    step_s : float
        Time to allow for one of them, beside what is allowed to any worker.
    timeout_s : float or None
        Limit for everything; None for a limit on standing still only.
    """

    def __init__(self, steps: int, step_s: float, timeout_s: float | None) -> None:
        self.steps = steps
        self.timeout_s = timeout_s
        self.stall_s = STALL_S + step_s
        self._started = self._moved = time.monotonic()
        self._seen = -1

    def check(self, progress: npt.NDArray[np.int64]) -> None:
        """Raise :class:`BackendError` when time is up; ``progress`` is that of the worker."""
        now, seen = time.monotonic(), int(progress.sum())
        if seen != self._seen:
            self._seen, self._moved = seen, now
        where = (
            f"at timestep {progress[STEPS]} of {self.steps}" if progress[STEPS] else "at its start"
        )
        if self.timeout_s is not None and now - self._started > self.timeout_s:
            raise BackendError(
                f"timed out after {self.timeout_s:g} s, {where}; "
                "allow more time or run fewer samples"
            )
        if self.timeout_s is None and now - self._moved > self.stall_s:
            raise BackendError(f"stood still for {self.stall_s:.0f} s, {where}, and was ended")


def supervise(job: Job, folder: Path, limits: Limits, on_progress: Progress | None) -> float:
    """Run the worker to its end and return the seconds it took; leave nothing of it behind."""
    with prepared():
        job.save(folder)
        np.save(folder / "progress.npy", np.zeros(2, dtype=np.int64))
        progress = np.load(folder / "progress.npy", mmap_mode="r")
        process = _start(folder)
    try:
        while process.poll() is None:
            limits.check(progress)
            if on_progress is not None:
                on_progress(int(progress[STEPS]), limits.steps)
            time.sleep(POLL_S)
        result = folder / "result.json"
        if process.returncode or not result.exists():
            raise BackendError(_ending(process.returncode))
        return float(json.loads(result.read_text())["wall_time_s"])
    except BackendError as error:
        raise BackendError(
            f"Lava {error}. {_last_words(folder)} The reference engine does not need Lava."
        ) from None
    finally:
        try:
            _kill_group(process)
        finally:
            remove_shared_memory(job.shm_prefix)


@contextmanager
def prepared() -> Iterator[None]:
    """Turn what the system refuses before Lava runs into :class:`BackendError`."""
    try:
        yield
    except OSError as error:
        raise BackendError(
            f"Lava cannot be started: {error.strerror or error}. Is there room for more processes, "
            f"and in {tempfile.gettempdir()}? The reference engine does not need Lava."
        ) from error


def _start(folder: Path) -> subprocess.Popen[bytes]:
    python = lava_python.find()
    with open(folder / "output.txt", "wb") as output:
        return subprocess.Popen(
            # isolated: nothing of this environment belongs into another one
            [python.executable, "-I", lava_worker.__file__, str(folder)],
            # Lava executes files beside those it uses: start where there are none
            cwd=folder,
            # one process per layer: more threads only fight, and forking with OpenMP can hang
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End whatever is left of the worker's process group and wait until it is dead."""
    deadline = time.monotonic() + KILL_WAIT_S
    while time.monotonic() < deadline and _is_alive(process.pid):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            break
        time.sleep(0.01)
    process.wait()


def _is_alive(group: int) -> bool:
    """Tell whether a process group has a living member; orphans not yet reaped do not count."""
    if sys.platform != "linux":
        return True
    for stat in glob.iglob("/proc/[0-9]*/stat"):
        try:
            # after the name, which may hold anything: state, parent, group
            state, _, pgrp = Path(stat).read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        if int(pgrp) == group and state not in "ZX":
            return True
    return False


def _ending(returncode: int) -> str:
    if returncode >= 0:
        return f"failed (exit code {returncode})"
    return f"worker was killed by {signal.Signals(-returncode).name}; is memory short?"


def _last_words(folder: Path) -> str:
    text = (folder / "output.txt").read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "It said nothing."
    return "Its last words: " + " | ".join(lines[-LAST_LINES:]).rstrip(".") + "."


@contextmanager
def job_folder() -> Iterator[Path]:
    """Yield a folder for one job and remove it afterwards.

    Raises
    ------
    BackendError
        The folder cannot be made.
    """
    with prepared():
        folder = Path(tempfile.mkdtemp(prefix="loihi-sca-lava-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
