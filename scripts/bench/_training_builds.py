"""Training steps of two builds of ours, stock SLAYER and others' libraries, in turns.

Each side trains in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from _bench import Row, ratios
from _training_nets import CLASSES, ours
from _training_worker import RATE, SAMPLES, described

HERE = Path(__file__).resolve().parents[2]
WORKER, PEER = (Path(__file__).with_name(f"_training_{name}.py") for name in ("worker", "peer"))

TARGETS = (
    ("VGG-9", 1, 3.5),
    ("VGG16, width 1/4", 1, 0),
    ("MNIST net", 1, 0),
    ("784-512-512-10", 1, 0),
    ("VGG-9", 2, 3.0),
    ("VGG16, width 1/4", 2, 0),
    ("MNIST net", 2, 3.5),
    ("784-512-512-10", 2, 0),
)
"""Network, threads, and how many times faster than stock SLAYER it is to be."""

PEERS = {
    "spikingjelly": ("VGG-9", "VGG16, width 1/4", "MNIST net", "784-512-512-10"),
    "sparx": ("784-512-512-10",),
}
"""Libraries, and what they are measured on."""

BUILD_TARGET = 0.6
"""Share of the older build's time that deep networks are to take; no other is to take more."""

JELLY_TARGET = 1.5
"""How many times faster than SpikingJelly ours is to be."""


class Worker:
    """A process that does a step whenever it is asked to.

    Attributes
    ----------
    said : str
        The line that it begins with.
    """

    def __init__(self, command: list[str], threads: int, folder: Path, **environment: str) -> None:
        said = {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": str(threads), **environment}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env={**os.environ, **said}, cwd=folder,
        )  # fmt: skip
        self.said = self._line()

    @classmethod
    def of_build(cls, build: Path, net: str, side: str, threads: int, **environment: str) -> Worker:
        """Start a side, ``ours`` or ``stock``, of a worktree; its first line is its peak in MiB."""
        own = build / ".venv" / "bin" / "python"
        python = str(own) if own.exists() else sys.executable
        command = [python, str(WORKER), str(build), net, side, str(threads)]
        return cls(command, threads, build, **environment)

    @classmethod
    def of_peer(cls, library: str, python: Path, net: str, threads: int) -> Worker:
        """Start another library by the Python of its environment; its first line is its mode."""
        network = json.dumps(description(net))
        command = [str(python), str(PEER), library, network, str(threads)]
        return cls(command, threads, PEER.parent)

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()

    def step(self) -> list[float]:
        """Return the seconds and processor seconds of a step."""
        assert self.process.stdin is not None  # noqa: S101 (of a pipe)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [float(word) for word in self._line().split()]

    def _line(self) -> str:
        assert self.process.stdout is not None  # noqa: S101 (of a pipe)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended with {self.process.wait()}.")
        return line.strip()


def description(net: str) -> dict[str, Any]:
    """Return a network as :mod:`_training_peer` takes it."""
    config, shape = described(net)
    layers: list[list[Any]] = []
    for name, block in ours(config, shape).named_children():
        if name.startswith("conv"):
            s: Any = block.synapse
            sizes = (s.in_channels, s.out_channels, s.kernel_size[0], s.stride[0], s.padding[0])
            layers.append(["conv", *sizes])
        elif hasattr(block, "synapse"):
            layers.append(["dense", block.synapse.in_channels, block.synapse.out_channels])
    if layers[0][0] == "dense":
        shape = (layers[0][1],)
    if layers[-1][2] != CLASSES:
        raise SystemExit(f"{net} ends in {layers[-1]}.")
    batch, timesteps = SAMPLES[net]
    return {
        "layers": layers, "shape": shape, "batch": batch, "timesteps": timesteps, "rate": RATE,
    }  # fmt: skip


@dataclass(frozen=True)
class Sides:
    """What ours is compared with.

    Attributes
    ----------
    build : Path
        A worktree of another build; it is run by its own ``.venv`` if it has one, else by this
        Python.
    peers : dict of str to Path
        The Python of the environment of each library of :data:`PEERS` that there is.
    """

    build: Path
    peers: dict[str, Path]


def against_build(sides: Sides, rounds: int, most_threads: int, notes: list[str]) -> Iterator[Row]:
    """Compare training steps with those of another build, stock SLAYER, and others' libraries."""
    for net, threads, target in TARGETS:
        if threads <= most_threads:
            yield from _compared(sides, net, threads, target, rounds, notes)


def _compared(
    sides: Sides, net: str, threads: int, target: float, rounds: int, notes: list[str]
) -> Iterator[Row]:
    batch, timesteps = SAMPLES[net]
    work = f"{net}, batch {batch}, T={timesteps}, {threads} threads"
    builds = ((HERE, "ours"), (sides.build.resolve(), "ours"), (HERE, "stock"))
    with ExitStack() as stack:
        start = stack.enter_context
        workers = [start(Worker.of_build(build, net, side, threads)) for build, side in builds]
        peaks = [float(worker.said) for worker in workers]
        names = [name for name in sides.peers if net in PEERS[name]]
        for name in names:
            workers.append(start(Worker.of_peer(name, sides.peers[name], net, threads)))
            notes.append(f"{work}: the fastest of {name} is {workers[-1].said}.")
        for worker in workers:
            worker.step()
        times = [[worker.step() for worker in workers] for _ in range(rounds)]
    for kind, name in enumerate(("time", "processor time")):
        ours_, other, slayer, *theirs = (
            [step[kind] for step in column] for column in zip(*times, strict=True)
        )
        yield Row(work, f"step, {name}: ours", ours_, 0, "higher", "s")
        aim = BUILD_TARGET if net.startswith("VGG") else 1
        yield Row(
            work, f"step, {name} of the other build's", ratios(ours_, other), aim, "lower", "x"
        )
        yield Row(work, f"step, {name}: stock / ours", ratios(slayer, ours_), target, "higher", "x")
        for library, column in zip(names, theirs, strict=True):
            aim = JELLY_TARGET if library == "spikingjelly" else 0
            metric = f"step, {name}: {library} / ours"
            yield Row(work, metric, ratios(column, ours_), aim, "higher", "x")
    if threads == 1:
        yield Row(
            work, "peak memory of the other build's", [peaks[0] / peaks[1]], 0.8, "lower", "x"
        )
        yield Row(work, "peak memory of stock's", [peaks[0] / peaks[2]], 0.7, "lower", "x")
