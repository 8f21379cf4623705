"""Batch norm of our blocks: what it computes, what folding makes of it, and what it refuses."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

import loihi_sca
from loihi_sca.config import ConvConfig, DenseConfig, ModelConfig, NeuronConfig
from loihi_sca.errors import ConfigError, TrainingError, UnsupportedLayer
from loihi_sca.model.batch_norm import EPS, MANTISSA, BatchNorm
from loihi_sca.model.blocks import SCAConv, SCADense
from loihi_sca.model.build import SpikingNet, build
from loihi_sca.model.folding import fold_norms, gain_for, measuring, open_norms, unfold
from loihi_sca.model.removal import remove_pruned
from loihi_sca.network.fixed_point import MAX_BIAS, MAX_WEIGHT
from loihi_sca.slayer.dynamics import convolve
from loihi_sca.toml_files import validate

NEURON = NeuronConfig(voltage_decay=0.1, tau_grad=0.005, scale_grad=10)
MODEL = ModelConfig(
    layers=(
        ConvConfig(type="conv", channels=7, kernel=3, stride=2, padding=1),
        ConvConfig(type="conv", channels=6, kernel=2),
        DenseConfig(type="dense", neurons=9),
    ),
    neuron=NEURON,
    norm="batch",
)


def spikes_in(samples: int = 8) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(samples, 2, 9, 9, 6, generator=generator) < 0.4).float()


def step(model: SpikingNet, optimizer: torch.optim.Optimizer) -> float:
    loss = functional.cross_entropy(model(spikes_in()).sum(dim=-1), torch.arange(8) % 4)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def trained(steps: int = 5) -> tuple[SpikingNet, torch.optim.Adam]:
    torch.manual_seed(0)
    model = build(MODEL, (2, 9, 9), classes=4)
    optimizer = torch.optim.Adam(model.trainable_parameters(), lr=1e-2)
    for _ in range(steps):
        step(model, optimizer)
    return model, optimizer


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(1, 6), st.integers(1, 4), st.integers(0, 1000))
def test_it_is_torchs_batch_norm(samples: int, channels: int, places: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    shape = (samples, channels, places, places, 3)
    current = torch.randn(shape, generator=generator).mul_(2).requires_grad_()
    given_back = torch.randn(shape, generator=generator)
    block = SCADense(2, channels, neuron=NEURON, norm="batch")
    norm, gamma = block.batch_norm, torch.rand(channels, generator=generator).requires_grad_()
    norm.beta.data.normal_(generator=generator)

    ours = norm(current, gamma)
    ours.backward(given_back)
    found = [p.grad.clone() for p in (current, gamma, norm.beta)]
    for p in (current, gamma, norm.beta):
        p.grad = None
    stock = functional.batch_norm(current, None, None, gamma, norm.beta, True, 0.1, EPS)
    stock.backward(given_back)

    assert (ours * MANTISSA == (ours * MANTISSA).round()).all()
    torch.testing.assert_close(ours, stock, atol=0.51 / MANTISSA, rtol=0)
    for mine, parameter in zip(found, (current, gamma, norm.beta), strict=True):
        torch.testing.assert_close(mine, parameter.grad, atol=1e-3, rtol=1e-3)
    by_channel = current.detach().transpose(0, 1).flatten(1)
    torch.testing.assert_close(norm.running_mean, by_channel.mean(dim=1))
    torch.testing.assert_close(norm.running_var, by_channel.var(dim=1, correction=0))


def test_evaluation_uses_running_statistics_and_leaves_them() -> None:
    model, _ = trained()
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        one, all_together = model.eval()(spikes_in(8)[:1]), model(spikes_in(8))
    assert torch.equal(one, all_together[:1])
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_folded_it_compiles_exactly() -> None:
    model, optimizer = trained()
    folding = fold_norms(model, spikes_in())
    assert [layer.name for layer in folding.layers] == ["conv1", "conv2", "dense3", "output"]
    assert all(layer.snr_db > 30 for layer in folding.layers)
    for _ in range(3):  # goes on learning, in integers
        step(model, optimizer)
    compiled = loihi_sca.compile(model, timesteps=6)
    spikes = spikes_in(16)
    with torch.no_grad():
        wanted = model.eval()(spikes)
    given_back = loihi_sca.run(compiled, spikes.int().numpy()).spikes
    assert wanted.sum() > 0
    np.testing.assert_array_equal(given_back, wanted.numpy())
    biases = [layer.bias for layer in compiled.layers[1:]]
    assert all(np.any(bias) for bias in biases)


def test_folding_leaves_parameters_and_can_be_undone() -> None:
    model, _ = trained()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    open_spikes = model.eval()(spikes_in())
    fold_norms(model)
    names = {n for n, _ in model.named_parameters()}
    assert all(torch.equal(before[n], v) for n, v in model.state_dict().items() if n in names)
    assert not open_norms(model)
    threshold = model.conv1.neuron.threshold
    assert threshold > 1
    unfold(model)
    assert model.conv1.neuron.threshold == 1
    assert torch.equal(model(spikes_in()), open_spikes)


def test_a_state_dict_brings_the_threshold_along() -> None:
    model, _ = trained()
    fold_norms(model)
    torch.manual_seed(1)
    other = build(MODEL, (2, 9, 9), classes=4)
    other.load_state_dict(model.state_dict())
    assert other.conv2.neuron.threshold == model.conv2.neuron.threshold
    assert other.conv2.neuron.tau_rho == model.conv2.neuron.tau_rho
    assert torch.equal(other.eval()(spikes_in()), model.eval()(spikes_in()))


@pytest.mark.parametrize("folded", [False, True])
def test_removal_cuts_it_along_and_changes_no_spike(folded: bool) -> None:
    model, optimizer = trained()
    for name, off in {"conv1": [0, 3], "conv2": [5], "dense3": [2, 4, 8]}.items():
        model.get_submodule(name).gate.data[off] = 0
    if folded:
        fold_norms(model)
    before = model.eval()(spikes_in())
    remove_pruned(model, optimizer)
    assert [b.batch_norm.beta.numel() for _, b in model.gated] == [5, 5, 6, 4]
    assert [b.batch_norm.running_var.numel() for _, b in model.gated] == [5, 5, 6, 4]
    assert torch.equal(model(spikes_in()), before)
    model.train()
    step(model, optimizer)  # moments are cut along


def test_measured_statistics_are_means_over_batches() -> None:
    model, _ = trained()
    parts = spikes_in(8).split(4)
    with measuring(model):
        for part in parts:
            model(part)
    assert model.training
    norm = model.conv1.batch_norm
    assert int(norm.batches) == 2
    weighted = convolve(spikes_in(8), model.conv1.synapse.weight, model.conv1.synapse)
    current = weighted.transpose(0, 1).flatten(1)
    torch.testing.assert_close(norm.running_mean, current.mean(dim=1).detach())


def test_one_sample_is_normed_by_what_came_before() -> None:
    model, _ = trained()
    before = model.conv1.batch_norm.running_mean.clone()
    model(spikes_in()[:1])
    assert torch.equal(model.conv1.batch_norm.running_mean, before)
    fresh = build(MODEL, (2, 9, 9), classes=4)
    with pytest.raises(TrainingError, match="cannot begin with a batch of one sample"):
        fresh(spikes_in()[:1])


def test_a_channel_whose_current_never_varies_keeps_a_bias() -> None:
    model, _ = trained(0)
    model.conv2.synapse.weight.data[2] = 0
    model(spikes_in())
    model.conv2.batch_norm.beta.data[2] = 0.75
    folding = fold_norms(model)
    assert folding.layers[1].constant == (2,)
    assert "conv2: the current of channels 2 never varied" in folding.as_text()
    assert not model.conv2.quantized_weight[2].any()
    compiled = loihi_sca.compile(model, timesteps=6)
    assert compiled.layers[2].bias[2] == round(0.75 * model.conv2.neuron.threshold * 64)


def test_what_does_not_fit_is_said_with_its_channel() -> None:
    model, _ = trained()
    model.conv1.scale.data[3] = 60  # its weights are far beyond all others
    model.conv2.batch_norm.beta.data[4] = 500
    folding = fold_norms(model)
    (channel,) = folding.layers[0].cut_weights
    assert channel == 3
    assert folding.layers[1].cut_biases[4] > MAX_BIAS
    text = folding.as_text()
    assert "conv1: weights of channels 3 (" in text
    assert f"..{MAX_WEIGHT} of 8 bits" in text
    assert "conv2: biases of channels 4 (" in text
    assert loihi_sca.compile(model, timesteps=6).layers[2].bias[4] == MAX_BIAS


def test_the_gain_spends_the_bits() -> None:
    torch.manual_seed(0)
    weight, block = torch.randn(4000) * 0.05, SCADense(2, 2, neuron=NEURON)
    quantise = block.synapse.pre_hook_fx
    gain = gain_for(weight, 1.0, quantise)
    assert gain * 64 == round(gain * 64)

    def error(gain: float) -> float:
        return float((quantise(weight * gain) / gain - weight).square().sum())

    assert error(gain) < error(1.0) / 100
    assert gain_for(weight * 1e-6, 1.0, quantise) * 64 == 1024


def test_folding_what_cannot_be_folded() -> None:
    with pytest.raises(TrainingError, match="conv1: its batch norm has not seen data yet"):
        fold_norms(trained(0)[0])
    model, _ = trained()
    fold_norms(model)
    with pytest.raises(TrainingError, match="all are folded already"):
        fold_norms(model)
    silent, _ = trained(0)
    silent.conv2.synapse.weight.data.zero_()
    silent(spikes_in())
    with pytest.raises(TrainingError, match="conv2: the current of none of its channels varies"):
        fold_norms(silent)
    assert len(open_norms(silent)) == 4


def test_an_open_norm_is_not_compiled_and_checks_as_what_it_becomes() -> None:
    model, _ = trained()
    with pytest.raises(UnsupportedLayer, match=r"still learns.*fold_batchnorm"):
        loihi_sca.compile(model, timesteps=6)
    assert loihi_sca.check(model, timesteps=6) == ()
    assert open_norms(model)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"neuron": {"current_decay": 0.5}}, "folds exactly only into neurons without memory"),
        ({"norm": "layer"}, "norm"),
    ],
)
def test_models_it_is_not_for(changes: dict, message: str) -> None:
    values = {"norm": "batch", "layers": [{"type": "dense", "neurons": 4}], **changes}
    with pytest.raises(ConfigError, match=message):
        validate(ModelConfig, values, "recipe")


def test_gates_act_as_before() -> None:
    torch.manual_seed(0)
    block = SCAConv(2, 6, 3, neuron=NEURON, norm="batch")
    seen = []
    block.observer = lambda _block, activity: seen.append(activity)
    ungated = block(spikes_in()).detach()
    block.gate.data[1] = 0
    gated = block(spikes_in())
    assert not gated[:, 1].any()
    assert torch.equal(seen[0].rate, seen[1].rate)
    gated.sum().backward()
    assert block.gate.grad[1] == ungated[:, 1].sum() > 0
    assert isinstance(block.batch_norm, BatchNorm)
