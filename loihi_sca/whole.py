"""Whole numbers that users give: what is one, and what can be a seed, is said once."""

from __future__ import annotations

from numbers import Integral
from typing import TypeGuard

from loihi_sca.errors import ConfigError

MOST_SEED = 2**64 - 1
"""torch takes 64 bits."""


def is_whole(value: object, least: int, most: int | None = None) -> TypeGuard[int]:
    """Tell whether a value is a whole number of Python or NumPy, and within limits."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        return False
    return int(value) >= least and (most is None or int(value) <= most)


def check_seed(seed: object) -> None:
    """Raise unless a value can be a seed, of NumPy and of torch.

    Raises
    ------
    ConfigError
        It is no whole number, or not from 0 to :data:`MOST_SEED`.
    """
    if not is_whole(seed, 0, MOST_SEED):
        raise ConfigError(f"seed = {seed!r}: a whole number from 0 to {MOST_SEED}.")
