"""What can be a seed is said once, and is the same for NumPy, torch and Optuna."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_training import tiny_recipe

import loihi_sca
from loihi_sca.config import Recipe
from loihi_sca.errors import ConfigError
from loihi_sca.network import Cuba, Dense, Network
from loihi_sca.slayer.lava import slayer
from loihi_sca.toml_files import validate
from loihi_sca.training.plan import batches_of
from loihi_sca.whole import MOST_SEED, check_seed

NEURON = {"threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.1}
NO_SEEDS = [-1, 2**64, 2**200, 1.5, "x", None, True]


@pytest.mark.parametrize("seed", NO_SEEDS)
def test_what_is_no_seed_is_refused_by_all_that_take_one(seed) -> None:
    model = torch.nn.Sequential(slayer.block.cuba.Dense(dict(NEURON), 4, 6, delay_shift=False))
    network = Network("net", (Dense("d", (2,), np.array([[64, 2]]), neuron=Cuba(4096, 0, 60)),))
    calls = (
        lambda: check_seed(seed),
        lambda: loihi_sca.compile(model, (4,), 4, seed=seed),
        lambda: loihi_sca.verify(network, engines=("reference", "fast"), samples=1, seed=seed),
        lambda: loihi_sca.Pruner(model, torch.zeros(1, 4, 4), budget="keep=0.5", seed=seed),
    )
    for call in calls:
        with pytest.raises(ConfigError, match="a whole number from 0 to 18446744073709551615"):
            call()
    with pytest.raises(ConfigError, match="seed"):
        validate(Recipe, {**tiny_recipe().model_dump(), "seed": seed}, "here")


@pytest.mark.parametrize("seed", [0, 2**32, MOST_SEED, np.int64(3)])
def test_every_seed_is_one_for_numpy_and_torch(seed) -> None:
    check_seed(seed)
    torch.manual_seed(int(seed))
    recipe = validate(Recipe, {**tiny_recipe().model_dump(), "seed": int(seed)}, "here")
    assert sum(map(len, batches_of(recipe, 40, 3))) == 40
