"""Every reader of files, fuzzed with coverage: how often, how long, and what was found.

    scripts/bench/fuzz.py --folder fuzzing --minutes 10 --json docs/results/fuzz.json
    scripts/bench/fuzz.py --folder fuzzing --replay --json docs/results/fuzz.json

A reader must return something or raise an error of ours, in little time and memory; anything else
is a finding. Readers take turns of half a minute, of processor time, until each has had its
minutes; the folder keeps their corpus, so that what has begun goes on. What ends the process itself
is told by the function of ours that was under way; it is a fault of the library below, and its
input stays in the folder. ``--replay`` tries all findings again: those that are no longer any are
mended. Wants atheris (``pip install "atheris<3"`` on Python 3.10). The exit code is 1 where
something is not mended.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _bench import stamp
from _fuzz_readers import READERS
from rich.console import Console
from rich.table import Table

from loihi_sca.errors import LoihiScaError
from loihi_sca.files import write_json

TURN_S, SLOW_S = 30.0, 5.0
COUNTS = ("executions", "read", "refused", "processor_s")


def turn(name: str, folder: Path, seconds: float) -> None:
    """Fuzz a reader for so long; where its process ends before, note that down and go on."""
    with (folder / "log").open("ab") as log:
        began = log.tell()
        process = subprocess.run(
            [sys.executable, Path(__file__).with_name("_fuzz_one.py"), name, folder, str(seconds)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    if process.returncode == 0:
        return
    text = (folder / "log").read_bytes()[began:].decode("utf-8", "replace")
    code = process.returncode
    how = signal.Signals(-code).name if code < 0 else {70: "hangs", 71: "memory"}.get(code, code)
    frames = re.findall(r'File ".*?/(loihi_sca/[^"]+)", line \d+ in (\w+)', text)
    where = ":".join(frames[0]) if frames else "?"
    if not frames:
        raise SystemExit(f"{name}: fuzzing ended with {how}; see {folder / 'log'}")
    kind = f"{how} in {where}"
    path = folder / "ended" / re.sub(r"\W", "_", kind)
    (folder / "current").replace(path)
    path.with_suffix(".txt").write_text(f"{kind}\n{text[-20_000:]}")


def prepare(folder: Path, before: dict[str, Any]) -> None:
    """Make a reader's folder; a new one goes on counting from what has been written of before."""
    import numpy as np

    for part in ("corpus", "findings", "ended"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    if not (folder / "counts").exists():
        numbers = [before.get(what, 0) for what in COUNTS]
        numbers[-1] *= 1000
        np.array(numbers, dtype=np.int64).tofile(folder / "counts")


def joined(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return what a folder says, with what was found in folders that are no longer there."""
    if not before:
        return now
    edges = {"edges": max(before.get("edges", 0), now["edges"])}
    lists = {k: sorted({*before.get(k, []), *now[k]}) for k in ("findings", "ended")}
    return {**before, **now, **edges, **lists}


def counted(folder: Path) -> dict[str, Any]:
    """Return what a reader's folder says."""
    import numpy as np

    numbers = np.fromfile(folder / "counts", dtype=np.int64).tolist()
    log = (folder / "log").read_text("utf-8", "replace") if (folder / "log").exists() else ""
    edges = [int(x) for x in re.findall(r" cov: (\d+) ", log)]
    return {
        **dict(zip(COUNTS, [*numbers[:3], round(numbers[3] / 1000)], strict=True)),
        "edges": max(edges, default=0),
        "corpus": len(list((folder / "corpus").iterdir())),
        "findings": _first_lines(folder / "findings"),
        "ended": _first_lines(folder / "ended"),
    }


def _first_lines(folder: Path) -> list[str]:
    return sorted(x.read_text("utf-8").splitlines()[0] for x in folder.glob("*.txt"))


def still_fails(name: str, content: bytes) -> bool:
    """Tell whether a finding is one, in this process: those that end it are not tried."""
    reader = READERS[name]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, reader.name)
        reader.make(content, path)
        started = time.process_time()
        try:
            reader.read(path)
        except LoihiScaError:
            pass
        except Exception:
            return True
        return time.process_time() - started > SLOW_S


def replay(name: str, folder: Path) -> list[str]:
    """Return the findings that are not mended."""
    left = []
    for told in sorted((folder / "findings").glob("*.txt")):
        if still_fails(name, told.with_suffix("").read_bytes()):
            left.append(told.read_text("utf-8").splitlines()[0])
    return left


def main() -> int:
    """Fuzz or replay, print a row per reader and write all of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="corpus and findings, kept")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10, help="of a processor, per reader")
    parser.add_argument("--only", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--replay", action="store_true", help="try the findings again, no more")
    given = parser.parse_args()
    state: dict[str, Any] = {"schema": 1, "readers": {}}
    if given.json.exists():
        state = json.loads(given.json.read_text(encoding="utf-8"))
    folders = {name: given.folder / re.sub(r"\W", "_", name) for name in given.only}

    def keep(name: str) -> None:
        state["readers"][name] = joined(state["readers"].get(name, {}), counted(folders[name]))
        stamp(state)
        write_json(given.json, state)

    for name, folder in folders.items():
        prepare(folder, state["readers"].get(name, {}))
    under_way = True
    while under_way and not given.replay:
        under_way = False
        for name, folder in folders.items():
            spent = counted(folder)["processor_s"]
            if spent < 60 * given.minutes - 1:
                turn(name, folder, min(TURN_S, 60 * given.minutes - spent))
                under_way = True
                keep(name)
    for name, folder in folders.items():
        state["readers"].setdefault(name, {})["left"] = replay(name, folder)
        keep(name)
    return report(state["readers"])


def report(readers: dict[str, Any]) -> int:
    """Print a row per reader; return 1 where a finding is not mended."""
    table = Table("reader", *COUNTS, "edges", "findings", "not mended", "ended")
    for name, row in readers.items():
        numbers = [f"{row[x]:,}" for x in (*COUNTS, "edges")]
        lists = [str(len(row.get(x, []))) for x in ("findings", "left", "ended")]
        table.add_row(name, *numbers, *lists)
    Console(width=140).print(table)
    left = [f"{name}: {x}" for name, row in readers.items() for x in row.get("left", [])]
    print(*left, sep="\n")
    return bool(left)


if __name__ == "__main__":
    sys.exit(main())
