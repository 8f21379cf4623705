"""Networks and files that several tests of the chip model use."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from loihi_sca.network import Conv, Cuba, Dense, Input, Network


@pytest.fixture(scope="session")
def shared_net():
    """Find a network file in the folder that LOIHI_SCA_DATA names."""

    def find(name: str) -> Path:
        folder = os.environ.get("LOIHI_SCA_DATA")
        if not folder:
            pytest.skip(f"set LOIHI_SCA_DATA to a folder with netx/{name} to run this")
        return Path(folder) / "netx" / name

    return find


@pytest.fixture(scope="session")
def gesture() -> Network:
    """The DVS-gesture network whose Loihi 1 map is published, with random 8 bit weights."""
    rng = np.random.default_rng(0)
    neuron = Cuba(4096, 128, 80)

    def weight(*shape: int) -> np.ndarray:
        drawn = rng.integers(-128, 128, shape)
        drawn.flat[:2] = -127, 127
        return 2 * drawn

    def conv(name: str, shape: tuple[int, ...], channels: int, stride: int = 1) -> Conv:
        kernels = weight(channels, shape[0], 3, 3)
        return Conv(name, shape, kernels, stride=(stride, stride), neuron=neuron)

    return Network(
        "gesture",
        (
            Input("input", (1, 32, 32), neuron=neuron),
            conv("conv1", (1, 32, 32), 16, stride=2),
            conv("conv2", (16, 15, 15), 32),
            conv("conv3", (32, 13, 13), 64),
            conv("conv4", (64, 11, 11), 11),
            Dense("dense", (11, 9, 9), weight(11, 891), neuron=neuron),
        ),
        timesteps=16,
    )
