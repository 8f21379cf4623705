"""Folding norms of lava-dl's blocks and torch's: exact behind it, its difference told."""

import copy
import json

import numpy as np
import pytest
import torch
from lava.lib.dl import slayer

import loihi_sca
from loihi_sca.config import DenseConfig, ModelConfig, NeuronConfig
from loihi_sca.errors import ConfigError, TrainingError, UnsupportedLayer
from loihi_sca.frontend.fold import quantize_bias
from loihi_sca.model.build import build

cuba = slayer.block.cuba
BatchNorm = torch.nn.BatchNorm1d


def neuron(norm=slayer.neuron.norm.WgtScaleBatchNorm, **changes) -> dict:
    return {
        "threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.1, "norm": norm, **changes
    }  # fmt: skip


def dense(into: int, out: int, norm=slayer.neuron.norm.WgtScaleBatchNorm, scale=4, **changes):
    return cuba.Dense(neuron(norm, **changes), into, out, weight_scale=scale, delay_shift=False)


def spikes() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return (torch.rand(32, 20, 16, generator=generator) < 0.3).float()


def seen(model: torch.nn.Module, passes: int = 40) -> torch.nn.Module:
    """Return a model whose norms have seen data."""
    with torch.no_grad():
        for _ in range(passes):
            model(spikes())
    return model


@pytest.fixture
def scaled() -> torch.nn.Module:
    """Return a model of lava-dl's own norm, with steps of 2 and of 1/2."""
    torch.manual_seed(0)
    return seen(torch.nn.Sequential(dense(20, 16), dense(16, 12, scale=1), dense(12, 8)))


def assert_compiles_exactly(model: torch.nn.Module, timesteps: int = 16):
    compiled = loihi_sca.compile(model, (20,), timesteps, proof_data=spikes().numpy())
    assert compiled.proof.spikes > 100
    return compiled


def test_lava_dls_norm_moves_into_the_threshold(scaled) -> None:
    before = copy.deepcopy(scaled.state_dict())
    folded = loihi_sca.fold_batchnorm(scaled, spikes())
    assert all(torch.equal(before[k], v) for k, v in scaled.state_dict().items())
    thresholds = [layer.threshold for layer in folded.folding.layers]
    assert thresholds[0] == 128
    assert thresholds[1] < 64
    assert folded.model[0].synapse.weight.equal(scaled[0].synapse.weight)
    assert all(share < 0.02 for share in folded.differing.values())
    assert folded.same_decisions >= 31
    assert folded.samples == 32
    assert_compiles_exactly(folded.model)


@pytest.mark.lava
@pytest.mark.timeout(200)
def test_a_folded_model_runs_on_stock_lava(scaled) -> None:
    folded = loihi_sca.fold_batchnorm(scaled, spikes())
    compiled = assert_compiles_exactly(folded.model)
    data = spikes()[:3].int().numpy()
    with torch.no_grad():
        wanted = folded.model.eval()(spikes()[:3]).numpy()
    on_lava = loihi_sca.run(compiled, data, "lava").spikes
    assert wanted.sum() > 0
    np.testing.assert_array_equal(on_lava, wanted)
    verified = loihi_sca.verify(compiled, data=data, timeout_s=150)
    assert verified.mismatches == 0


def test_torchs_norm_of_a_neuron_goes_into_weights_and_bias() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        dense(20, 16, lambda: BatchNorm(16)), dense(16, 8, lambda: BatchNorm(8))
    )
    model[0].neuron.norm.weight.data.uniform_(0.5, 2)
    model[0].neuron.norm.bias.data.uniform_(-0.5, 0.5)
    folded = loihi_sca.fold_batchnorm(seen(model), spikes())
    assert all(share < 0.05 for share in folded.differing.values())
    compiled = assert_compiles_exactly(folded.model)
    assert abs(compiled.layers[1].bias).max() > 64  # what 8 bits of a mean would not hold
    folded.model.train()
    folded.model(spikes())  # goes on training: the bias stays
    again = assert_compiles_exactly(folded.model)
    np.testing.assert_array_equal(again.layers[1].bias, compiled.layers[1].bias)


