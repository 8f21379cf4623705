"""What the tests of the engines share."""

from __future__ import annotations

import glob
import os
import tempfile
import time

import numpy as np
import pytest

from loihi_sca.engine import lava_cpu, lava_job


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def nothing_left(monkeypatch, tmp_path):
    """After each test no process, shared memory or folder of the engine is left."""
    started = []
    prefix = f"lsca_{os.getpid()}_{time.monotonic_ns()}_"
    start = lava_job._start

    def remember(folder):
        started.append(start(folder))
        return started[-1]

    jobs = tmp_path / "jobs"
    jobs.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(jobs))
    monkeypatch.setenv("TMPDIR", str(jobs))  # of the worker
    monkeypatch.setattr(lava_cpu, "SHM_PREFIX", prefix)
    monkeypatch.setattr(lava_job, "_start", remember)
    yield started
    assert not any(lava_job._is_alive(process.pid) for process in started)
    assert all(process.returncode is not None for process in started)
    assert glob.glob(f"/dev/shm/{prefix}*") == []  # noqa: S108
    assert list(jobs.iterdir()) == []
