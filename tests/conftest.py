"""Tests go by what is there, not by the version of Python, and say what they skip.

``lava`` marks what runs Lava and ``train`` what trains; a module that cannot be imported without
torch is skipped as a whole. Where ``LOIHI_SCA_TESTS_NEED`` names them, as CI does, their absence is
an error instead.
"""

from __future__ import annotations

import os

import pytest

from loihi_sca import lava_python
from loihi_sca.errors import BackendError


def _missing() -> dict[str, str]:
    """Return why tests with these marks cannot run, by mark."""
    missing = {}
    try:
        lava_python.find()
    except BackendError as error:
        missing["lava"] = str(error)
    try:
        import loihi_sca.slayer  # noqa: F401  looks only
    except BackendError as error:
        missing["train"] = str(error)
    return missing


def pytest_configure(config):
    config.missing = _missing()
    needed = os.environ.get("LOIHI_SCA_TESTS_NEED", "").split(",")
    absent = [why for mark, why in config.missing.items() if mark in needed]
    if absent:
        raise pytest.UsageError(" ".join(absent))


def pytest_collection_modifyitems(config, items):
    for item in items:
        for mark, why in config.missing.items():
            if item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=why))


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    """Skip modules that need torch, or what needs it, where it is not there."""
    report = (yield).get_result()
    why = collector.config.missing.get("train")
    if why and report.failed and isinstance(collector, pytest.Module):
        text = str(report.longrepr)
        if "No module named 'torch'" in text or "training needs torch" in text:
            report.outcome = "skipped"
            report.longrepr = (str(collector.path), 0, f"Skipped: {why}")
