"""Made-up input for a network: spikes, or values where it takes values."""

from __future__ import annotations

import numpy as np

from loihi_sca.errors import ConfigError
from loihi_sca.network import Cuba, Input, IntArray, Network, Shape
from loihi_sca.whole import is_whole

RATES = (0.05, 0.2, 0.5)
"""Input rates of random samples, taken in turn."""

CHANGING = 0.2
"""Share of the random values of a sigma-delta network that change at a timestep."""


def random_data(network: Network, samples: int, steps: int, seed: int) -> IntArray:
    """Return random spikes (N, *data_shape, T), or values where the Input has neurons."""
    for given in (samples, steps):
        if not is_whole(given, 1):
            raise ConfigError(
                f"samples={samples!r}, steps={steps!r}: whole numbers, at least 1 each."
            )
    rng = np.random.default_rng(seed)
    size = (samples, *network.data_shape, steps)
    first = network.layers[0]
    if isinstance(first, Input) and isinstance(first.neuron, Cuba):
        most = min(max(first.neuron.threshold, 1), 4095)
        # one value per sample and neuron, as an image has
        image = rng.integers(-most // 4, most, size[:-1], endpoint=True)
        return np.broadcast_to(image[..., None], size).astype(np.int32)
    if network.is_graded:
        return _random_video(rng, size, encoded=not network.takes_mantissas)
    rates = np.resize(RATES, samples).reshape(-1, *[1] * (len(size) - 1))
    return (rng.random(size) < rates).astype(np.int32)


def _random_video(rng: np.random.Generator, size: Shape, encoded: bool) -> IntArray:
    """Return values from -1 to 1 of which a fifth changes at each step, or messages like that."""
    changes = rng.random(size) < CHANGING
    if encoded:
        return np.where(changes, rng.integers(-4096, 4096, size), 0).astype(np.int32)
    changes[..., 0] = True
    last = np.maximum.accumulate(np.where(changes, np.arange(size[-1]), 0), axis=-1)
    return np.take_along_axis(rng.integers(-64, 65, size, dtype=np.int32), last, axis=-1)
