"""What all benchmarks share: the machine, medians, rows, the table and the JSON file."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from loihi_sca.versions import machine as described

PACKAGES = ("numpy", "numba", "torch", "lava-nc", "lava-dl", "snntorch", "spikingjelly")


@dataclass(frozen=True)
class Row:
    """One figure: the median of some runs, and what it should be."""

    work: str
    metric: str
    runs: list[float]
    target: float
    better: Literal["higher", "lower"]
    unit: str
    value: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", statistics.median(self.runs))

    @property
    def reached(self) -> bool:
        return self.value >= self.target if self.better == "higher" else self.value <= self.target


def options(doc: str | None) -> argparse.Namespace:
    """Parse ``[--quick] [--json OUT]``."""
    return parser_of(doc).parse_args()


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """Return the parser of ``[--quick] [--json OUT]``, for a script that takes more."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer runs; at most five minutes")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the rows here")
    return parser


def seconds(function: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def in_turns(rounds: int, *functions: Callable[[], float]) -> list[list[float]]:
    """Call functions that return seconds in turns, so that a busy machine disturbs all alike.

    One round that does not count comes first. Returns one list of seconds per function.
    """
    for function in functions:
        function()
    times = [[function() for function in functions] for _ in range(rounds)]
    return [list(column) for column in zip(*times, strict=True)]


def ratios(slow: Sequence[float], fast: Sequence[float]) -> list[float]:
    """Return round by round how many times longer the first took."""
    return [a / b for a, b in zip(slow, fast, strict=True)]


def peak_memory_mib() -> float:
    """Return the most memory that this process has held so far.

    On Linux ``getrusage`` would count what the parent held when it started this process.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(x.split()[1]) / 1024 for x in lines if x.startswith("VmHWM"))
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def stamp(state: dict[str, Any]) -> None:
    """Say of figures where they are from, and of which commit; of those that go on, all of that."""
    now = {"machine": machine(), "commit": commit()}
    last = {key: state[key] for key in now if key in state}
    if last not in ({}, now):
        state["before"] = [x for x in state.get("before", []) if x not in (last, now)] + [last]
    state |= now


def machine() -> dict[str, Any]:
    """Describe the machine and the packages that are compared."""
    return {**described(), "packages": {name: _version(name) for name in PACKAGES}}


def commit() -> str:
    """Return the commit that is measured, ``unknown`` outside a repository."""
    here = Path(__file__).parent
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True
    )
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def report(rows: Sequence[Row], path: Path | None, notes: Sequence[str] = ()) -> None:
    """Print the rows, and write them as JSON if there is a path."""
    about = machine()
    console = Console(width=120)
    table = Table(title=f"{about['processor']}, {about['cores']} cores, Python {about['python']}")
    table.add_column("work")
    table.add_column("metric")
    for name in ("value", "target", "reached"):
        table.add_column(name, justify="right")
    for row in rows:
        sign = ">=" if row.better == "higher" else "<="
        table.add_row(
            row.work, row.metric, f"{row.value:.4g} {row.unit}", f"{sign} {row.target:g}",
            "yes" if row.reached else "[bold red]no[/]",
        )  # fmt: skip
    console.print(table)
    for note in notes:
        console.print(f"note: {note}", highlight=False, soft_wrap=True)
    if path is not None:
        value = {
            "schema": 1, "machine": about, "commit": commit(), "notes": list(notes),
            "rows": [asdict(row) for row in rows],
        }  # fmt: skip
        path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
