import pytest
import torch
from tiny_training import tiny_recipe
from torch.nn import functional

from loihi_sca.config import ModelConfig, TrainingConfig
from loihi_sca.model.build import SpikingNet, build
from loihi_sca.training.loss import Loss
from loihi_sca.training.session import train

CONFIG = ModelConfig.model_validate(
    {
        "layers": [
            {"type": "conv", "channels": 6, "stride": 2},
            {"type": "dense", "neurons": 12},
        ],
        "weight_scale": 4.0,
    }
)
LABELS = torch.tensor([0, 1, 2, 0])


@pytest.fixture
def model() -> SpikingNet:
    torch.manual_seed(0)
    return build(CONFIG, (1, 9, 9), 3)


def counts_of(model: SpikingNet) -> torch.Tensor:
    return model.train()((torch.rand(4, 1, 9, 9, 6) < 0.5).float()).sum(dim=-1)


def test_it_is_the_cross_entropy_of_counts_by_default(model) -> None:
    loss, counts = Loss(model, TrainingConfig()), counts_of(model)
    assert torch.equal(loss(counts, LABELS), functional.cross_entropy(counts, LABELS))


def test_label_smoothing_spreads_the_target(model) -> None:
    loss, counts = Loss(model, TrainingConfig(label_smoothing=0.3)), counts_of(model)
    expected = functional.cross_entropy(counts, LABELS, label_smoothing=0.3)
    assert torch.equal(loss(counts, LABELS), expected)


def test_l1_adds_the_weights_of_convolutions(model) -> None:
    loss, counts = Loss(model, TrainingConfig(l1=0.5)), counts_of(model)
    weight = model.conv1.synapse.weight.abs().sum()
    expected = functional.cross_entropy(counts, LABELS) + 0.5 * weight
    assert torch.allclose(loss(counts, LABELS), expected)


def test_synapse_use_is_the_rate_weighted_by_fan_out(model) -> None:
    loss = Loss(model, TrainingConfig(synops=0.1))
    rates = {}
    for name, block in model.gated:
        block.register_forward_hook(
            lambda _m, _i, spikes, name=name: rates.update({name: spikes.mean().item()})
        )
    counts_of(model)
    # conv1 sends 6 x 4 x 4 neurons' spikes to 12, dense2 its 12 to 3
    there = 96 * 12 + 12 * 3
    expected = (rates["conv1"] * 96 * 12 + rates["dense2"] * 12 * 3) / there
    assert loss.synapse_use().item() == pytest.approx(expected)
    assert 0 < expected < 1


def test_synapses_to_pruned_channels_do_not_count(model) -> None:
    loss = Loss(model, TrainingConfig(synops=0.1))
    model.dense2.gate.data[:9] = 0
    counts_of(model)
    # dense2 has 3 neurons left
    assert loss.synapse_use().item() > 0
    model.dense2.gate.data[:] = 0
    counts_of(model)
    assert loss.synapse_use().item() == 0


def test_learning_by_it_makes_the_network_quieter(model) -> None:
    loss = Loss(model, TrainingConfig(synops=1.0))
    optimizer = torch.optim.Adam(model.trainable_parameters(), lr=0.02)
    used = []
    for _ in range(40):
        counts_of(model)
        used.append(loss.synapse_use())
        optimizer.zero_grad()
        used[-1].backward()
        optimizer.step()
    assert used[-1].item() < 0.5 * used[0].item()


def test_training_goes_on_with_penalties_when_channels_are_removed(tmp_path) -> None:
    # the last update comes within the second epoch: no validation lies between it and the next step
    recipe = tiny_recipe({"interval_steps": 2, "stop": 0.55}, epochs=3, synops=0.5, l1=1e-5)
    best = train(recipe, tmp_path)
    assert best.epoch in (2, 3)
    assert sum(best.tensors[f"model/{n}.gate"].numel() for n in ("conv1", "dense2")) == 9
