#!/usr/bin/env python3
"""How fast sigma-delta networks run: against Lava, plain numpy, and themselves on a still picture.

Networks of the shapes of PilotNet and of YOLO-KP, with random weights; every run that is measured
is compared with what it is measured against, value by value. Times are those of processors; of
Lava's processes together, shared evenly by all cores, which is the least that it can take.

    scripts/bench/sigma_delta.py [--quick] [--lava-frames N] [--json OUT]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from _bench import report
from _sigma_delta import large, sigma_delta


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round of the large network")
    parser.add_argument("--lava-frames", type=int, default=0, help="of the large one, on Lava")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the rows as JSON")
    choices = parser.parse_args()
    rounds, notes = 3 if choices.quick else 9, list[str]()
    rows = [
        *sigma_delta(rounds, choices.quick, notes),
        *large(1 if choices.quick else 3, choices.lava_frames, notes),
    ]
    report(rows, choices.json, notes)


if __name__ == "__main__":
    main()
