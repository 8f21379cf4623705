import pytest
import torch

from loihi_sca.config import ConvConfig, DenseConfig, ModelConfig, NeuronConfig, PruningConfig
from loihi_sca.errors import ConfigError, TrainingError
from loihi_sca.model.build import SpikingNet, build
from loihi_sca.pruning import CRITERIA, Pruner


@pytest.fixture
def model() -> SpikingNet:
    torch.manual_seed(0)
    config = ModelConfig(
        layers=(
            ConvConfig(type="conv", channels=10, kernel=3),
            DenseConfig(type="dense", neurons=20),
        ),
        neuron=NeuronConfig(voltage_decay=0.1),
        weight_scale=3,
    )
    return build(config, (1, 6, 6), classes=3)


def pruner_with(model: SpikingNet, scores: dict, demands: dict, **config) -> Pruner:
    pruner = Pruner(model, PruningConfig(**{"keep": 0.5, "regenerate": 0.1, **config}))
    for name, evidence in pruner.evidence.items():
        evidence.score += torch.as_tensor(scores[name], dtype=torch.float)
        evidence.demand += torch.as_tensor(demands[name], dtype=torch.float)
        evidence.batches = 1
    return pruner


def optimizer_of(model: SpikingNet) -> torch.optim.Adam:
    return torch.optim.Adam(model.trainable_parameters(), lr=0.1, weight_decay=0.1)


def train_a_step(model: SpikingNet, optimizer: torch.optim.Adam, pruner: Pruner) -> None:
    spikes = (torch.rand(8, 1, 6, 6, 8) < 0.5).float()
    model.train()
    optimizer.zero_grad()
    (model(spikes) * torch.randn(8, 3, 8)).sum().backward()
    optimizer.step()
    pruner.step(optimizer)


UP, DOWN = torch.arange(10.0), torch.arange(20.0).flip(0)


def test_the_best_of_all_layers_stay_and_the_most_wanted_come_back(model) -> None:
    # conv scores 100..109 beat all of dense (19..0): 12 are kept by score, 3 by demand
    demand = torch.zeros(20)
    demand[[19, 18, 17]] = 5
    pruner = pruner_with(
        model,
        {"conv1": UP + 100, "dense2": DOWN},
        {"conv1": torch.zeros(10), "dense2": demand},
        min_channels=1,
    )
    update = pruner.update(1.0, optimizer_of(model))
    assert update.alive == {"conv1": 10, "dense2": 5}
    assert model.dense2.alive.nonzero().flatten().tolist() == [0, 1, 17, 18, 19]
    assert (update.pruned, update.regenerated) == (15, 0)


def test_no_layer_falls_below_its_floor(model) -> None:
    pruner = pruner_with(
        model,
        {"conv1": UP, "dense2": DOWN + 100},
        {"conv1": UP, "dense2": DOWN},
        keep=0.3,
        min_channels=4,
        regenerate=0.0,
    )
    assert pruner.update(1.0, optimizer_of(model)).alive == {"conv1": 4, "dense2": 5}
    assert model.conv1.alive.nonzero().flatten().tolist() == [6, 7, 8, 9]


def test_the_kept_fraction_is_exact(model) -> None:
    for keep in (0.9, 0.7, 0.5, 0.4):
        pruner = pruner_with(
            model,
            {"conv1": torch.rand(10), "dense2": torch.rand(20)},
            {"conv1": torch.rand(10), "dense2": torch.rand(20)},
            keep=keep,
            min_channels=2,
        )
        assert sum(pruner.update(1.0, optimizer_of(model)).alive.values()) == round(30 * keep)


def test_a_pruned_channel_keeps_its_weights_whatever_the_optimizer_does(model) -> None:
    optimizer = optimizer_of(model)
    pruner = Pruner(model, PruningConfig(keep=0.5))
    for _ in range(2):
        train_a_step(model, optimizer, pruner)
    pruner.update(1.0, optimizer)
    off = ~model.conv1.alive
    assert off.any()
    weight, scale = model.conv1.synapse.weight, model.conv1.scale
    before, moments = weight[off].clone(), optimizer.state[weight]
    assert torch.all(moments["exp_avg"][off] == 0)
    assert torch.all(moments["exp_avg_sq"][off] == 0)
    factor = scale[off].clone()
    for _ in range(3):
        train_a_step(model, optimizer, pruner)
    assert torch.equal(weight[off], before)
    assert torch.equal(scale[off], factor)
    assert torch.any(weight[~off] != 0)


def test_a_channel_pruned_early_comes_back_with_clean_moments_and_learns(model) -> None:
    optimizer = optimizer_of(model)
    pruner = Pruner(model, PruningConfig(keep=0.5, regenerate=0.2, min_channels=2))
    train_a_step(model, optimizer, pruner)
    pruner.update(1.0, optimizer)
    was_off = (~model.dense2.alive).clone()
    returned = torch.zeros(20, dtype=torch.bool)
    for _ in range(10):
        train_a_step(model, optimizer, pruner)
        pruner.update(1.0, optimizer)
        returned = was_off & model.dense2.alive
        if returned.any():
            break
    assert returned.any(), "no channel ever came back"
    weight = model.dense2.synapse.weight
    assert torch.all(optimizer.state[weight]["exp_avg"][returned] == 0)
    before = weight[returned].clone()
    train_a_step(model, optimizer, pruner)
    assert torch.any(weight[returned] != before)


@pytest.mark.parametrize("criterion", sorted(CRITERIA))
def test_every_criterion_trains_and_prunes(model, criterion: str) -> None:
    optimizer = optimizer_of(model)
    pruner = Pruner(model, PruningConfig(keep=0.4, criterion=criterion, min_channels=2))
    for _ in range(2):
        train_a_step(model, optimizer, pruner)
    assert sum(pruner.update(1.0, optimizer).alive.values()) == 12


def test_errors_are_clear(model) -> None:
    with pytest.raises(ConfigError, match="no criterion 'scaa'; there are sca"):
        Pruner(model, PruningConfig(criterion="scaa"))
    pruner = Pruner(model, PruningConfig())
    with pytest.raises(TrainingError, match="conv1: no batch seen"):
        pruner.update(1.0, optimizer_of(model))
    pruner = pruner_with(
        model,
        {"conv1": torch.full((10,), torch.nan), "dense2": DOWN},
        {"conv1": UP, "dense2": DOWN},
    )
    with pytest.raises(TrainingError, match="conv1: the score of criterion 'sca' is not finite"):
        pruner.update(1.0, optimizer_of(model))
