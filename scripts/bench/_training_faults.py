"""Trainings that are killed, starved, damaged and doubled."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from _clock import TEN_YEARS_S, jumping
from _forked import Failed, forked, must_say, said

from loihi_sca.errors import LoihiScaError

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

Fault: TypeAlias = Callable[[Path], None]

EPOCHS = 40
NOBODY = 65534


def train(folder: Path, note: Callable[[str], None] = lambda text: None) -> None:
    from tiny_training import tiny_recipe

    from loihi_sca.training.session import train as run

    run(tiny_recipe(epochs=EPOCHS), folder, resume=True, note=note)


def files_of(folder: Path) -> dict[str, bytes]:
    found = {p.name: p.read_bytes() for p in (folder / "checkpoints").glob("*.safetensors")}
    return found | {"metrics": (folder / "metrics.jsonl").read_bytes()}


def under_way(folder: Path, act: Callable[[], None] | None = None) -> int:
    """Start a training; return its process once it has saved a checkpoint more."""
    before = sorted(folder.glob("checkpoints/*.safetensors"))
    pid = forked(act or (lambda: train(folder)))
    while sorted(folder.glob("checkpoints/*.safetensors")) == before and not is_done(folder):
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) and not is_done(folder):
            raise Failed("it ended before it had saved anything")
        time.sleep(0.002)
    return pid


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)  # of one that has ended but was not waited for, nothing happens
    os.waitpid(pid, 0)


def kill(folder: Path) -> None:
    """Kill -9 at a random moment behind the next checkpoint."""
    pid = under_way(folder)
    time.sleep(random.uniform(0, 0.3))  # noqa: S311
    end(pid)


def fill_disk(folder: Path) -> None:
    """Let no file grow beyond a random size, which a checkpoint exceeds."""
    limit = random.randrange(0, 8000)  # noqa: S311

    def act() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        train(folder)

    must_say(said(act), "cannot write", "File too large")


def lock_out(folder: Path) -> None:
    """Let somebody train who may not write into the folder."""
    if os.getuid():
        raise Failed("only root can become somebody else")

    def act() -> None:
        os.setuid(NOBODY)
        train(folder)

    must_say(said(act), "cannot")


def jump(folder: Path) -> None:
    """Let the clock jump whenever it is asked, for files too; kill -9 in between."""
    with tempfile.TemporaryDirectory() as place, jumping(Path(place)) as more:

        def act() -> None:
            command = [sys.executable, __file__, str(folder)]
            os.execve(sys.executable, command, os.environ | more)  # noqa: S606

        pid = under_way(folder, act)
        time.sleep(random.uniform(0, 0.3))  # noqa: S311
        end(pid)
    for path in folder.glob("checkpoints/*.safetensors"):
        stamp = time.time() + random.uniform(-1, 1) * TEN_YEARS_S  # noqa: S311
        os.utime(path, (stamp, stamp))


def damage(folder: Path) -> None:
    """Change a byte of the last checkpoint."""
    last = sorted(folder.glob("checkpoints/pruned-[0-9]*.safetensors"))[-1]
    content = bytearray(last.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)  # noqa: S311
    last.write_bytes(content)
    notes: list[str] = []
    train(folder, notes.append)
    must_say(" ".join(notes), last.name, "Going on from the one before")
    for path in folder.glob("checkpoints/*.damaged"):
        path.unlink()


def share(folder: Path) -> None:
    """Start a second training while the first one is under way."""
    pid = under_way(folder)
    os.kill(pid, signal.SIGSTOP)  # or it might be over by then
    text = said(lambda: train(folder))
    end(pid)
    must_say(text, "another process is training into it")


TRAINING: dict[str, Fault] = {
    "kill -9": kill, "full disk": fill_disk, "read-only folder": lock_out, "two runs": share,
    "damaged checkpoint": damage, "clock jumps": jump,
}  # fmt: skip


def training_faults(faults: dict[str, Fault], times: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Inject each fault so often; compare with a training in peace, and yield counts."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)  # noqa: S103  nobody must get as far as the folder itself
        straight = Path(place, "straight")
        train(straight)
        expected = files_of(straight)
        for name, inject in faults.items():
            failures, absent = [], ""
            folder = Path(place, name)
            for _ in range(times):
                if is_done(folder):
                    shutil.rmtree(folder)
                if name == "damaged checkpoint":
                    shutil.copytree(straight, folder)
                folder.mkdir(exist_ok=True)
                try:
                    inject(folder)
                except ModuleNotFoundError as error:
                    absent = f"no {error.name}"
                    break
                except (Failed, LoihiScaError) as failure:
                    failures.append(f"{type(failure).__name__}: {failure}")
            if absent:
                yield name, {"injected": 0, "failures": [], "absent": absent}
                continue
            train(folder)
            if files_of(folder) != expected:
                failures.append("its files are not those of a training in peace")
            yield name, {"injected": times, "failures": failures}


def is_done(folder: Path) -> bool:
    return bool(list(folder.glob(f"checkpoints/pruned-{EPOCHS:05d}-*")))


if __name__ == "__main__":
    train(Path(sys.argv[1]))
