"""A network that reports of networks are made of."""

from __future__ import annotations

import numpy as np
import pytest

from loihi_sca import netx
from loihi_sca.network import Cuba, Dense, Input, Network


@pytest.fixture
def net(tmp_path):
    """A file with a network of digits that has learnt nothing."""
    weight = 2 * np.random.default_rng(0).integers(-60, 90, (10, 64))
    neuron = Cuba(4096, 0, 80)
    layers = (Input("input", (1, 8, 8)), Dense("output", (1, 8, 8), weight, neuron=neuron))
    path = tmp_path / "small.net"
    netx.write(Network("small", layers, timesteps=4), path)
    return path
