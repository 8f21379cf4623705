"""How a local Ray is started so that it keeps to itself, and how nothing is left of it."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

OBJECT_STORE_BYTES = 100 << 20
"""Shared memory of a local Ray; items and values are small, data sets are read by each worker."""

REMOVAL_S = 10.0
"""Time to wait for workers that are about to end."""

LONGEST_PATH = 14
"""Of the usual temporary folder; with what Ray adds, a socket's path may have 107 characters."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")

CHANGED_BY_RAY = ("RAY_", "PYTHONBREAKPOINT", "PYTHONPATH", *THREAD_VARIABLES)
"""Beginnings of the names of the variables that Ray, or we for it, change in this process."""


def make_folder() -> str:
    """Create a folder for sockets and logs, where the path is short enough for a socket."""
    usual = tempfile.gettempdir()
    return tempfile.mkdtemp(
        prefix="loihi-sca-ray-",
        dir=usual if len(usual) <= LONGEST_PATH else "/tmp",  # noqa: S108
    )


def options(folder: str, cpus: int) -> dict[str, Any]:
    """Return arguments for ``ray.init``.

    Parameters
    ----------
    folder : str
        Of :func:`make_folder`.
    cpus : int
        That work may use.
    """
    return {
        "num_cpus": cpus,
        "include_dashboard": False,
        "log_to_driver": False,
        "logging_level": "ERROR",
        "object_store_memory": OBJECT_STORE_BYTES,
        "_node_ip_address": "127.0.0.1",
        "_temp_dir": folder,
    }


def variables(threads: int) -> dict[str, str]:
    """Return the variables by which a local Ray is told what ``ray.init`` has no option for."""
    return {
        "RAY_USAGE_STATS_ENABLED": "0",
        # by this the processes know each other; otherwise Ray puts a file with one into the home
        "RAY_AUTH_TOKEN": _token(),
        # workers find the modules that this process finds
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        # no cluster, so that the loopback interface is all it listens on, on Linux as elsewhere
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        # its daemon dies if a helper needs 15 s to start, and nobody must wait a minute for it
        "RAY_raylet_start_wait_time_s": "10",
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
    }


@cache
def _token() -> str:
    """Return a token that lasts as long as this process, as Ray reads it only once."""
    return secrets.token_hex(32)


def environment() -> dict[str, str]:
    """Return the variables that Ray may change."""
    return {k: v for k, v in os.environ.items() if k.startswith(CHANGED_BY_RAY)}


def restore(before: Mapping[str, str]) -> None:
    """Make the variables that Ray may change what they were."""
    for name in environment().keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


def remove(folder: str) -> None:
    """Remove the folder of a Ray that has ended, with what it may have left running."""
    _kill_users_of(folder)
    until = time.monotonic() + REMOVAL_S
    while Path(folder).exists() and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)
        if Path(folder).exists():  # a dying worker is still writing its log
            time.sleep(0.1)


def _kill_users_of(folder: str) -> None:
    """Kill processes that were started with a folder, as a Ray that failed to start leaves some."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if folder.encode() in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:  # it has ended, or is somebody else's
            continue
