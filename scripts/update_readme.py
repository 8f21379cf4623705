#!/usr/bin/env python3
"""Write measured figures into README.md and docs: tables of demo, benchmarks and experiments.

    scripts/demo
    .venv/bin/python scripts/update_readme.py --demo runs/demo/summary.json
    .venv/bin/python scripts/experiments/mnist.py --root FOLDER
    .venv/bin/python scripts/update_readme.py --mnist runs/mnist/mnist.json

Each table stands between two markers, ``<!-- NAME -->`` and ``<!-- /NAME -->``; what is not named
on the command line stays as it is.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import _tables

from loihi_sca.files import write_text

ROOT = Path(__file__).resolve().parents[1]
README, RESULTS = ROOT / "README.md", ROOT / "docs" / "results"

TABLES = {
    "demo": _tables.demo,
    "engine": _tables.benchmark,
    "training": _tables.benchmark,
    "mnist": _tables.criteria,
    "nmnist": _tables.criteria,
    "hardware_aware": _tables.cores,
    "differential": _tables.differential,
    "faults": _tables.faults,
    "sigma_delta": _tables.video,
    "sigma_delta_speed": _tables.targets,
}
"""How each block is made from the JSON that its script writes."""

PAGES = {
    **dict.fromkeys(("sigma_delta", "sigma_delta_speed"), ROOT / "docs" / "compiler.md"),
    **dict.fromkeys(("differential", "faults"), ROOT / "docs" / "how_we_test.md"),
}
"""Where a block stands, if not in README.md."""

PICTURES = {"hardware_aware": _tables.cores_picture}
"""Pictures in docs/results/, by the names of their blocks."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in TABLES:
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, metavar="JSON")
    for name, path in vars(parser.parse_args()).items():
        if path is None:
            continue
        content = json.loads(path.read_text("utf-8"))
        page = PAGES.get(name, README)
        write_text(page, put(page.read_text("utf-8"), page, name, TABLES[name](content)))
        if name in PICTURES:
            write_text(RESULTS / f"{name}.svg", PICTURES[name](content))


def put(text: str, page: Path, name: str, block: str) -> str:
    """Replace what stands between the markers of a name."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
    found, count = re.subn(pattern, lambda m: m[1] + block + m[2], text, flags=re.S)
    if not count:
        raise SystemExit(f"{page.name} has no markers <!-- {name} --> and <!-- /{name} -->")
    return found


if __name__ == "__main__":
    main()
