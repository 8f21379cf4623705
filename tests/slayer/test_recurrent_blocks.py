"""Recurrent blocks of lava-dl: what they compute, they still compute when compiled."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import loihi_sca
from loihi_sca import hardware
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


def normed(params=SHARED, delay_shift=False, first=(), shape=(20,), seed=0):
    """Return blocks whose norms have seen data, behind others if need be."""
    torch.manual_seed(seed)
    with_norm = {**params, "norm": slayer.neuron.norm.MeanOnlyBatchNorm}
    common = {"params": with_norm, "delay_shift": delay_shift}
    inputs = 20 if not first else 18
    model = torch.nn.Sequential(
        *first,
        recurrent(inputs, 16, **common),
        recurrent(16, 12, **common),
        cuba.Dense(dict(with_norm), 12, 5, weight_scale=3, delay_shift=delay_shift),
    )
    data = torch.rand(8, *shape, STEPS, generator=torch.Generator().manual_seed(seed)) < 0.3
    for _ in range(4):
        model.train()(data.float())
    return model.eval()


def dense_first():
    with_norm = {**SHARED, "norm": slayer.neuron.norm.MeanOnlyBatchNorm}
    return (cuba.Dense(dict(with_norm), 20, 18, weight_scale=3, delay_shift=False),)


def conv_first(**more):
    options = {"padding": 1, "weight_scale": 4, "delay_shift": False, **more}
    return (
        cuba.Conv(dict(SHARED), 2, 3, 3, **options),
        cuba.Pool(dict(SHARED), 2, weight_scale=30, delay_shift=False),
        cuba.Flatten(),
        cuba.Dense(dict(SHARED), 12, 18, weight_scale=8, delay_shift=False),
    )


BEFORE = {
    "nothing": ((), (20,), [21, 17, 12, 5]),
    "a dense block": (dense_first, (20,), [21, 19, 17, 12, 5]),
    "convolution and pool": (conv_first, (2, 4, 4), [3, 4, 4, 19, 17, 12, 5]),
}


@pytest.mark.parametrize("params", [SHARED, OWN], ids=["one decay", "decays per neuron"])
@pytest.mark.parametrize("before", BEFORE)
def test_a_norm_acts_as_it_did_in_training(before, params, tmp_path):
    """It becomes weights of a constant channel, that neurons before it hand on."""
    blocks, shape, channels = BEFORE[before]
    model = normed(params, first=blocks() if blocks else (), shape=shape)
    data = (np.random.default_rng(2).random((4, *shape, STEPS)) < 0.3).astype(np.float32)
    compiled = loihi_sca.compile_slayer(model, shape, STEPS, proof_data=data)
    assert compiled.proof.spikes > 100
    assert len(compiled.proof.layers) == len([b for b in model if getattr(b, "neuron", 0)])
    assert [layer.out_shape[0] for layer in compiled] == channels
    assert compiled.data_shape == shape
    compiled.save(tmp_path / "x.net")
    again = loihi_sca.read(tmp_path / "x.net")
    assert again == compiled.network
    found = loihi_sca.verify(again, data=data.astype(int), engines=("reference", "fast"))
    assert found.spikes["input"] == int(data.sum()) + 4 * STEPS * int(np.prod(shape[1:]))


def test_a_norm_behind_an_input_of_values():
    """The constant is a value there that makes a neuron spike at every step."""
    driven = cuba.Input({**SHARED, "current_decay": 1.0}, delay_shift=False)
    model = normed(first=(driven, *dense_first()))
    compiled = loihi_sca.compile_slayer(model, (20,), STEPS, proof_samples=3)
    assert compiled.proof.spikes > 20
    assert compiled.layers[0].always == 65
    values = np.random.default_rng(1).integers(0, 5, (2, 20, STEPS))
    found = loihi_sca.run(compiled, values, record=[compiled.layers[0].name])
    assert found.traces[compiled.layers[0].name].spikes[:, -1].all()


def test_a_norm_costs_a_neuron_in_every_layer_before_it():
    """The constant channel, and what hands it on, are mapped and counted like any other."""
    model = normed(first=dense_first())
    compiled = loihi_sca.compile_slayer(model, (20,), STEPS)
    with torch.no_grad():
        for block in model[1:3]:
            block.neuron.norm.running_mean.zero_()
    plain = loihi_sca.compile_slayer(model, (20,), STEPS)
    ours, theirs = hardware.describe(compiled).layers, hardware.describe(plain).layers
    more = [a.geometry.neurons - b.geometry.neurons for a, b in zip(ours, theirs, strict=True)]
    assert more == [1, 1, 1, 0, 0]
    axons = [a.geometry.inputs - b.geometry.inputs for a, b in zip(ours, theirs, strict=True)]
    assert axons == [1, 1, 1, 1, 0]
    silence = np.zeros((2, 20, STEPS), dtype=int)
    counted = [a.spikes for a in fast.run(compiled, silence).activity[:3]]
    assert counted[0] == 2 * STEPS
    assert min(counted[1:3]) >= 2 * STEPS


def large_mean():
    model = normed()
    model[0].neuron.norm.running_mean -= 100
    return model


def high_threshold():
    return normed(params={**SHARED, "threshold": 4.0})


NOT_RELAYED = {
    "a bias of 256": (large_mean, {}, "0-recurrent: its biases span .* to 256, and a weight is"),
    "a high threshold": (high_threshold, {}, "0-recurrent: its threshold is 256, and the neuron"),
    "shifts": (
        lambda: normed(delay_shift=True), {},
        "1-recurrent: blocks before it have delay_shift=True, so that its bias acts 1 steps before",
    ),
    "resonators": (
        lambda: [slayer.block.rf.Dense({"threshold": 1, "period": 10, "decay": 0.1}, 20, 20),
                 *normed()],
        {"delay_shift": "drop"},
        "0-dense: ComplexDense cannot hand on the constant",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_RELAYED)
def test_a_norm_that_cannot_be_carried_is_refused_by_name(name):
    build, options, said = NOT_RELAYED[name]
    model = build()
    with pytest.raises(UnsupportedLayer, match=said):
        loihi_sca.compile_slayer(model, (20,), STEPS, **options)


def test_shifts_before_a_norm_are_dropped_on_request(spikes):
    """What is compared then is the model without shifts."""
    compiled = loihi_sca.compile_slayer(
        normed(delay_shift=True), (20,), STEPS, delay_shift="drop", proof_data=spikes
    )
    assert compiled.proof.spikes > 20


def test_before_training_a_norm_counts_as_there():
    fresh = [recurrent(20, 6, params={**SHARED, "norm": slayer.neuron.norm.MeanOnlyBatchNorm})]
    found = loihi_sca.check(fresh, (20,))
    assert found == ()
    assert any("depending on values: 0-recurrent: its biases span 256" in x for x in found.notes)


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
@pytest.mark.parametrize("build", [lambda: network(delay_shift=True), lambda: normed(
    first=dense_first())], ids=["shifts", "norm"])  # fmt: skip
def test_lava_agrees_with_what_was_compiled(spikes, build):
    compiled = loihi_sca.compile_slayer(build(), (20,), STEPS, proof_data=spikes)
    found = loihi_sca.verify(compiled, data=spikes[:2].astype(int))
    assert found.mismatches == 0
    assert min(found.spikes.values()) > 20
