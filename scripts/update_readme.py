#!/usr/bin/env python3
"""Write measured figures into README.md: the demo's table and those of benchmarks.

    scripts/demo
    .venv/bin/python scripts/bench/engine.py --quick --json engine.json
    .venv/bin/python scripts/update_readme.py --demo runs/demo --engine engine.json

Each table stands between two markers, ``<!-- NAME -->`` and ``<!-- /NAME -->``; what is not named
on the command line stays as it is.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from loihi_sca.files import write_text
from loihi_sca.report.comparison import comparison

README = Path(__file__).resolve().parents[1] / "README.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--demo", type=Path, help="run folder of the demo")
    for name in ("engine", "training", "estimate"):
        parser.add_argument(f"--{name}", type=Path, help=f"JSON of scripts/bench/{name}.py")
    arguments = vars(parser.parse_args())
    text = README.read_text("utf-8")
    for name, path in arguments.items():
        if path is not None:
            source = path / "summary.json" if name == "demo" else path
            content = json.loads(source.read_text("utf-8"))
            text = put(text, name, demo(content) if name == "demo" else benchmark(content))
    write_text(README, text)


def put(text: str, name: str, block: str) -> str:
    """Replace what stands between the markers of a name."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
    found, count = re.subn(pattern, lambda m: m[1] + block + m[2], text, flags=re.S)
    if not count:
        raise SystemExit(f"README.md has no markers <!-- {name} --> and <!-- /{name} -->")
    return found


def demo(summary: dict[str, Any]) -> str:
    rows = [f"| {r.name} | {r.dense} | {r.pruned} | {r.change} |" for r in comparison(summary)]
    proof = (
        f"**{summary['mismatches']} mismatching spikes** between SLAYER, the engines and Lava over "
        f"{summary['samples_verified']} samples, every layer, both networks; "
        f"{summary['total_time_s']:.0f} s in all."
    )
    return "\n".join(
        ["| | dense | pruned | change |", "|---|---:|---:|---:|", *rows, "", proof, ""]
    )


def benchmark(content: dict[str, Any]) -> str:
    rows = [
        f"| {row['work']} | {row['metric']} | {figure(row['value'])} {row['unit']} |"
        for row in content["rows"]
    ]
    machine = content["machine"]
    note = (
        f"Medians of one run on {machine['cores']} cores of an {machine['processor']}, "
        f"Python {machine['python']}."
    )
    return "\n".join(["| work | | |", "|---|---|---:|", *rows, "", note, ""])


def figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"


if __name__ == "__main__":
    main()
