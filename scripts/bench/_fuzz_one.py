"""Fuzzes one reader until its processor time is up; a process of its own for ``fuzz.py``.

    _fuzz_one.py READER FOLDER SECONDS

Of FOLDER: ``corpus`` grows, ``counts`` holds executions, files read, files refused; ``current`` is
what is being tried, for the case that the process ends. A finding is written to ``findings``, once
for each place that it comes from, and fuzzing goes on.
"""

from __future__ import annotations

import faulthandler
import hashlib
import os
import re
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

SLOW_S = 5.0
HUNGRY_KB = 1 << 18
COUNTS = ("executions", "read", "refused")
KERNELS = re.compile(r"^(?:from|import) .*\b(?:numba|jit)\b", re.MULTILINE)
"""What imports it has functions that numba compiles."""


def main() -> None:
    """Fuzz; never returns."""
    name, folder, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    faulthandler.enable()
    with atheris.instrument_imports(include=["loihi_sca"], exclude=compiled()):
        import numpy as np
        from _fuzz_readers import READERS

        from loihi_sca.errors import LoihiScaError

        reader = READERS[name]
        place = Path(tempfile.mkdtemp(prefix="fuzz-"), reader.name)
        corpus = folder / "corpus"
        for content in reader.first():  # what is imported on the way is instrumented too
            (corpus / f"seed-{hashlib.sha1(content).hexdigest()[:12]}").write_bytes(content)  # noqa: S324
            reader.make(content, place)
            attempt(reader, place, LoihiScaError)
    counts = np.memmap(folder / "counts", dtype=np.int64, mode="r+", shape=(len(COUNTS) + 1,))
    current, began, before = folder / "current", time.process_time(), float(counts[3])

    def one(content: bytes) -> None:
        current.write_bytes(content)
        if content and content.startswith(b"\0fields") and reader.change is None:
            return
        reader.make(content, place)
        started, memory = time.process_time(), peak_kb()
        outcome = attempt(reader, place, LoihiScaError)
        took, grown = time.process_time() - started, peak_kb() - memory
        counts[0] += 1
        if isinstance(outcome, str):
            note(folder, outcome, content)
        else:
            counts[1 + outcome] += 1
        if took > SLOW_S:
            note(folder, f"slow: {took:.0f} s\n", content)
        if grown > HUNGRY_KB:
            note(folder, f"hungry: {grown >> 10} MiB\n", content)
        spent = time.process_time() - began
        counts[3] = int(before + 1000 * spent)
        if spent > seconds:
            counts.flush()
            sys.stderr.flush()
            os._exit(0)

    words = {w for x in reader.first() for w in re.findall(rb"[A-Za-z_][\w-]{2,30}", x[:100_000])}
    (folder / "words").write_bytes(b"\n".join(b'"%s"' % w for w in sorted(words)))
    options = [
        "-timeout=600", "-rss_limit_mb=6000", "-max_len=65536", "-detect_leaks=0",
        *([f"-dict={folder / 'words'}"] if words else []), f"-artifact_prefix={folder}/native-",
        *(f"-handle_{x}=0" for x in ("segv", "bus", "abrt", "ill", "fpe", "int", "term")),
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


def compiled() -> list[str]:
    """Return the modules of which numba compiles functions: it cannot once they are instrumented.

    They stay as they are, so that what a reader has them do is done, and is not counted as edges.
    """
    paths = (ROOT / "loihi_sca").rglob("*.py")
    found = [x for x in paths if KERNELS.search(x.read_text("utf-8"))]
    return [".".join(x.relative_to(ROOT).with_suffix("").parts) for x in found]


def attempt(reader: Any, place: Path, ours: type[Exception]) -> int | str:
    """Read; return 0 for a result, 1 for an error of ours, or the traceback of any other."""
    try:
        reader.read(place)
    except ours:
        return 1
    except Exception as error:
        frames = [
            x for x in traceback.extract_tb(error.__traceback__) if "/loihi_sca/" in x.filename
        ]
        where = (
            f"{Path(frames[-1].filename).relative_to(ROOT)}:{frames[-1].name}" if frames else "?"
        )
        return f"{type(error).__name__} in {where}\n{traceback.format_exc()}"
    return 0


def note(folder: Path, told: str, content: bytes) -> None:
    """Write down a finding, of which the first line says what it is, unless it is known."""
    kind = re.sub(r": \d+.*", "", told.splitlines()[0])
    key = hashlib.sha1(kind.encode()).hexdigest()[:12]  # noqa: S324
    path = folder / "findings" / key
    if not path.exists():
        path.write_bytes(content)
        path.with_suffix(".txt").write_text(told, "utf-8", "replace")


def peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
