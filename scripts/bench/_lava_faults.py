"""Lava runs of which one process is killed: the worker, any other, or the one that asked."""

from __future__ import annotations

import glob
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from _forked import Absent, Failed, forked

from loihi_sca import lava_python
from loihi_sca.errors import LoihiScaError

GONE_S = 15.0
"""What is left of a run must be gone after so long."""


def run_lava(timeout_s: float | None = None) -> None:
    """Run Lava for much longer than a fault waits."""
    import numpy as np

    from loihi_sca.engine import lava_cpu
    from loihi_sca.network import Cuba, Dense, Network

    layer = Dense("only", (3,), np.full((2, 3), 38), neuron=Cuba(1024, 128, 60))
    data = np.ones((1, 3, 400_000), dtype=np.uint8)
    lava_cpu.run(Network("small", (layer,)), data, timeout_s=timeout_s)


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that they have."""
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            children = [int(word) for word in Path(path).read_text().split()]
        except OSError:  # it has just ended
            continue
        found += [x for child in children for x in (child, *descendants(child))]
    return found


def strike(
    which: Callable[[int, list[int]], int],
    code: int,
    expects: str = "",
    *,
    number: int = signal.SIGKILL,
    timeout_s: float | None = None,
) -> Callable[[Path], None]:
    """Return a fault that sends one process of a Lava run a signal at a random moment.

    The run must end with that code, and say what is expected.
    """

    def inject(folder: Path) -> None:
        with tempfile.TemporaryFile() as output:

            def act() -> None:
                from loihi_sca.engine import lava_cpu

                os.dup2(output.fileno(), 2)
                tempfile.tempdir = str(folder)
                os.environ["TMPDIR"] = str(folder)
                lava_cpu.SHM_PREFIX = f"lsca_fault_{os.getpid()}_"
                signal.signal(signal.SIGINT, signal.default_int_handler)
                run_lava(timeout_s)

            pid = forked(act)
            while not (started := descendants(pid)):
                time.sleep(0.01)
            time.sleep(random.uniform(0, 6))  # noqa: S311
            victim, struck = pid, False
            while not struck:  # Lava's processes come and go
                started = descendants(pid) or started
                victim = which(pid, started)
                with suppress(ProcessLookupError):
                    os.kill(victim, number)
                    struck = True
            waiting = threading.Timer(60, os.kill, (pid, signal.SIGKILL))
            waiting.start()
            _, status = os.waitpid(pid, 0)
            in_time = waiting.is_alive()
            waiting.cancel()
            output.seek(0)
            text = output.read().decode().strip()
        if not in_time:
            raise Failed("it hung for a minute")
        if os.waitstatus_to_exitcode(status) != code or expects not in text:
            raise Failed(f"ended with {status}: {text[-300:]}")
        wait_until_gone(pid, started, folder)

    return inject


def wait_until_gone(pid: int, started: list[int], folder: Path) -> None:
    """Raise unless processes, shared memory and folders of a run are gone soon."""
    end = time.monotonic() + GONE_S
    while True:
        left = [x for x in started if _lives(x)]
        left += glob.glob(f"/dev/shm/lsca_fault_{pid}_*")  # noqa: S108
        left += os.listdir(folder)
        if not left:
            return
        if time.monotonic() > end:
            raise Failed(f"left behind: {left}")
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def the_worker(pid: int, started: list[int]) -> int:
    return started[0]


def any_of_them(pid: int, started: list[int]) -> int:
    return random.choice(started)  # noqa: S311


def who_asked(pid: int, started: list[int]) -> int:
    return pid


LAVA = {
    "worker killed": strike(the_worker, 3, "was killed by SIGKILL"),
    "worker hangs": strike(the_worker, 3, "timed out", number=signal.SIGSTOP, timeout_s=20),
    "a process of the run killed": strike(any_of_them, 3, "BackendError"),
    "Ctrl-C": strike(who_asked, 4, "KeyboardInterrupt", number=signal.SIGINT),
    "parent killed": strike(who_asked, -signal.SIGKILL),
}


def inject_each(
    faults: dict[str, Callable[[Path], None]], times: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Inject faults, each so often; yield its name and counts, or why it cannot be had here."""
    lava_python.find()  # asks a process of its own, which is no part of a run, and remembers
    for name, inject in faults.items():
        failures, absent = [], ""
        for _ in range(times):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    inject(Path(folder))
                except Absent as why:
                    absent = str(why)
                    break
                except (Failed, LoihiScaError) as failure:
                    failures.append(f"{type(failure).__name__}: {failure}")
        if absent:
            yield name, {"injected": 0, "failures": [], "absent": absent}
        else:
            yield name, {"injected": times, "failures": failures}
