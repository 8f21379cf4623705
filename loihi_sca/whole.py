"""Whole numbers that users give: what is one, and what can be a seed, is said once."""

from __future__ import annotations

from numbers import Integral
from typing import TypeGuard

from loihi_sca.errors import ConfigError

MOST_SEED = 2**64 - 1
"""torch takes 64 bits."""


def is_whole(value: object, least: int) -> TypeGuard[int]:
    """Tell whether a value is a whole number of Python or NumPy, and at least so large."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def check_seed(seed: object) -> None:
    """Raise unless a value can be a seed, of NumPy and of torch.

    Raises
    ------
    ConfigError
        It is no whole number, or not from 0 to :data:`MOST_SEED`.
    """
    if not is_whole(seed, 0) or seed > MOST_SEED:
        raise ConfigError(f"seed = {seed!r}: a whole number from 0 to {MOST_SEED}.")
