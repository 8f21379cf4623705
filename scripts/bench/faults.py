"""Faults on purpose: trainings and Lava runs that are killed, starved and damaged.

    scripts/bench/faults.py --json faults.json
    scripts/bench/faults.py --only training --faults "clock jumps" --times 5 --json faults.json

Each fault is injected into a process of its own, at a random moment. A training must end in the
same bits as one that nothing happened to; a Lava run in a clear error, and nothing of it may be
left: no process, no shared memory, no folder. Of ``limits``, a run may succeed as well; of
``callers``, which start Lava from threads, pools, clusters and notebooks, it must. What cannot be
had here is told, and counts as not injected. The exit code is 1 where one is not survived.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from _bench import stamp
from _lava_faults import LAVA, inject_each
from _lava_limits import CALLS, LIMITS
from _training_faults import TRAINING, training_faults
from rich.console import Console
from rich.table import Table

from loihi_sca.files import write_json

CAMPAIGNS = {
    "training": (TRAINING, training_faults), "lava": (LAVA, inject_each),
    "limits": (LIMITS, inject_each), "callers": (CALLS, inject_each),
}  # fmt: skip
"""Faults by name, and what injects them."""


def main() -> int:
    """Run the campaigns; print and write what was injected and what was not survived."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the counts here, beside those there")
    parser.add_argument("--times", type=int, default=20, help="of each fault")
    parser.add_argument("--only", choices=CAMPAIGNS, help="one campaign")
    parser.add_argument("--faults", nargs="+", metavar="NAME", help="of it, by default all")
    given = parser.parse_args()
    campaigns = [given.only] if given.only else [*CAMPAIGNS]
    known = [fault for name in campaigns for fault in CAMPAIGNS[name][0]]
    for fault in given.faults or ():
        if fault not in known:
            parser.error(f"--faults: there is no {fault!r}; there are {', '.join(known)}.")
    state: dict[str, Any] = {"schema": 1, "campaigns": {}}
    if given.json and given.json.exists():
        state = json.loads(given.json.read_text(encoding="utf-8"))
    for name in campaigns:
        faults, inject = CAMPAIGNS[name]
        chosen = {x: act for x, act in faults.items() if x in (given.faults or faults)}
        for fault, counts in inject(chosen, given.times):
            state["campaigns"].setdefault(name, {})[fault] = counts
            stamp(state)
            if given.json:
                write_json(given.json, state)
    return report(state["campaigns"])


def report(campaigns: dict[str, Any]) -> int:
    """Print a row for each fault, and what was not survived; return 1 where there is some."""
    table = Table("campaign", "fault", "injected", "not survived")
    failures = []
    for campaign, faults in campaigns.items():
        for name, counts in faults.items():
            count = len(counts["failures"])
            absent = f" (not here: {counts['absent']})" if "absent" in counts else ""
            table.add_row(campaign, name, f"{counts['injected']}{absent}", str(count))
            failures += [f"{campaign}, {name}: {text}" for text in counts["failures"]]
    Console(width=120).print(table)
    print(*failures, sep="\n")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
