"""What a block computes with at its next forward pass is compiled, not what it holds now."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrizations, parametrize, prune

import loihi_sca
from loihi_sca.engine import fast
from loihi_sca.errors import UnsupportedLayer
from loihi_sca.slayer.lava import slayer

cuba = slayer.block.cuba
Norm = slayer.neuron.norm.MeanOnlyBatchNorm
NEURON = {"threshold": 0.5, "current_decay": 0.3, "voltage_decay": 0.1}
STEPS = 16


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(7)


def dense(*sizes, **more):
    about = {**NEURON, **more.pop("neuron", {})}
    return cuba.Dense(about, *sizes, delay_shift=False, weight_scale=3, **more)


def assert_compiled(model, inputs=9):
    """Compare a row with its network, on samples that the compiler has not seen."""
    state = {key: value.clone() for key, value in model.state_dict().items()}
    network = loihi_sca.compile(model, (inputs,), STEPS)
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
    data = (np.random.default_rng(1).random((4, inputs, STEPS)) < 0.4).astype(np.uint8)
    with torch.no_grad():
        expected = model.eval()(torch.from_numpy(data).float()).numpy()
    assert expected.any()
    assert not expected.all()
    np.testing.assert_array_equal(fast.run(network, data).spikes, expected)


@pytest.mark.parametrize("name", ["weight_v", "weight_g"])
def test_pruning_the_parameters_of_a_weight_norm(name):
    model = torch.nn.Sequential(dense(9, 8, weight_norm=True), dense(8, 5, weight_norm=True))
    prune.random_unstructured(model[0].synapse, name, 0.4)
    assert_compiled(model)


def test_weights_that_only_the_second_forward_pass_has_are_refused():
    model = torch.nn.Sequential(dense(9, 8, weight_norm=True), dense(8, 5))
    prune.random_unstructured(model[0].synapse, "weight_v", 0.4)
    with torch.no_grad():  # as load_state_dict does: the hooks of weight norm run before the mask
        model[0].synapse.weight_v_orig.add_(torch.randn(8, 9, 1, 1, 1))
    with pytest.raises(UnsupportedLayer, match=r"0-dense: .*Run the model once before"):
        loihi_sca.compile(model, (9,), STEPS)
    model.eval()(torch.zeros(1, 9, STEPS))
    assert_compiled(model)


class DropWeights(torch.nn.Module):
    """A parametrisation that acts in training only."""

    def forward(self, weight):
        return torch.nn.functional.dropout(weight, 0.5, self.training)


def test_parametrisations_are_those_of_evaluation_whatever_mode_a_model_is_in():
    model = torch.nn.Sequential(dense(9, 8), dense(8, 5))
    parametrize.register_parametrization(model[0].synapse, "weight", DropWeights())
    parametrizations.spectral_norm(model[1].synapse)
    assert_compiled(model.train())


@pytest.mark.parametrize("how", ["weight norm", "pruning", "parametrisation"])
def test_a_mask_that_has_no_effect_is_refused(how):
    block = dense(9, 8, mask=(torch.rand(8, 9) < 0.5).float(), weight_norm=how == "weight norm")
    if how == "pruning":
        prune.random_unstructured(block.synapse, "weight", 0.2)
    elif how == "parametrisation":
        parametrize.register_parametrization(block.synapse, "weight", DropWeights())
    with pytest.raises(UnsupportedLayer, match="so that the mask has no effect"):
        loihi_sca.compile([block], (9,), STEPS)


def test_a_mask_is_of_zeros_and_ones():
    with pytest.raises(UnsupportedLayer, match="its mask has other values than 0 and 1"):
        loihi_sca.compile([dense(9, 8, mask=torch.rand(8, 9))], (9,), STEPS)
    assert_compiled(torch.nn.Sequential(dense(9, 8, mask=torch.rand(8, 9) < 0.5)))


def with_norm(hook):
    block = dense(9, 8)
    block.neuron.norm = Norm(8, pre_hook_fx=hook)
    block.neuron.norm.running_mean = torch.randn(8)
    return block


def test_a_norm_is_quantised_as_its_forward_pass_does():
    def halves(x, descale=False):
        return slayer.utils.quantize(x, step=0.5)

    for hook in (halves, slayer.utils.quantize):
        assert_compiled(torch.nn.Sequential(with_norm(hook), dense(8, 5)))


def test_a_norm_that_is_not_quantised_is_refused():
    with pytest.raises(UnsupportedLayer, match=r"0-dense: .*norm.pre_hook_fx = block.neuron.quant"):
        loihi_sca.compile([with_norm(None)], (9,), STEPS)


def test_an_input_of_another_scale_is_refused():
    about = {"threshold": 0.5, "current_decay": 1.0, "voltage_decay": 0.1, "scale": 32}
    model = [cuba.Input(about, delay_shift=False), dense(9, 8)]
    with pytest.raises(UnsupportedLayer, match=r"0-input: its neurons have scale=32, and values"):
        loihi_sca.compile(model, (9,), STEPS)


def test_delays_are_counted_in_timesteps():
    block = dense(9, 8, delay=True)
    block.delay.sampling_time = 2
    with pytest.raises(UnsupportedLayer, match=r"0-dense: its delay has sampling_time=2"):
        loihi_sca.compile([block], (9,), STEPS)


def test_reading_decays_does_not_clamp_those_of_the_model():
    model = torch.nn.Sequential(dense(9, 8))
    model[0].neuron.current_decay.data.fill_(-0.3)  # as an optimizer's last step may leave it
    loihi_sca.compile(model, (9,), STEPS)
    assert float(model[0].neuron.current_decay) == pytest.approx(-0.3)


def test_decays_with_which_slayer_grows_are_refused():
    model = torch.nn.Sequential(dense(9, 8))
    model[0].neuron.voltage_decay.data.fill_(-30)
    with pytest.raises(UnsupportedLayer, match=r"0-dense: its voltage_decay reaches from -30"):
        loihi_sca.compile(model, (9,), STEPS)
    model[0].neuron.clamp()
    assert_compiled(model)


def test_what_a_read_out_does_not_compute_is_refused():
    def affine(**more):
        return [dense(9, 4), cuba.Affine({**NEURON, **more}, 4, 3)]

    with pytest.raises(UnsupportedLayer, match=r"1-affine: persistent_state=True"):
        loihi_sca.compile(affine(persistent_state=True), (9,), STEPS)
    assert loihi_sca.compile(affine(persistent_state=True), (9,), STEPS, reset=True).readout.neuron
    for norm in (slayer.neuron.norm.WgtScaleBatchNorm, lambda: torch.nn.BatchNorm1d(3)):
        with pytest.raises(UnsupportedLayer, match=r"1-affine: .*fold_batchnorm"):
            loihi_sca.compile(affine(norm=norm), (9,), STEPS)


def test_a_window_in_a_block_that_connects_all_to_all_is_refused():
    def strided():
        block = dense(9, 8)
        block.synapse.stride = (2, 2, 1)
        return block

    def convolving():
        block = dense(9, 8)
        block.synapse = slayer.synapse.Conv(9, 8, 3, padding=1)
        block.synapse.pre_hook_fx = block.neuron.quantize_8bit
        return block

    for make in (strided, convolving):
        with pytest.raises(UnsupportedLayer, match=r"0-dense: .*connects all to all"):
            loihi_sca.compile([make()], (9, 4, 4), STEPS)


@pytest.mark.parametrize("family", ["rf", "rf_iz"])
def test_a_resonators_threshold_between_two_mantissas_is_refused(family):
    about = {"threshold": 1.0, "period": 10, "decay": 0.03}
    block = getattr(slayer.block, family).Dense(about, 9, 8, delay_shift=False)
    block.neuron._threshold = 1.01
    with pytest.raises(UnsupportedLayer, match=r"0-dense: its threshold is 1.01, between two mant"):
        loihi_sca.compile([block], (9,), STEPS)
