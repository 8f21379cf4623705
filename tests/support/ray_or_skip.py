"""A Ray for tests; where the machine is too busy to start one in time, tests are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from loihi_sca.errors import BackendError
from loihi_sca.execution.on_ray import OnRay

BUSY = 2.0
"""Processes that want a CPU, per CPU; Ray gives up if its helpers do not start within 15 s."""


@contextmanager
def started(ray: OnRay) -> Iterator[OnRay]:
    with ExitStack() as stack:
        try:
            stack.enter_context(ray)
        except BackendError as error:
            load = os.getloadavg()[0] / len(os.sched_getaffinity(0))
            if load > BUSY:
                pytest.skip(f"Ray did not start at a load of {load:.1f} per CPU: {error}")
            raise
        yield ray