def test_synapse_norm_and_neuron_in_a_row_become_a_block() -> None:
    torch.manual_seed(0)
    about = {"threshold": 1.0, "current_decay": 1.0, "voltage_decay": 0.1}
    model = torch.nn.Sequential(
        slayer.synapse.Conv(1, 3, 3, stride=2, padding=1, weight_scale=4),
        torch.nn.BatchNorm3d(3),
        slayer.neuron.cuba.Neuron(**about),
        cuba.Flatten(),
        slayer.synapse.Dense(75, 4, weight_scale=4),
        BatchNorm(4),
        slayer.neuron.cuba.Neuron(**about),
    )
    images = (torch.rand(16, 1, 9, 9, 8) < 0.4).float()
    with torch.no_grad():
        for _ in range(40):
            model(images)
    folded = loihi_sca.fold_batchnorm(model, images)
    assert list(folded.differing) == ["0", "4"]
    assert all(share < 0.05 for share in folded.differing.values())
    compiled = loihi_sca.compile(folded.model, (1, 9, 9), 8, proof_data=images.numpy())
    assert compiled.proof.spikes > 0
    assert len(list(model.children())) == 7


def test_our_own_blocks_fold_in_a_copy() -> None:
    config = ModelConfig(
        layers=(DenseConfig(type="dense", neurons=9),), norm="batch",
        neuron=NeuronConfig(voltage_decay=0.1),
    )  # fmt: skip
    model = build(config, (1, 4, 5), classes=3)
    images = spikes().reshape(32, 1, 4, 5, 16)
    with torch.no_grad():
        model(images)
    folded = loihi_sca.fold_batchnorm(model, images)
    assert not model.output.batch_norm.is_folded
    assert folded.folding.layers[0].snr_db > 30
    assert loihi_sca.compile(folded.model, timesteps=16).out_shape == (3,)


def test_it_shows_itself(scaled) -> None:
    folded = loihi_sca.fold_batchnorm(scaled, spikes())
    assert "FoldedModel(3 layers folded" in repr(folded)
    assert "spikes that differ" in str(folded.table())
    row = folded.rows()[0]
    assert row["threshold"] == 128
    assert json.loads(json.dumps(folded.as_json()))["samples"] == 32
    assert "not measured: give a sample" in repr(loihi_sca.fold_batchnorm(scaled))


def test_what_cannot_be_folded_is_named(scaled) -> None:
    folded = loihi_sca.fold_batchnorm(scaled)
    with pytest.raises(TrainingError, match=r"no batch norm to fold.*folded already"):
        loihi_sca.fold_batchnorm(folded.model)
    with pytest.raises(TrainingError, match="0: its WgtScaleBatchNorm has not seen data"):
        loihi_sca.fold_batchnorm([dense(20, 4)])
    with pytest.raises(TrainingError, match="0: its BatchNorm1d has not seen data"):
        loihi_sca.fold_batchnorm([dense(20, 4, lambda: BatchNorm(4))])
    stray = seen(torch.nn.Sequential(BatchNorm(20), dense(20, 4)))
    with pytest.raises(UnsupportedLayer, match="0: a BatchNorm1d that is not between a synapse"):
        loihi_sca.fold_batchnorm(stray)
    remembering = torch.nn.Sequential(
        slayer.synapse.Dense(20, 4), BatchNorm(4),
        slayer.neuron.cuba.Neuron(threshold=1, current_decay=0.5, voltage_decay=0.1),
    )  # fmt: skip
    with pytest.raises(UnsupportedLayer, match="its neuron remembers the current"):
        loihi_sca.fold_batchnorm(seen(remembering))
    odd = seen(torch.nn.Sequential(dense(20, 4, scale=0.1, threshold=3 / 64)))
    with pytest.raises(ConfigError, match="is no whole mantissa"):
        loihi_sca.fold_batchnorm(odd)


def test_the_compiler_says_who_can_fold(scaled) -> None:
    with pytest.raises(UnsupportedLayer, match=r"loihi_sca\.fold_batchnorm"):
        loihi_sca.compile(scaled, (20,), 16)


def test_a_bias_keeps_13_bits() -> None:
    means = torch.tensor([100.0, -100.0, 1 / 64, 0.3])
    assert quantize_bias(means, descale=True).tolist() == [4096, -4095, 1, 19]
