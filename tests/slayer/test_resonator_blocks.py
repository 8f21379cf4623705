"""Dense blocks of resonators of lava-dl: compiled, they spike as SLAYER does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stock_lava import export

import loihi_sca
from loihi_sca.compiler.compare import assert_same_spikes
from loihi_sca.frontend.recording import spikes_of
from loihi_sca.slayer.lava import slayer

pytestmark = pytest.mark.train

SHARED = {"threshold": 1.0, "period": 7, "decay": 0.1}
OWN = {"threshold": 1.0, "period": (5, 20), "decay": (0.05, 0.2), "shared_param": False}
STEPS = 100
FAMILIES = ("rf", "rf_iz")


def model_of(family, params, delay_shift=False, seed=0):
    torch.manual_seed(seed)
    blocks = getattr(slayer.block, family)
    more = {"weight_scale": 3, "delay_shift": delay_shift}
    model = torch.nn.Sequential(
        blocks.Dense(dict(params), 12, 10, **more), blocks.Dense(dict(params), 10, 8, **more)
    ).eval()
    with torch.no_grad():
        model(torch.zeros(1, 12, 5))  # what is its neurons' own is drawn
    return model


@pytest.fixture
def spikes():
    return (np.random.default_rng(1).random((3, 12, STEPS)) < 0.2).astype(np.float32)


@pytest.mark.parametrize("delay_shift", [False, True])
@pytest.mark.parametrize("params", [SHARED, OWN], ids=["one period", "periods per neuron"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_is_the_network_that_it_becomes(spikes, family, params, delay_shift):
    for seed in range(4):
        model = model_of(family, params, delay_shift, seed)
        assert loihi_sca.check(model, (12,)) == ()
        compiled = loihi_sca.compile_slayer(model, (12,), STEPS, proof_data=spikes)
        assert compiled.proof.spikes > 20
        assert compiled.metadata.get("output_shift") == ("2" if delay_shift else None)


@pytest.mark.lava
@pytest.mark.timeout(300)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_file_of_lava_dl_is_what_was_trained_and_lava_gets_that(spikes, family, tmp_path):
    """Stock netx may round its mantissas down: the file is written anew, and that is said."""
    model = model_of(family, {**SHARED, "period": 10})
    export(model, tmp_path / "stock.net")
    found = loihi_sca.verify(tmp_path / "stock.net", data=spikes[:2].astype(int))
    assert found.mismatches == 0
    assert any("stock netx makes smaller ones" in note for note in found.notes)
    network = loihi_sca.read(tmp_path / "stock.net")
    assert network.layers[0].neuron.sin_decay == model[0].neuron.cx_sin_decay
    expected = spikes_of(model, spikes)
    given = loihi_sca.run(network, spikes.astype(int))
    assert_same_spikes({"1-dense": expected["1-dense"]}, {"1-dense": given.spikes}, "both")


Norm = slayer.neuron.norm.MeanOnlyBatchNorm
REFUSED = {
    "norm": ({**SHARED, "norm": Norm}, "its norm is one of resonators"),
    "graded": ({**SHARED, "graded_spike": True}, "graded_spike"),
    "persistent": ({**SHARED, "persistent_state": True}, "persistent_state=True"),
    "undrawn": (OWN, "its decays are only drawn when it first sees data"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_exact_is_refused_by_name(name):
    params, said = REFUSED[name]
    (problem,) = loihi_sca.check([slayer.block.rf.Dense(dict(params), 12, 4)], (12,))
    assert problem.layer == "0-dense"
    assert said in str(problem)
