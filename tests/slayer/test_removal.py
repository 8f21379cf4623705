"""Channels taken out of a running model: nothing changes but its size."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from loihi_sca.compiler import compile_network
from loihi_sca.config import ConvConfig, DenseConfig, ModelConfig, NeuronConfig
from loihi_sca.errors import UnsupportedLayer
from loihi_sca.frontend.export import to_network
from loihi_sca.model.build import SpikingNet, build
from loihi_sca.model.removal import remove_pruned
from loihi_sca.model.sizes import resize, shapes_of

MODEL = ModelConfig(
    layers=(
        ConvConfig(type="conv", channels=7, kernel=3, stride=2, padding=1),
        ConvConfig(type="conv", channels=6, kernel=2),
        DenseConfig(type="dense", neurons=9),
    ),
    neuron=NeuronConfig(voltage_decay=0.1, current_decay=0.5, tau_grad=0.1),
    weight_scale=3,
)
OFF = {"conv1": [0, 3], "conv2": [5], "dense3": [2, 4, 8]}


def spikes_in() -> torch.Tensor:
    return (torch.rand(8, 2, 9, 9, 10, generator=torch.Generator().manual_seed(0)) < 0.4).float()


def step(model: SpikingNet, optimizer: torch.optim.Optimizer) -> float:
    loss = functional.cross_entropy(model(spikes_in()).sum(dim=-1), torch.arange(8) % 4)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def trained() -> tuple[SpikingNet, torch.optim.Adam]:
    torch.manual_seed(0)
    model = build(MODEL, (2, 9, 9), classes=4)
    optimizer = torch.optim.Adam(model.trainable_parameters(), lr=1e-2)
    for _ in range(3):
        step(model, optimizer)
    for name, block in model.gated:
        block.gate.data[OFF.get(name, [])] = 0
    return model, optimizer


def test_removal_changes_no_spike_and_no_network() -> None:
    model, _ = trained()
    before = model.eval()(spikes_in())
    compiled = compile_network(to_network(model, timesteps=10))
    remove_pruned(model)
    assert [b.channels for _, b in model.gated] == [5, 5, 6, 4]
    assert torch.equal(model(spikes_in()), before)
    again = compile_network(to_network(model, timesteps=10))
    assert [layer.name for layer in again] == [layer.name for layer in compiled]
    for ours, expected in zip(again.layers[1:], compiled.layers[1:], strict=True):
        assert ours.out_shape == expected.out_shape
        assert np.array_equal(ours.weight, expected.weight)
        assert np.array_equal(ours.bias, expected.bias)
        assert ours.neuron == expected.neuron


def test_training_goes_on_as_it_would_have() -> None:
    model, optimizer = trained()
    whole, whole_optimizer = copy.deepcopy((model, optimizer))
    remove_pruned(model, optimizer)
    losses = [(step(model, optimizer), step(whole, whole_optimizer)) for _ in range(4)]
    for ours, expected in losses:
        assert ours == pytest.approx(expected, rel=1e-4)
    moment = optimizer.state[model.dense3.synapse.weight]["exp_avg"]
    assert moment.shape == model.dense3.synapse.weight.shape


def test_a_fresh_model_takes_the_state_of_a_cut_one() -> None:
    model, optimizer = trained()
    remove_pruned(model, optimizer)
    fresh = build(MODEL, (2, 9, 9), classes=4)
    resize(fresh, shapes_of(model))
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh.eval()(spikes_in()), model.eval()(spikes_in()))


def test_a_layer_without_channels_is_refused_and_the_model_kept() -> None:
    model, _ = trained()
    model.conv2.gate.data[:] = 0
    with pytest.raises(UnsupportedLayer, match="conv2: no channel is left"):
        remove_pruned(model)
    assert model.conv1.channels == 7
