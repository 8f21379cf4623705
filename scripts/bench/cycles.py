"""Lava built and run again and again: what memory, descriptors and shared memory are held.

    scripts/bench/cycles.py --cycles 100 --json docs/results/cycles.json

Twice: runs that this process asks for, each with a worker of its own, and builds within one worker,
which is what samples on the schedule ``cold`` are. Held is what the process has once a run is over,
or the worker at its least during a build. The first few do not count, as they load what stays. The
spikes of all are compared with the reference engine. The exit code is 1 where what is counted is
more at the end, or memory by more than an allocator may keep.
"""

from __future__ import annotations

import argparse
import gc
import glob
import json
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from _bench import stamp
from _lava_faults import descendants
from rich.console import Console
from rich.table import Table

from loihi_sca.engine import lava_cpu, reference
from loihi_sca.files import write_json
from loihi_sca.network import Conv, Cuba, Dense, Input, Network

WARM = 10
"""Cycles that do not count: imports, caches, pools of the allocator."""

ALLOWED_KIB = 4096
"""What resident memory may differ by between the first and the last cycles that count."""

COUNTED = ("descriptors", "threads", "processes", "shared memory blocks", "folders")

Held = dict[str, int]


def network() -> Network:
    """Return a convolution and a dense layer that spike."""
    neuron = Cuba(1024, 128, 60)
    layers = (
        Input("input", (1, 4, 4)),
        Conv("conv", (1, 4, 4), np.full((2, 1, 3, 3), 14), neuron=neuron),
        Dense("dense", (2, 2, 2), np.full((3, 8), 38), neuron=neuron),
    )
    return Network("small", layers)


def held_by(pid: int, prefix: str, place: str) -> Held:
    """Return what a process holds, its children and blocks of shared memory and folders of ours."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    lines = dict(line.split(":", 1) for line in status if ":" in line)
    return {
        "memory_kib": int(lines["VmRSS"].split()[0]),
        "threads": int(lines["Threads"]),
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "processes": len(descendants(pid)),
        "shared memory blocks": len(glob.glob(f"/dev/shm/{prefix}*")),  # noqa: S108
        "folders": len(os.listdir(place)),
    }


def compare(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> None:
    if not np.array_equal(found, expected) or not expected.any():
        raise SystemExit("Lava has other spikes than the reference engine")


def runs(cycles: int, place: str) -> list[Held]:
    """Ask for so many runs; return what this process holds after each."""
    data = np.ones((1, 1, 4, 4, 8), dtype=np.uint8)
    expected, found = reference.run(network(), data).spikes, []
    for _ in range(cycles):
        compare(lava_cpu.run(network(), data).spikes, expected)
        gc.collect()
        found.append(held_by(os.getpid(), lava_cpu.SHM_PREFIX, place))
    return found


def builds(cycles: int, place: str) -> list[Held]:
    """Have one worker build so often; return the least that it holds during each build."""
    data = np.ones((cycles, 1, 4, 4, 8), dtype=np.uint8)
    seen: dict[int, list[Held]] = defaultdict(list)

    def look(done: int, total: int) -> None:
        workers = descendants(os.getpid())
        with suppress(OSError, LookupError):  # it may have just ended
            held = held_by(workers[0], lava_cpu.SHM_PREFIX, place)
            if done:
                seen[(done - 1) * cycles // total].append(held)

    found = lava_cpu.run(network(), data, schedule="cold", on_progress=look).spikes
    compare(found, reference.run(network(), data, schedule="cold").spikes)
    return [{key: min(x[key] for x in held) for key in held[0]} for _, held in sorted(seen.items())]


KINDS = {"runs": runs, "builds": builds}


def grown(held: list[Held]) -> dict[str, Any]:
    """Return what the first and the last fifth held: the least of counts, medians of memory."""
    counting = held[WARM:]
    few = max(len(counting) // 5, 1)
    first, last = (
        round(statistics.median(x["memory_kib"] for x in part))
        for part in (counting[:few], counting[-few:])
    )
    counts = {
        key: [min(x[key] for x in part) for part in (counting[:few], counting[-few:])]
        for key in COUNTED
    }
    more = [key for key, (before, after) in counts.items() if after > before]
    if last - first > ALLOWED_KIB:
        more.append("memory_kib")
    return {"cycles": len(held), "memory_kib": [first, last], **counts, "grown": more}


def main() -> int:
    """Run both, print and write what was held at first and at last."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cycles", type=int, default=100, help="that count")
    parser.add_argument("--json", type=Path, help="write there, beside what is there")
    parser.add_argument("--only", choices=KINDS)
    given = parser.parse_args()
    state: dict[str, Any] = {"schema": 1, "warm": WARM, "allowed_kib": ALLOWED_KIB, "held": {}}
    if given.json and given.json.exists():
        state = json.loads(given.json.read_text("utf-8"))
    lava_cpu.SHM_PREFIX = f"lsca_cycles_{os.getpid()}_"
    with tempfile.TemporaryDirectory() as place:
        tempfile.tempdir = place
        for name in [given.only] if given.only else KINDS:
            started = time.monotonic()
            found = grown(KINDS[name](given.cycles + WARM, place))
            state["held"][name] = {**found, "seconds": round(time.monotonic() - started)}
            stamp(state)
            if given.json:
                write_json(given.json, state)
        tempfile.tempdir = None
    return report(state["held"])


def report(held: dict[str, Any]) -> int:
    """Print a row for each; return 1 where something has grown."""
    table = Table("", "cycles", "memory_kib", *COUNTED, "seconds")
    for name, row in held.items():
        pairs = (f"{before:,} -> {after:,}" for before, after in (row["memory_kib"],
                 *(row[key] for key in COUNTED)))  # fmt: skip
        table.add_row(name, str(row["cycles"]), *pairs, str(row["seconds"]))
    Console(width=140).print(table)
    return int(any(row["grown"] for row in held.values()))


if __name__ == "__main__":
    sys.exit(main())
