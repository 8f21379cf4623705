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
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _bench import commit, machine
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from loihi_sca import netx
from loihi_sca.compiler.pipeline import PASSES_UNROLLING, run_passes
from loihi_sca.compiler.refuse import find_problems
from loihi_sca.compiler.verify import verify
from loihi_sca.errors import BackendError, NotBitExact, UnsupportedLayer
from loihi_sca.files import write_json
from loihi_sca.lava_python import VARIABLE, probe
from loihi_sca.network import Network

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))
from network_strategies import data_for, graded_networks, networks, video_for

Draw = Callable[[Any, bool], tuple[Any, Any]]

FAST, LAVA = 50, 5
"""Networks in a block: without Lava, and with it."""


def draw_cuba(data: Any, for_lava: bool) -> tuple[Any, Any]:
    """Draw a chain of CUBA layers, lowered to what a file holds, and spikes."""
    limits = {"weights": "chip", "per_channel": not for_lava, "recurrent": not for_lava}
    compiled = run_passes(data.draw(networks(**limits)), PASSES_UNROLLING).network
    assume(compiled.synapse_layers)
    assume(not for_lava or is_loadable(compiled))
    return compiled, data.draw(data_for(compiled, most_samples=2 if for_lava else 3))


def draw_sigma_delta(data: Any, for_lava: bool) -> tuple[Any, Any]:
    """Draw a chain of sigma-delta layers, and a video."""
    limits = {"weights": "chip", "axon_delays": False} if for_lava else {}
    network = data.draw(graded_networks(**limits))
    assume(not for_lava or is_loadable(network))
    return network, data.draw(video_for(network, most_samples=2, large=not for_lava))


def is_loadable(network: Network) -> bool:
    """Tell whether Lava can be given a network as it is."""
    try:
        netx.require_loadable(network)
    except UnsupportedLayer:
        return False
    return not find_problems(network)


KINDS: dict[str, Draw] = {"cuba": draw_cuba, "sigma-delta": draw_sigma_delta}


def run_block(kind: str, number: int, python: str | None) -> dict[str, Any]:
    """Run one block and return what it has counted."""
    engines = ["reference", "fast"] if python is None else ["reference", "lava"]
    counted: Counter[str] = Counter()
    if python is not None:
        os.environ[VARIABLE] = python

    @seed(number)
    @settings(
        max_examples=FAST if python is None else LAVA, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
        print_blob=True,
    )  # fmt: skip
    @given(data=st.data())
    def compare(data: Any) -> None:
        network, spikes = KINDS[kind](data, python is not None)
        cold = {"schedule": "cold"} if kind == "sigma-delta" and python is not None else {}
        found = verify(network, engines=engines, data=spikes, timeout_s=300, **cold)
        counted.update(networks=1, compared=found.compared, spikes=sum(found.spikes.values()))

    started, failure = time.perf_counter(), None
    try:
        compare()
    except (NotBitExact, BackendError) as error:
        failure = "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])
    return {**counted, "seconds": time.perf_counter() - started, "failure": failure}


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
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--blocks", type=int, default=1 << 30, help="of each kind on each engine")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--lava", nargs="*", default=[], metavar="PYTHON")
    given_ = parser.parse_args()
    sides: dict[str, str | None] = {"fast": None, **pythons(given_.lava)}
    state: dict[str, Any] = {"schema": 1, "blocks": {}}
    if given_.json.exists():
        state = json.loads(given_.json.read_text(encoding="utf-8"))
    state |= {"machine": machine(), "commit": commit()}
    end = time.monotonic() + given_.seconds
    for number in range(given_.blocks):
        for kind, (side, python) in itertools.product(given_.kinds, sides.items()):
            key = f"{kind}/{side}/{number}"
            if time.monotonic() > end:
                return report(state)
            if key not in state["blocks"]:
                state["blocks"][key] = run_block(kind, number, python)
                write_json(given_.json, state)
    return report(state)


def report(state: dict[str, Any]) -> int:
    """Print a row per kind and engine; return 1 where something differed."""
    table, failures = Table(title="against the reference engine"), []
    for heading in ("networks of", "on", "networks", "spikes and silences", "spikes", "differ"):
        table.add_column(heading)
    rows: dict[tuple[str, str], Counter[str]] = {}
    for key, block in state["blocks"].items():
        kind, side, _ = key.split("/")
        row = rows.setdefault((kind, side), Counter())
        row.update({what: block.get(what, 0) for what in ("networks", "compared", "spikes")})
        row["differ"] += block["failure"] is not None
        failures += [f"{key}: {block['failure']}"] if block["failure"] else []
    for (kind, side), row in rows.items():
        numbers = (f"{row[what]:,}" for what in ("networks", "compared", "spikes", "differ"))
        table.add_row(kind, side, *numbers)
    Console(width=120).print(table)
    print(*failures, sep="\n")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
