"""What is given for a network and is none, and numbers of samples and steps that are none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import loihi_sca
from loihi_sca.errors import ConfigError, NetworkError
from loihi_sca.network import Cuba, Dense, Network
from loihi_sca.slayer.lava import slayer

ENGINES = ("reference", "fast")
NETWORK = Network(
    "net", (Dense("d", (2,), np.array([[64, 2]]), neuron=Cuba(4096, 0, 60)),), timesteps=4
)
CALLS = {
    "read": loihi_sca.read,
    "run": lambda given: loihi_sca.run(given, np.ones((1, 2, 4), dtype=int)),
    "verify": lambda given: loihi_sca.verify(given, engines=ENGINES),
    "estimate": lambda given: loihi_sca.estimate(given, rate=0.1),
    "map_network": loihi_sca.map_network,
}


@pytest.mark.parametrize("call", CALLS)
def test_a_folder_and_a_model_are_told_apart_from_networks(tmp_path, call) -> None:
    with pytest.raises(
        NetworkError, match=rf"a folder, and no netx file\. .*compile {tmp_path} --"
    ):
        CALLS[call](tmp_path)
    (tmp_path / "my run").mkdir()
    with pytest.raises(NetworkError, match=rf"compile '{tmp_path}/my run' --out"):
        CALLS[call](tmp_path / "my run")
    for given, kind in ((torch.nn.Sequential(), "Sequential"), (None, "NoneType"), (3, "int")):
        with pytest.raises(ConfigError, match=rf"this is a {kind}\. Of a model loihi_sca\.compile"):
            CALLS[call](given)


@pytest.mark.parametrize("count", [0, -1, 1.5, "3", True])
def test_numbers_of_samples_and_steps_are_whole(count) -> None:
    for given in ({"samples": count}, {"samples": 1, "steps": count}):
        with pytest.raises(ConfigError, match="at least 1 each"):
            loihi_sca.verify(NETWORK, engines=ENGINES, **given)
    if count == 0:  # is none
        return
    neuron = {"threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.1}
    block = slayer.block.cuba.Dense(neuron, 4, 2, weight_scale=8, delay_shift=False)
    with pytest.raises(ConfigError, match=r"proof_samples=.*: a whole number, 0 for none"):
        loihi_sca.compile([block], (4,), 4, proof_samples=count)
