#!/usr/bin/env python3
"""What a training step on all cores costs while torch's threads spin, alone and beside other work.

    scripts/bench/waiting.py [--quick] [--json OUT]

Between two operations torch's threads spin for milliseconds by default, in our commands a
thirtieth as long (`loihi_sca.processor.let_threads_rest`). Both are measured in turns: on a machine
with nothing else to do, as it should be found, and beside a process that keeps one core at work.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from _bench import Row, options, ratios, report
from _training_builds import HERE, Worker
from _training_worker import SAMPLES

NETS = ("VGG-9", "VGG16, width 1/4", "MNIST net")

SPINS = "300000"
"""What GCC's OpenMP does by default where there are as many cores as threads."""

AT_WORK = "while True: pass"


def main() -> None:
    given = options(__doc__)
    rows: list[Row] = []
    for net in NETS[: 1 if given.quick else None]:
        rows += _measured(net, 3 if given.quick else 9)
    report(rows, given.json)


def _measured(net: str, rounds: int) -> Iterator[Row]:
    threads = os.cpu_count() or 1
    batch, timesteps = SAMPLES[net]
    with (
        Worker.of_build(HERE, net, "ours", threads) as rests,
        Worker.of_build(HERE, net, "ours", threads, GOMP_SPINCOUNT=SPINS) as spins,
    ):
        for busy in (False, True):
            with _beside(busy):
                rests.step(), spins.step()
                times = [(rests.step(), spins.step()) for _ in range(rounds)]
            beside = "beside a busy process" if busy else "alone"
            work = f"{net}, batch {batch}, T={timesteps}, {threads} threads, {beside}"
            resting, spinning = (
                [step[0] for step in column] for column in zip(*times, strict=True)
            )
            yield Row(work, "step", resting, 0, "higher", "s")
            yield Row(work, "spinning / resting", ratios(spinning, resting), 1, "higher", "x")


@contextmanager
def _beside(busy: bool) -> Iterator[None]:
    """Have a process at work that wants a whole core."""
    if not busy:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", AT_WORK])
    try:
        yield
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
