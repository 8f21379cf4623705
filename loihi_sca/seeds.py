"""Seeds of random numbers: what can be one is said once."""

from __future__ import annotations

from numbers import Integral

from loihi_sca.errors import ConfigError

MOST_SEED = 2**64 - 1
"""torch takes 64 bits."""


def check_seed(seed: object) -> None:
    """Raise unless a value can be a seed, of NumPy and of torch.

    Raises
    ------
    ConfigError
        It is no whole number, or not from 0 to :data:`MOST_SEED`.
    """
    whole = isinstance(seed, Integral) and not isinstance(seed, bool)
    if not whole or not 0 <= int(seed) <= MOST_SEED:  # type: ignore[call-overload]
        raise ConfigError(f"seed = {seed!r}: a whole number from 0 to {MOST_SEED}.")
