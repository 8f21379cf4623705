#!/usr/bin/env python3
"""Write measured figures into docs, and three rows of each into README.md.

    scripts/demo
    .venv/bin/python scripts/update_readme.py --demo runs/demo/summary.json
    .venv/bin/python scripts/experiments/mnist.py --root FOLDER
    .venv/bin/python scripts/update_readme.py --mnist runs/mnist/mnist.json

Each table stands between two markers, ``<!-- NAME -->`` and ``<!-- /NAME -->``; what is not named
on the command line stays as it is. Say in docs/results.md which commit was measured.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _tables

from loihi_sca.files import write_text

ROOT = Path(__file__).resolve().parents[1]
README, RESULTS = ROOT / "README.md", ROOT / "docs" / "results"

ON_PAGE: dict[str, dict[str, Callable[[Any], str]]] = {
    "results.md": {
        "demo": _tables.demo,
        "engine": _tables.benchmark,
        "training": _tables.benchmark,
        "mnist": _tables.criteria,
        "nmnist": _tables.criteria,
        "cifar10": _tables.criteria,
        "recipe_mnist": _tables.criteria,
        "recipe_nmnist": _tables.criteria,
        "recipe_preresnet18": _tables.criteria,
        "recipe_vgg16": _tables.criteria,
        "hardware_aware": _tables.cores,
    },
    "compiler.md": {
        "sigma_delta": _tables.video,
        "sigma_delta_speed": _tables.targets,
        "recurrent_speed": _tables.targets,
    },
    "how_we_test.md": {
        "differential": _tables.differential,
        "differential_lava": _tables.differential_lava,
        "faults": _tables.faults,
        "faults_lava": _tables.faults_lava,
        "fuzz": _tables.fuzz,
        "cycles": _tables.cycles,
        "lowest": _tables.lowest,
        "lowest_training": _tables.lowest_training,
    },
    "training_speed.md": {
        "training_against": _tables.against,
        "training_against_intel": _tables.against,
        "waiting": _tables.benchmark,
        "events": _tables.events,
        "events_intel": _tables.events,
    },
}
"""How each block is made from the JSON that its script writes, by the page of docs/ it is on."""

TABLES = {name: make for blocks in ON_PAGE.values() for name, make in blocks.items()}
PAGES = {name: ROOT / "docs" / page for page, blocks in ON_PAGE.items() for name in blocks}

SHORT: dict[str, tuple[str, ...]] = {
    "demo": (
        "accuracy on test data", "loihi2: total energy per sample", "loihi2: latency per sample",
    ),
    "engine": (
        "VGG-9 32x32x3, T=8 | Lava / fast", "28x28: 16C5s2-32C3s2-64-10, T=32 | snnTorch / fast",
        "28x28: 16C5s2-32C3s2-64-10, T=32 | SpikingJelly multi-step / fast",
    ),
    "training": (
        "MNIST net, batch 64, T=16, 1 threads | training step",
        "VGG-9, batch 8, T=8, 1 threads | training step",
        "VGG-9, T=8, frozen at 30% of the channels, 1 threads",
    ),
    "mnist": ("`sca`", "`l1`", "`random`"),
    "cifar10": ("`sca`", "`random`"),
    "hardware_aware": (
        "loihi2 | rank | 30 %", "loihi2 | harmonic | 30 %", "loihi1 | harmonic | 30 %",
    ),
}  # fmt: skip
"""The rows that README.md shows, by how they begin; tables that are not named it does not."""

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
        block = TABLES[name](content)
        _write(PAGES[name], name, block)
        if name in SHORT:
            _write(README, name, short(name, block))
        if name in PICTURES:
            write_text(RESULTS / f"{name}.svg", PICTURES[name](content))


def _write(page: Path, name: str, block: str) -> None:
    write_text(page, put(page.read_text("utf-8"), page, name, block))


def short(name: str, block: str) -> str:
    """Return the head of a table, the rows that README.md shows, and what stands below it."""
    lines = block.splitlines()
    table = [i for i, line in enumerate(lines) if line.startswith("|")]
    rows = []
    for wanted in SHORT[name]:
        found = [lines[i] for i in table[2:] if lines[i].startswith(f"| {wanted}")]
        if len(found) != 1:
            raise SystemExit(f"{name}: {len(found)} rows begin with {wanted!r}, one should")
        rows += found
    below = lines[table[-1] + 1 :]
    return "\n".join([*(lines[i] for i in table[:2]), *rows, *below, ""])


def shown(name: str, page: Path) -> str:
    """Return what stands between the markers of a name."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", page.read_text("utf-8"), re.S)
    if found is None:
        raise SystemExit(f"{page.name} has no markers <!-- {name} --> and <!-- /{name} -->")
    return found[1]


def put(text: str, page: Path, name: str, block: str) -> str:
    """Replace what stands between the markers of a name."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
    found, count = re.subn(pattern, lambda m: m[1] + block + m[2], text, flags=re.S)
    if not count:
        raise SystemExit(f"{page.name} has no markers <!-- {name} --> and <!-- /{name} -->")
    return found


if __name__ == "__main__":
    main()
