"""Random networks on every engine and on several Pythons' Lava: how much agreed, and what did not.

    scripts/bench/differential.py --seconds 600 --json differential.json
    scripts/bench/differential.py --lava .venv/bin/python .venv-newer/bin/python --blocks 20 ...

Works in blocks; each draws its networks and spikes from its own number, so that all engines see the
same ones. Blocks that the JSON file holds already are not run again: say it again to go on. A
difference is shrunk to a small network, written down, and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from _bench import stamp
from hypothesis import HealthCheck, Phase, given, seed, settings
from rich.console import Console
from rich.table import Table

from loihi_sca.compiler.verify import verify
from loihi_sca.errors import BackendError, LoihiScaError
from loihi_sca.files import write_json
from loihi_sca.lava_python import VARIABLE, probe

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))
from network_cases import EXTREMES, KINDS, Case, cases

FAST, LAVA = 50, 5
"""Networks in a block: without Lava, and with it."""

COUNTED = (
    "networks", "samples", "extreme", "compared", "spikes", "wraps", "saturations", "unfinished",
    "differ", "processor_s",
)  # fmt: skip
"""Of a block: samples and extreme ones among them, spikes and silences, networks that Lava did not
bring to an end, blocks that differ."""


def run_block(kind: str, number: int, python: str | None) -> dict[str, Any]:
    """Run one block and return what it has counted."""
    engines = ["reference", "fast"] if python is None else ["reference", "lava"]
    counted: Counter[str] = Counter()
    ended: list[str] = []
    if python is not None:
        os.environ[VARIABLE] = python

    @seed(number)
    @settings(
        max_examples=FAST if python is None else LAVA, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
        print_blob=True,
    )  # fmt: skip
    @given(case=cases(kind, for_lava=python is not None))
    def compare(case: Case) -> None:
        network, data, schedule = case
        try:
            found = verify(network, engines=engines, data=data, schedule=schedule)
        except BackendError as error:  # no answer is no difference, and on a busy machine no news
            counted["unfinished"] += 1
            ended.append(str(error))
            return
        counted.update(
            networks=1, samples=len(data), extreme=len(EXTREMES), compared=found.compared,
            spikes=sum(found.spikes.values()), wraps=found.current_wraps,
            saturations=found.voltage_saturations,
        )  # fmt: skip

    started, failure = processor_s(), None
    try:
        compare()
    except (LoihiScaError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        failure = "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])
    spent = {"processor_s": processor_s() - started, "differ": int(failure is not None)}
    return {**counted, **spent, "failure": failure, "ended": ended}


def processor_s() -> float:
    """Return the processor time of this process and of what it has started and seen end."""
    return sum(os.times()[:4])


def pythons(paths: list[str]) -> dict[str, str]:
    """Return the interpreters by a name that tells versions, not places."""
    found = {}
    for path in paths:
        python = probe(os.path.abspath(path), path)
        if python.problems:
            raise SystemExit(f"{path}: {', '.join(python.problems)}")
        found[f"Lava, Python {python.python}, numpy {python.packages['numpy']}"] = python.executable
    return found


def main() -> int:
    """Run blocks until time or their number is up, and print what has agreed so far."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, help="the figures, to go on from")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="processor time")
    parser.add_argument("--blocks", type=int, default=1 << 30, help="of each kind on each engine")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--lava", nargs="*", default=[], metavar="PYTHON")
    given_ = parser.parse_args()
    sides: dict[str, str | None] = {"fast": None, **pythons(given_.lava)}
    state: dict[str, Any] = {"schema": 1, "blocks": {}}
    if given_.json.exists():
        state = json.loads(given_.json.read_text(encoding="utf-8"))
    stamp(state)
    for number in range(given_.blocks):
        for kind, (side, python) in itertools.product(given_.kinds, sides.items()):
            key = f"{kind}/{side}/{number}"
            if processor_s() > given_.seconds:
                return report(state)
            if key not in state["blocks"]:
                state["blocks"][key] = run_block(kind, number, python)
                state["totals"] = totals(state["blocks"])
                write_json(given_.json, state)
    return report(state)


def totals(blocks: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return what the blocks have counted, by kind and engine."""
    found: dict[str, dict[str, float]] = {}
    for key, block in blocks.items():
        row = found.setdefault(key.rpartition("/")[0], dict.fromkeys(COUNTED, 0))
        for what in COUNTED:
            row[what] += block.get(what, 0)
    return found


def report(state: dict[str, Any]) -> int:
    """Print a row per kind and engine; return 1 where something differed."""
    table = Table(title="against the reference engine")
    for heading in ("networks of", "on", *COUNTED):
        table.add_column(heading, justify="left" if heading in ("networks of", "on") else "right")
    for key, row in totals(state["blocks"]).items():
        table.add_row(*key.split("/"), *(f"{row[what]:,.0f}" for what in COUNTED))
    Console(width=140).print(table)
    failures = {key: x["failure"] for key, x in state["blocks"].items() if x["failure"]}
    print(*(f"{key}: {failure}" for key, failure in failures.items()), sep="\n")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
