"""Residual networks become integers: SLAYER = network, pruned and cut or not."""

import numpy as np
import pytest
import torch
from residual_net import LAYERS, NEURON, OFF, net, spikes_in, trained
from thin_preresnet import thin_preresnet18, thin_spikes

from loihi_sca.compiler.verify import verify
from loihi_sca.config import ModelConfig
from loihi_sca.errors import UnsupportedLayer
from loihi_sca.frontend.export import to_network
from loihi_sca.frontend.slayer import check_slayer, compile_slayer
from loihi_sca.model.build import build
from loihi_sca.model.removal import remove_pruned
from loihi_sca.model.residual import Residual
from loihi_sca.model.stream import StreamNeurons, Weighting
from loihi_sca.slayer.lava import slayer

SHAPE = (2, 7, 7)


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("off", [{}, OFF])
def test_all_layers_spike_as_in_slayer(off, cut):
    model, optimizer = trained(off)
    if cut:
        remove_pruned(model, optimizer)
    compiled = compile_slayer(model, proof_data=spikes_in().numpy())
    proof = compiled.proof
    assert {"residual2.select", "residual2.conv1", "residual3.select", "spikes3"} < {*proof.layers}
    assert proof.samples == 6
    assert proof.spikes > 20
    assert [x.name for x in compiled if "~" in x.name] == [
        "input~1",
        "input~2",
        "residual3.select~1",
    ]
    if off:
        assert compiled["residual2.select"].out_shape[0] == 4
        # the shortcut hears the channel that conv1 does not select
        assert compiled["residual3.select"].out_shape[0] == 6
        assert compiled["residual3.conv1"].out_shape[0] == 8


def test_values_may_drive_the_first_neurons():
    config = ModelConfig.model_validate({"layers": LAYERS, "neuron": NEURON, "weight_scale": 4})
    torch.manual_seed(0)
    model = build(config, SHAPE, 4, values=True)
    values = np.random.default_rng(0).integers(0, 40, (3, *SHAPE, 1)).repeat(8, -1)
    compiled = compile_slayer(model, proof_data=values)
    assert compiled.takes_mantissas
    assert compiled.proof.spikes > 0


def test_thin_preresnet18_is_the_same_on_four_samples():
    model = thin_preresnet18()
    compiled = compile_slayer(model, timesteps=4, proof_data=thin_spikes())
    assert compiled.proof.samples == 4
    assert compiled.proof.spikes > 0
    assert len(compiled.proof.layers) == 18
    found = verify(compiled.network, engines=("reference", "fast"), data=thin_spikes())
    assert found.mismatches == 0
    assert min(found.spikes.values()) > 0


def stem():
    return Weighting(2, 3, 3, padding=1, weight_scale=4)


def ends():
    return StreamNeurons(3, neuron=NEURON, norm=False)


class Other(Residual):
    def forward(self, stream):
        return super().forward(stream) * 2


def shifts():
    neuron = {"threshold": 1.0, "current_decay": 1.0, "voltage_decay": 0.1}
    return slayer.block.cuba.Conv(neuron, 2, 2, 1, delay_shift=True)


def flat():
    neuron = {"threshold": 1.0, "current_decay": 1.0, "voltage_decay": 0.1}
    return slayer.block.cuba.Dense(neuron, (7, 7, 3), 4, delay_shift=False)


REFUSED = {
    "ends in a residual stream": lambda: [stem()],
    "takes spikes, and a residual stream": lambda: [stem(), flat()],
    "only behind it can others read": lambda: [ends()],
    "a stem opens a residual stream over spikes": lambda: [stem(), Weighting(3, 3, 1)],
    "overrides the forward pass of Residual": lambda: [
        stem(), Other(3, 3, neuron=NEURON), ends(),
    ],
    "delay_shift=True, and a residual stream": lambda: [shifts(), stem(), ends()],
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_what_has_no_counterpart_is_refused(message):
    with pytest.raises(UnsupportedLayer, match=message):
        to_network(torch.nn.Sequential(*REFUSED[message]()), input_shape=SHAPE)


def test_a_check_before_training_finds_nothing_and_a_stem_alone_compiles():
    assert not check_slayer(net(), SHAPE)
    config = ModelConfig.model_validate({"layers": LAYERS[:1], "weight_scale": 4})
    alone = compile_slayer(build(config, SHAPE, 4), SHAPE, proof_data=spikes_in().numpy())
    assert alone.wiring.is_chain
