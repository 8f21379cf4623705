"""Batch norm on residual streams: one gain for what adds up, biases within 13 bits, exact."""

import numpy as np
import pytest
import torch
from residual_net import LAYERS, OFF, spikes_in, step

import loihi_sca
from loihi_sca.config import ModelConfig, NeuronConfig
from loihi_sca.errors import TrainingError, UnsupportedLayer
from loihi_sca.model.build import SpikingNet, build
from loihi_sca.model.folding import fold_norms, open_norms, unfold
from loihi_sca.model.removal import remove_pruned
from loihi_sca.model.stream import Weighting
from loihi_sca.network.fixed_point import MAX_BIAS, MIN_BIAS

NEURON = NeuronConfig(voltage_decay=0.1, tau_grad=0.005, scale_grad=10)
MODEL = ModelConfig.model_validate(
    {"layers": LAYERS, "neuron": NEURON, "norm": "batch", "weight_scale": 1.0}
)
ON_FIRST = ("stem1", "residual2.conv2")
ON_SECOND = ("residual3.shortcut", "residual3.conv2")
READERS = ("residual2.select", "residual3.select", "spikes3")


def trained(steps: int = 4) -> tuple[SpikingNet, torch.optim.Adam]:
    torch.manual_seed(0)
    model = build(MODEL, (2, 7, 7), classes=4).train()
    optimizer = torch.optim.Adam(model.trainable_parameters(), lr=1e-2)
    for _ in range(steps):
        step(model, optimizer)
    return model, optimizer


@pytest.mark.parametrize("off", [{}, OFF])
def test_folded_all_layers_spike_as_in_slayer(off) -> None:
    model, optimizer = trained()
    for name, channels in off.items():
        model.get_submodule(name).gate.data[channels] = 0
    if off:
        before = model.eval()(spikes_in())
        remove_pruned(model, optimizer)
        assert torch.equal(model(spikes_in()), before)
        model.train()
    folding = fold_norms(model, spikes_in())
    assert {x.name for x in folding.layers} == {
        *ON_FIRST, *ON_SECOND, "residual2.conv1", "residual3.conv1", "dense4", "output",
    }  # fmt: skip
    assert min(x.snr_db for x in folding.layers) > 25
    for _ in range(2):  # goes on learning, in integers
        step(model, optimizer)
    compiled = loihi_sca.compile(model, proof_data=spikes_in().numpy())
    assert {*READERS, "residual2.conv1"} < {*compiled.proof.layers}
    assert compiled.proof.spikes > 0
    assert all(np.any(compiled[name].bias) for name in READERS)
    wanted = model.eval()(spikes_in()).detach().numpy()
    for engine in ("reference", "fast"):
        given = loihi_sca.run(compiled, spikes_in().int().numpy(), engine).spikes
        np.testing.assert_array_equal(given, wanted)


@pytest.mark.lava
@pytest.mark.timeout(900)
def test_folded_it_is_the_same_on_lava() -> None:
    model, _ = trained()
    fold_norms(model, spikes_in())
    data = spikes_in()[:2]
    compiled = loihi_sca.compile(model, proof_data=data.numpy())
    assert all(np.any(compiled[name].bias) for name in READERS)
    found = loihi_sca.verify(compiled, data=data.int().numpy(), timeout_s=600)
    assert found.engines == ("reference", "fast", "lava")
    assert {*READERS, "residual2.conv1", "output"} <= {*found.layers}
    assert all(found.spikes[name] > 5 for name in (*READERS, "residual2.conv1", "output"))
    assert found.mismatches == 0
    wanted = model.eval()(data).detach().numpy()
    on_lava = loihi_sca.run(compiled, data.int().numpy(), "lava").spikes
    np.testing.assert_array_equal(on_lava, wanted)


def test_what_adds_up_has_one_gain_and_its_readers_the_threshold() -> None:
    model, _ = trained()
    fold_norms(model)
    gains = {n: float(b.batch_norm.gain) for n, b in model.named_modules() if n in
             (*ON_FIRST, *ON_SECOND)}  # fmt: skip
    assert gains["stem1"] == gains["residual2.conv2"] > 1
    assert gains["residual3.shortcut"] == gains["residual3.conv2"] != gains["stem1"]
    thresholds = [model.get_submodule(name).neuron.threshold for name in READERS]
    assert thresholds == [gains["stem1"]] * 2 + [gains["residual3.conv2"]]

    torch.manual_seed(1)
    other = build(MODEL, (2, 7, 7), classes=4)
    other.load_state_dict(model.state_dict())
    assert [other.get_submodule(name).neuron.threshold for name in READERS] == thresholds
    assert torch.equal(other.eval()(spikes_in()), model.eval()(spikes_in()))
    unfold(model)
    assert [model.get_submodule(name).neuron.threshold for name in READERS] == [1, 1, 1]


def test_biases_add_up_within_13_bits_and_what_does_not_is_said() -> None:
    model, _ = trained()
    model.stem1.batch_norm.beta.data[:2] = torch.tensor([900.0, 300.0])
    model.residual2.conv2.batch_norm.beta.data[:2] = torch.tensor([-3000.0, 300.0])
    folding = fold_norms(model)
    first, *_, last = (next(x for x in folding.layers if x.name == n) for n in ON_FIRST)
    assert first.cut_biases[0] > MAX_BIAS > MIN_BIAS > last.cut_biases[0]
    assert "residual2.conv2: biases of channels 0 (-" in folding.as_text()
    compiled = loihi_sca.compile(model, proof_data=spikes_in().numpy())
    assert list(compiled["residual2.select"].bias[:2]) == [MAX_BIAS, MAX_BIAS]
    on_stream = model.stem1.folded_bias + model.residual2.conv2.folded_bias
    assert (on_stream[:2] * 64).tolist() == [MIN_BIAS, MAX_BIAS]
    # which silences the first channel for good
    assert compiled["residual3.select"].out_shape[0] == 5
    assert compiled["residual3.select"].bias[0] == MAX_BIAS


def test_a_trained_model_folds_and_compares_in_one_call() -> None:
    model, _ = trained()
    with pytest.raises(UnsupportedLayer, match=r"stem1: its batch norm still learns"):
        loihi_sca.compile(model)
    assert loihi_sca.check(model) == ()
    folded = loihi_sca.fold_batchnorm(model, spikes_in())
    assert folded.differing.keys() >= {"residual2.select", "residual2.conv1", "output"}
    assert 0 < max(folded.differing.values()) < 0.3
    assert len(open_norms(model)) == 8
    assert loihi_sca.compile(folded.model, timesteps=9).out_shape == (4,)


def test_a_stream_that_nobody_reads_has_no_units() -> None:
    stem = Weighting(2, 3, 3, norm="batch")
    stem(spikes_in())
    with pytest.raises(TrainingError, match="no neurons read its stream"):
        fold_norms(torch.nn.Sequential(stem))
