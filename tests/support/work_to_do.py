"""Pieces of work for workers of Ray, and a look at the processes that do them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from loihi_sca.errors import TrainingError


def square(number: int) -> int:
    if number < 0:
        raise TrainingError(f"{number} is below zero.")
    return number * number


def where_am_i(_item: object) -> dict[str, object]:
    return {
        "process": os.getpid(),
        "folder": os.getcwd(),
        "threads": os.environ["OMP_NUM_THREADS"],
    }


def die(item: tuple[Path, int, int]) -> int:
    """Die of a signal, so many times, then return how often that was."""
    path, deaths, number = item
    with path.open("a") as file:
        file.write("x")
    tries = path.stat().st_size
    if tries <= deaths:
        os.kill(os.getpid(), number)
        time.sleep(60)
    return tries


def wait_for_ctrl_c(item: Path) -> str:
    """Behave like a training: take a Ctrl-C as a wish, and save before it ends."""
    from loihi_sca.errors import Interrupted
    from loihi_sca.training.interrupt import StopRequest

    with StopRequest() as stop:
        item.with_suffix(".started").touch()
        for _ in range(600):
            time.sleep(0.1)
            if stop.requested:
                item.write_text("saved")
                raise Interrupted("saved")
    return "nobody pressed"


def processes_below(parent: int) -> dict[int, str]:
    """Return the command lines of a process's children and theirs."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            names[int(folder.name)] = (folder / "cmdline").read_bytes().decode().replace("\0", " ")
        except OSError:  # it has just ended
            continue
        parents[int(folder.name)] = int(fields[1])
    found: dict[int, str] = {}
    layer = {parent}
    while layer:
        layer = {pid for pid, above in parents.items() if above in layer}
        found |= {pid: names[pid] for pid in layer if pid in names}
    return found


def kill_a_worker() -> int | None:
    """Kill a worker of ours that is at work, and return its process, None if there is none."""
    for pid, name in processes_below(os.getpid()).items():
        if name.startswith("ray::_work"):
            os.kill(pid, signal.SIGKILL)
            return pid
    return None


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
