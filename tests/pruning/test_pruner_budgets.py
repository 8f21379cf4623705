"""The pruner under budgets of the mapper, rankings within layers, exclusions, bad input."""

import itertools
from dataclasses import replace

import pytest
import torch

from loihi_sca.compiler import compile_network
from loihi_sca.config import ModelConfig, PruningConfig
from loihi_sca.errors import ConfigError
from loihi_sca.frontend.export import to_network
from loihi_sca.hardware import describe, load_profile, map_network
from loihi_sca.model.build import SpikingNet, build
from loihi_sca.planning.outline import outline
from loihi_sca.pruning import Pruner
from loihi_sca.pruning.bits import bits_of

CONFIG = ModelConfig.model_validate(
    {
        "layers": [
            {"type": "conv", "channels": 40, "kernel": 5, "stride": 2},
            {"type": "conv", "channels": 48},
            {"type": "dense", "neurons": 200},
        ],
        "weight_scale": 4.0,
    }
)
SHAPE = (1, 28, 28)


@pytest.fixture
def model() -> SpikingNet:
    torch.manual_seed(0)
    return build(CONFIG, SHAPE, 10)


def pruner_of(model: SpikingNet, **config) -> Pruner:
    options = {"regenerate": 0.05, "min_channels": 4, **config}
    return Pruner(
        model,
        PruningConfig.model_validate(options),
        outline=outline(CONFIG, SHAPE, 10, timesteps=4),
        measure_bits=True,
    )


def step(model: SpikingNet, pruner: Pruner, optimizer: torch.optim.Adam) -> None:
    spikes = (torch.rand(4, *SHAPE, 4) < 0.3).float()
    optimizer.zero_grad()
    (model.train()(spikes) * torch.randn(4, 10, 4)).sum().backward()
    optimizer.step()
    pruner.step(optimizer)


@pytest.mark.parametrize("profile", ["loihi2", "loihi1"])
def test_the_compiled_network_takes_the_cores_that_were_promised(model, profile: str) -> None:
    net = outline(CONFIG, SHAPE, 10).with_bits(bits_of(model.gated))
    cores = map_network(net.architecture, load_profile(profile)).cores // 2
    pruner = pruner_of(model, cores=cores, profile=profile)
    optimizer = torch.optim.Adam(model.trainable_parameters())
    for progress in (0.5, 1.0, 1.0):
        step(model, pruner, optimizer)
        update = pruner.update(progress, optimizer)
    assert update.alive == update.plan.channels
    assert update.plan.promised <= cores
    compiled = describe(compile_network(to_network(model, timesteps=4)))
    chip = load_profile(profile)
    assert map_network(compiled, chip).cores <= update.plan.promised
    counted_on = {s.name: s.geometry.bits for s in update.plan.architecture.layers}
    assert max(counted_on["dense3"]) < 8  # fresh weights are small, and that is made use of
    if {s.name: s.shape[0] for s in compiled.layers}.items() >= update.alive.items():
        # nothing else was found silent
        layers = tuple(
            replace(s, geometry=replace(s.geometry, bits=counted_on[s.name]))
            for s in compiled.layers
        )
        assert map_network(replace(compiled, layers=layers), chip).cores == update.plan.promised
    assert sum(update.alive.values()) < 288


@pytest.mark.parametrize("budget", [{"synapse_words": 3000}, {"cores": 4}])
def test_on_the_way_to_a_budget_every_layer_shrinks_step_by_step(model, budget: dict) -> None:
    pruner = pruner_of(model, **budget)
    optimizer = torch.optim.Adam(model.trainable_parameters(), lr=1e-6)  # scores stay as they are
    alive = []
    for progress in (0.0, 0.3, 0.6, 1.0):
        step(model, pruner, optimizer)
        update = pruner.update(progress, optimizer)
        alive.append(list(update.alive.values()))
    assert alive[0] == [block.channels for block in pruner.blocks.values()]
    for before, after in itertools.pairwise(alive):
        assert all(b >= a - 1 for b, a in zip(before, after, strict=True))
    assert update.plan.promised <= update.plan.target.limit
    assert update.alive == update.plan.channels


def test_channels_come_back_within_a_budget(model) -> None:
    pruner = pruner_of(model, connections=0.2, regenerate=0.1)
    optimizer = torch.optim.Adam(model.trainable_parameters())
    step(model, pruner, optimizer)
    pruner.update(1.0, optimizer)
    step(model, pruner, optimizer)
    update = pruner.update(1.0, optimizer)
    assert update.regenerated > 0
    assert update.plan.promised <= update.plan.target.limit


def test_ranking_within_layers_keeps_the_same_fraction_of_each(model) -> None:
    pruner = pruner_of(model, keep=0.5, ranking="layer")
    optimizer = torch.optim.Adam(model.trainable_parameters())
    step(model, pruner, optimizer)
    assert pruner.update(1.0, optimizer).alive == {"conv1": 20, "conv2": 24, "dense3": 100}


def test_excluded_blocks_keep_all_channels(model) -> None:
    pruner = pruner_of(model, keep=0.2, exclude=("conv1",))
    optimizer = torch.optim.Adam(model.trainable_parameters())
    step(model, pruner, optimizer)
    assert set(pruner.update(1.0, optimizer).alive) == {"conv2", "dense3"}
    assert bool(model.conv1.alive.all())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"exclude": ("conv7",)}, r"no prunable block 'conv7'; there are conv1, conv2, dense3"),
        ({"exclude": ("conv1", "conv2", "dense3")}, "no prunable block, or all are excluded"),
        ({"keep": 0.06, "min_channels": 20}, "keeps at least 60. Keep more, or lower"),
        ({"cores": 1}, "cores = 1 cannot be reached"),
        ({"criterion": "scaa"}, "no criterion 'scaa'.*did you mean 'sca'"),
        ({"cores": 5, "profile": "loihi7"}, "no profile 'loihi7'"),
    ],
)
def test_nonsense_fails_before_the_first_epoch(model, config: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        pruner_of(model, **config)
