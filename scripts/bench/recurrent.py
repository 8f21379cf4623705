#!/usr/bin/env python3
"""How fast recurrent layers run, against Lava: random weights, times of processors.

Of Lava it is the time of all its processes together, shared evenly by all cores, which is the
least that it can take, and without its start.

    scripts/bench/recurrent.py [--quick] [--json OUT]
"""

from __future__ import annotations

from _bench import options, report
from _recurrent import recurrent


def main() -> None:
    choices = options(__doc__)
    notes = list[str]()
    report([*recurrent(3 if choices.quick else 9, choices.quick, notes)], choices.json, notes)


if __name__ == "__main__":
    main()
