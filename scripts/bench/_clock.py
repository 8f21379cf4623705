"""A clock that jumps under every process that is started with it, by libfaketime.

Calls to the C library see it, whoever makes them: stamps of files and the deadlines of semaphores
too. What a jump of a machine's clock leaves alone, the monotonic one, is left alone.
"""

from __future__ import annotations

import glob
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/l*/faketime/libfaketimeMT.so.1")
TEN_YEARS_S = 10 * 365 * 86_400
EVERY_S = 0.5
LEFT = "/dev/shm/*faketime_s*"  # noqa: S108


@contextmanager
def jumping(folder: Path) -> Iterator[dict[str, str]]:
    """Yield an environment in which the clock jumps by up to ten years, to and fro.

    Raises
    ------
    ModuleNotFoundError
        There is no libfaketime here.
    """
    found = [path for pattern in LIBRARIES for path in glob.glob(pattern)]
    if not found:
        raise ModuleNotFoundError("no libfaketime", name="libfaketime")
    before = set(glob.glob(LEFT))
    told, over = folder / "clock", threading.Event()

    def jump() -> None:
        written = folder / "clock.new"
        written.write_text(f"{random.randint(-TEN_YEARS_S, TEN_YEARS_S):+d}")  # noqa: S311
        os.replace(written, told)

    def keep_jumping() -> None:
        while not over.wait(EVERY_S):
            jump()

    jump()
    thread = threading.Thread(target=keep_jumping)
    thread.start()
    try:
        yield {
            "LD_PRELOAD": found[0], "FAKETIME_TIMESTAMP_FILE": str(told),
            "FAKETIME_CACHE_DURATION": "1", "DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip
    finally:
        over.set()
        thread.join()
        for path in set(glob.glob(LEFT)) - before:  # by those that were killed
            os.unlink(path)
