"""Recurrent blocks of lava-dl: what they compute, they still compute when compiled."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import loihi_sca
from loihi_sca.engine import fast
from loihi_sca.errors import UnsupportedLayer
from loihi_sca.frontend.recording import spikes_of
from loihi_sca.slayer.lava import slayer

pytestmark = pytest.mark.train

cuba = slayer.block.cuba
SHARED = {"threshold": 1.0, "current_decay": 0.25, "voltage_decay": 0.03}
OWN = {
    "threshold": 1.0, "current_decay": (0.1, 0.9), "voltage_decay": (0.03, 0.3),
    "shared_param": False,
}  # fmt: skip
STEPS = 40


def recurrent(*sizes, params=SHARED, **more):
    return cuba.Recurrent(dict(params), *sizes, weight_scale=more.pop("weight_scale", 2), **more)


def network(params=SHARED, delay_shift=False, seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        recurrent(20, 16, params=params, delay_shift=delay_shift),
        recurrent(16, 12, params=params, delay_shift=delay_shift),
        cuba.Dense(dict(params), 12, 5, weight_scale=3, delay_shift=delay_shift),
    ).eval()


@pytest.fixture
def spikes():
    return (np.random.default_rng(1).random((4, 20, STEPS)) < 0.3).astype(np.float32)


@pytest.mark.parametrize("delay_shift", [False, True])
@pytest.mark.parametrize("params", [SHARED, OWN], ids=["one decay", "decays per neuron"])
def test_a_model_is_the_network_that_it_becomes(spikes, params, delay_shift):
    for seed in range(8):
        model = network(params, delay_shift, seed)
        with torch.no_grad():
            model(torch.from_numpy(spikes))  # decays per neuron are drawn
        assert loihi_sca.check(model, (20,)) == ()
        compiled = loihi_sca.compile_slayer(model, (20,), STEPS, proof_data=spikes)
        assert compiled.proof.spikes > 20
        assert compiled.metadata.get("output_shift") == ("3" if delay_shift else None)


def test_the_state_of_the_last_sample_is_not_taken_for_the_first(spikes):
    """SLAYER starts a batch where the last one of its size has ended; here each starts afresh."""
    model = network()
    with torch.no_grad():
        first, second = (model(torch.from_numpy(spikes)).numpy() for _ in range(2))
    assert (first != second).any()
    np.testing.assert_array_equal(spikes_of(model, spikes)["2-dense"], first)
    compiled = loihi_sca.compile_slayer(model, (20,), STEPS, proof_data=spikes, reset=True)
    np.testing.assert_array_equal(fast.run(compiled, spikes.astype(int)).spikes, first)
    assert model[0].neuron.persistent_state


def test_delays_move_to_the_dense_block_behind(spikes):
    torch.manual_seed(0)
    blocks = [recurrent(20, 6, delay=True, delay_shift=False),
              cuba.Dense(dict(SHARED), 6, 5, weight_scale=3, delay_shift=False)]  # fmt: skip
    blocks[0].delay.delay.data, blocks[0].delay.init = torch.arange(6.0), True
    compiled = loihi_sca.compile_slayer(blocks, (20,), STEPS, proof_data=spikes)
    assert compiled.proof.spikes > 20
    assert compiled["1-dense"].delay[0].tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(UnsupportedLayer, match="0-recurrent: its outputs are delayed"):
        loihi_sca.compile_slayer([blocks[0], recurrent(6, 5)], (20,), STEPS)


def normed():
    return recurrent(20, 6, params={**SHARED, "norm": slayer.neuron.norm.MeanOnlyBatchNorm})


def with_bias():
    block = recurrent(20, 6)
    block.bias = torch.ones(1)
    return block


def forgetful():
    block = recurrent(20, 6)
    block.neuron.persistent_state = False
    return block


def pruned():
    block = recurrent(20, 6)
    torch.nn.utils.prune.l1_unstructured(block.recurrent_synapse, "weight", 0.5)
    return block


REFUSED = {
    "norm": (normed, "its norm becomes a bias, which SLAYER's recurrent block adds to the current"),
    "bias": (with_bias, "its attribute bias"),
    "persistent_state": (forgetful, "persistent_state is off"),
    "weight norm": (lambda: recurrent(20, 6, weight_norm=True), "a weight norm"),
    "pruned": (pruned, "is pruned by torch, whose hooks SLAYER never runs"),
    "graded": (lambda: recurrent(20, 6, params={**SHARED, "graded_spike": True}), "graded_spike"),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.*")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_exact_is_refused_by_name(name):
    build, said = REFUSED[name]
    (problem,) = loihi_sca.check([build()], (20,))
    assert problem.layer == "0-recurrent"
    assert said in str(problem)
    assert problem.instead


def test_it_takes_no_map():
    (problem,) = loihi_sca.check([recurrent(20, 6)], (5, 2, 2))
    assert "it takes 20x1x1 inputs, and shape (5, 2, 2) arrives" in str(problem)


@pytest.mark.lava
@pytest.mark.timeout(300)
def test_lava_agrees_with_what_was_compiled(spikes):
    compiled = loihi_sca.compile_slayer(network(delay_shift=True), (20,), STEPS)
    found = loihi_sca.verify(compiled, data=spikes[:2].astype(int))
    assert found.mismatches == 0
    assert min(found.spikes.values()) > 20
