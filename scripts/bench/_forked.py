"""Processes of one's own to do harm to."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable

from loihi_sca.errors import LoihiScaError


class Failed(Exception):
    """A fault that was not survived as it must be."""


class Absent(Exception):
    """A fault that cannot be injected here, and why."""


def forked(act: Callable[[], None]) -> int:
    """Act in a process of its own; an error is written to stderr."""
    pid = os.fork()
    if pid:
        return pid
    try:
        act()
    except LoihiScaError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(3)
    except BaseException as error:
        print(f"unforeseen: {error!r}", file=sys.stderr, flush=True)
        os._exit(4)
    os._exit(0)


def said(act: Callable[[], None]) -> str:
    """Act in a process of its own; return the error that it ends in, or nothing."""
    with tempfile.TemporaryFile() as output:

        def run() -> None:
            os.dup2(output.fileno(), 2)
            act()

        _, status = os.waitpid(forked(run), 0)
        output.seek(0)
        text = output.read().decode().strip()
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 3):
        raise Failed(f"ended with {code}: {text}")
    return text if code == 3 else ""


def must_say(text: str, *words: str) -> None:
    if not all(word in text for word in words):
        raise Failed(f"said {text!r}, and not {words}")
