#!/usr/bin/env python3
"""What it takes to turn recordings into spikes, the first time and in later epochs.

Recordings are random, as large as those of the data sets: N-MNIST (4000 events in a .bin of their
own) and DVS-Gesture (12 gestures in an .aedat of 40 MB). A cache on disk could save the first time
of later runs; each later epoch of a run is served from memory already.

    scripts/bench/recordings.py [--quick] [--json OUT]
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _bench import Row, options, report

from loihi_sca import data

STEPS = 16
EACH = 4000
GESTURES = 12
GESTURE_US = 6_000_000


def main() -> None:
    given = options(__doc__)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_nmnist(root, rng, 20 if given.quick else 200)
        write_gestures(root, rng, 500_000 if given.quick else 5_000_000)
        rows = [*times("nmnist", root, 60_000), *times("dvs_gesture", root, 1176)]
    report(rows, given.json)


def write_nmnist(root: Path, rng: np.random.Generator, count: int) -> None:
    """Write recordings of ten classes."""
    for number in range(count):
        place = root / "Test" / str(number % 10)
        place.mkdir(parents=True, exist_ok=True)
        time_us = np.sort(rng.integers(0, 300_000, EACH))
        raw = np.zeros((EACH, 5), dtype=np.uint8)
        raw[:, :2] = rng.integers(0, 34, (EACH, 2))
        raw[:, 2] = rng.integers(0, 2, EACH) << 7 | time_us >> 16
        raw[:, 3], raw[:, 4] = time_us >> 8 & 255, time_us & 255
        (place / f"{number:05}.bin").write_bytes(raw.tobytes())


def write_gestures(root: Path, rng: np.random.Generator, events: int) -> None:
    """Write a trial with a gesture after the other."""
    folder = root / "DvsGesture"
    folder.mkdir()
    whole = GESTURES * GESTURE_US
    place = rng.integers(0, 128, (2, events), dtype=np.uint32)
    polarity = rng.integers(0, 2, events, dtype=np.uint32)
    words = np.empty((events, 2), dtype="<u4")
    words[:, 0] = place[0] << 17 | place[1] << 2 | polarity << 1 | 1
    words[:, 1] = np.sort(rng.integers(0, whole, events))
    parts = [b"#!AER-DAT3.1\r\n#!END-HEADER\r\n"]
    for first in range(0, events, EACH):
        packet = words[first : first + EACH]
        head = np.array([1, 0], "<i2").tobytes()
        sizes = np.array([8, 4, 0, *[len(packet)] * 3], "<i4").tobytes()
        parts.append(head + sizes + packet.tobytes())
    (folder / "user01_led.aedat").write_bytes(b"".join(parts))
    lines = ["class,startTime_usec,endTime_usec"]
    lines += [f"{i % 11 + 1},{i * GESTURE_US},{(i + 1) * GESTURE_US}" for i in range(GESTURES)]
    (folder / "user01_led_labels.csv").write_text("\n".join(lines))
    (folder / "trials_to_test.txt").write_text("user01_led.aedat\n")


def times(name: str, root: Path, whole: int) -> list[Row]:
    """Return the CPU time of all recordings of a data set, from some of them."""
    found = data.load(name, split="test", root=root, timesteps=STEPS)
    one_by_one = [found.pick(slice(i, i + 1)) for i in range(len(found))]
    first = [whole * cpu_seconds(part.spikes) for part in one_by_one]
    later = [whole * cpu_seconds(part.spikes) for part in one_by_one]
    ratio = statistics.median(first) / statistics.median(later)
    work = f"{name}, {whole} recordings, T = {STEPS}"
    return [
        Row(work, "first time", first, 600, "lower", "s"),
        Row(work, "each later epoch", later, 60, "lower", "s"),
        Row(work, "from memory, times faster", [ratio], 1, "higher", "x"),
    ]


def cpu_seconds(function: Callable[[], object]) -> float:
    """Return the CPU time of a call."""
    started = time.process_time()
    function()
    return time.process_time() - started


if __name__ == "__main__":
    main()
