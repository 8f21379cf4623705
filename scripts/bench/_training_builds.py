"""Training steps of two builds of ours and of stock SLAYER, in turns, each in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from _bench import Row, ratios

HERE = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("_training_worker.py")

TARGETS = (
    ("VGG-9", 1, 3.5),
    ("VGG16, width 1/4", 1, 0),
    ("MNIST net", 1, 0),
    ("VGG-9", 2, 3.0),
    ("VGG16, width 1/4", 2, 0),
    ("MNIST net", 2, 3.5),
)
"""Network, threads, and how many times faster than stock SLAYER it is to be."""


class Worker:
    """A process of :mod:`_training_worker`."""

    def __init__(self, build: Path, net: str, side: str, threads: int) -> None:
        own = build / ".venv" / "bin" / "python"
        python = str(own) if own.exists() else sys.executable
        environment = {**os.environ, "PYTHONPATH": str(build), "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            [python, str(WORKER), str(build), net, side, str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=environment, cwd=build,
        )  # fmt: skip
        (self.peak_mib,) = self._answer()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()

    def step(self) -> tuple[float, ...]:
        """Return the seconds and processor seconds of a step."""
        assert self.process.stdin is not None  # noqa: S101 (of a pipe)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> tuple[float, ...]:
        assert self.process.stdout is not None  # noqa: S101 (of a pipe)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended with {self.process.wait()}.")
        return tuple(float(word) for word in line.split())


def against_build(folder: Path, rounds: int, most_threads: int) -> Iterator[Row]:
    """Compare training steps with those of another worktree and of stock SLAYER.

    The other build is run by its own ``.venv`` if it has one, else by this Python.
    """
    for net, threads, target in TARGETS:
        if threads > most_threads:
            continue
        sides = ((HERE, "ours"), (folder.resolve(), "ours"), (HERE, "stock"))
        with ExitStack() as stack:
            workers = [
                stack.enter_context(Worker(build, net, side, threads)) for build, side in sides
            ]
            for worker in workers:
                worker.step()
            times = [[worker.step() for worker in workers] for _ in range(rounds)]
            peaks = [worker.peak_mib for worker in workers]
        work = f"{net}, 10 % of the neurons spike, {threads} threads"
        for kind, name in enumerate(("time", "processor time")):
            ours, other, stock = (
                [step[kind] for step in column] for column in zip(*times, strict=True)
            )
            yield Row(work, f"step, {name}: ours", ours, 0, "higher", "s")
            yield Row(
                work, f"step, {name} of the other build's", ratios(ours, other), 0.6, "lower", "x"
            )
            yield Row(
                work, f"step, {name}: stock / ours", ratios(stock, ours), target, "higher", "x"
            )
        if threads == 1:
            yield Row(
                work, "peak memory of the other build's", [peaks[0] / peaks[1]], 0.8, "lower", "x"
            )
            yield Row(work, "peak memory of stock's", [peaks[0] / peaks[2]], 0.7, "lower", "x")
