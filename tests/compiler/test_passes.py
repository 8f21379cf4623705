"""Every pass alone, and all together: the same output spikes, and what the pass is for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_strategies import data_for, networks

from loihi_sca.compiler import PASSES, compile_network, compile_with_report
from loihi_sca.compiler.bounds import bounds
from loihi_sca.compiler.passes.lower_pool import lower_pool
from loihi_sca.compiler.passes.move_delays import move_delays
from loihi_sca.compiler.passes.repair_weights import repair_weights
from loihi_sca.compiler.passes.share_decays import share_decays
from loihi_sca.compiler.passes.shrink import shrink
from loihi_sca.compiler.passes.split_groups import split_groups
from loihi_sca.compiler.passes.unroll_delays import unroll_delays
from loihi_sca.compiler.pipeline import PASSES_UNROLLING, run_passes
from loihi_sca.engine import reference
from loihi_sca.errors import DoesNotFit, UnsupportedLayer
from loihi_sca.network import Conv, Cuba, Dense, Input, Network, OtherLayer, OtherNeuron, Pool
from loihi_sca.netx.limits import loads_as_it_is

LEAKY = Cuba(current_decay=1024, voltage_decay=128, threshold=60)


def output(network, data):
    return reference.run(network, data).spikes.reshape(len(data), -1, data.shape[-1])


@pytest.fixture
def rng():
    return np.random.default_rng(5)


# --- on any network -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "passes",
    [*[(p,) for p in PASSES], PASSES, PASSES_UNROLLING],
    ids=lambda passes: "+".join(p.__name__ for p in passes),
)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_passes_keep_the_output(passes, data):
    network = data.draw(networks(weights=data.draw(st.sampled_from(["chip", "wild"]))))
    spikes = data.draw(data_for(network))
    compiled = run_passes(network, passes).network
    np.testing.assert_array_equal(output(compiled, spikes), output(network, spikes))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_bounds_hold(data):
    network = data.draw(networks(weights=data.draw(st.sampled_from(["chip", "wild"]))))
    spikes = data.draw(data_for(network))
    result = reference.run(network, spikes, record=[x.name for x in network])
    for layer, bound, activity in zip(network, bounds(network), result.activity, strict=True):
        trace = result.traces[layer.name]
        sent = trace.spikes.any(axis=(0, *range(2, trace.spikes.ndim)))
        assert not sent[~bound.can_spike].any()
        if not bound.can_wrap:
            assert activity.current_wraps == 0
        if trace.current is not None and not bound.can_wrap:
            per_channel = np.moveaxis(trace.current, 1, 0).reshape(layer.out_shape[0], -1)
            assert (per_channel.max(axis=1) <= bound.current_high).all()
            assert (per_channel.min(axis=1) >= bound.current_low).all()


# --- shrink -------------------------------------------------------------------------------------


def weights(rng, *shape):
    return 2 * rng.integers(-40, 60, shape)


def dead(weight, *channels):
    weight[list(channels)] = 0
    return weight


def test_dead_channels_go_through_pool_groups_and_flatten(rng):
    network = Network("net", (
        Input("in", (2, 8, 8)),
        Conv("a", (2, 8, 8), dead(weights(rng, 6, 2, 3, 3), 1, 4), neuron=LEAKY, padding=(1, 1)),
        Pool("pool", (6, 8, 8), np.full((2, 2), 64), neuron=LEAKY, stride=(2, 2)),
        Conv("b", (6, 4, 4), weights(rng, 4, 3, 3, 3), neuron=LEAKY, groups=2, padding=(1, 1)),
        Dense("c", (4, 4, 4), dead(weights(rng, 5, 64), 2), neuron=LEAKY),
        Dense("d", (5,), weights(rng, 3, 5), neuron=LEAKY),
    ))  # fmt: skip
    small = compile_network(network)
    assert [x.out_shape[0] for x in small] == [2, 4, 4, 4, 4, 3]
    assert small["pool"].groups == 4
    assert small["b"].weight.shape == (4, 2, 3, 3)
    data = rng.integers(0, 2, (2, 2, 8, 8, 12))
    expected = reference.run(network, data, record=["b"])
    actual = reference.run(small, data, record=["b"])
    assert expected.spikes.any()
    np.testing.assert_array_equal(actual.spikes, expected.spikes)
    np.testing.assert_array_equal(actual.traces["b"].spikes, expected.traces["b"].spikes)


def test_groups_of_unequal_size_keep_a_dead_channel(rng):
    network = Network("net", (
        Conv("a", (1, 4, 4), dead(np.full((4, 1, 1, 1), 90), 0), neuron=LEAKY),
        Conv("b", (4, 4, 4), np.full((2, 2, 1, 1), 90), neuron=LEAKY, groups=2),
    ))  # fmt: skip
    assert shrink(network) == network
    both = replace(network["a"], weight=dead(np.full((4, 1, 1, 1), 90), 0, 3))
    assert shrink(network.replace(layers=(both, network["b"])))["b"].weight.shape == (2, 1, 1, 1)


def test_a_dead_group_goes_with_its_inputs(rng):
    weight = dead(np.full((4, 2, 1, 1), 90), 0, 1)
    network = Network("net", (
        Conv("a", (1, 4, 4), np.full((4, 1, 1, 1), 90), neuron=LEAKY),
        Conv("b", (4, 4, 4), weight, neuron=LEAKY, groups=2),
        Dense("c", (4, 4, 4), weights(rng, 3, 64), neuron=LEAKY),
    ))  # fmt: skip
    small = shrink(network)
    assert [x.out_shape[0] for x in small] == [2, 2, 3]
    assert small["b"].groups == 1


def test_channels_that_nobody_hears_go(rng):
    later = weights(rng, 3, 5)
    later[:, 1] = 0
    network = Network("net", (
        Dense("a", (6,), weights(rng, 4, 6), neuron=LEAKY),
        Dense("b", (4,), weights(rng, 5, 4), neuron=LEAKY),
        Dense("c", (5,), later, neuron=LEAKY),
    ))  # fmt: skip
    assert shrink(network)["b"].out_shape == (4,)


@pytest.mark.parametrize(
    ("weight", "bias", "neuron", "spikes"),
    [
        ([10, 20], 0, Cuba(4096, 4096, 30), False),  # at most 30, and 30 is not above 30
        ([10, 21], 0, Cuba(4096, 4096, 30), True),
        ([10, 20], 1, Cuba(4096, 4096, 30), True),
        ([10, 20], -8, Cuba(4096, 2048, 44), False),  # (30 - 8) * 2
        ([10, 20], -8, Cuba(2048, 4096, 52), False),  # 60 - 8
        ([10, 20], -8, Cuba(2048, 4096, 51), True),
        ([2, -2], 0, Cuba(0, 4096, 100), True),  # adds up for ever
        ([-2, -2], 0, Cuba(1024, 0, 0), False),
        ([-2, -2], 0, Cuba(0, 0, 0), True),  # wraps in the end, and is positive then
        ([-254] * 600, 0, Cuba(4096, 4096, 9), True),  # wraps in the first step
        ([-254] * 500, 0, Cuba(4096, 4096, 9), False),
    ],
)
def test_never_spikes_is_proven_by_bounds(weight, bias, neuron, spikes):
    layer = Dense("a", (len(weight),), np.array([weight]), bias=np.array([bias]), neuron=neuron)
    (bound,) = bounds(Network("net", (layer,)))
    assert bound.can_spike.tolist() == [spikes]


def test_a_wrapping_channel_is_kept_and_does_spike():
    neuron = Cuba(4096, 4096, 9)
    first = Dense("a", (600,), np.full((1, 600), -254), neuron=neuron)
    second = Dense("b", (1,), np.array([[20]]), neuron=neuron)
    network = shrink(Network("net", (first, second)))
    assert network["a"].out_shape == (1,)
    assert output(network, np.ones((1, 600, 2), dtype=int)).any()


def test_constant_channels_are_reported(rng):
    weight = dead(weights(rng, 3, 6), 1)
    network = Network("net", (
        Dense("a", (6,), weight, neuron=LEAKY, bias=np.array([0, 9, 0])),
        Dense("b", (3,), weights(rng, 2, 3), neuron=LEAKY),
    ))  # fmt: skip
    compiled = compile_with_report(network)
    assert compiled.network["a"].out_shape == (3,)
    assert "a: channels 1 spike whatever the input is" in compiled.notes


@pytest.mark.parametrize("bias", [None, -5])
def test_a_layer_pruned_to_nothing_is_refused(rng, bias):
    bias = None if bias is None else np.full(4, bias)
    network = Network("net", (
        Dense("a", (6,), np.zeros((4, 6), dtype=int), neuron=LEAKY, bias=bias),
        Dense("b", (4,), weights(rng, 2, 4), neuron=LEAKY),
    ))  # fmt: skip
    with pytest.raises(UnsupportedLayer, match="a: all its weights are zero"):
        compile_network(network)


# --- lower and split ----------------------------------------------------------------------------


def test_pool_becomes_a_depthwise_convolution():
    pool = Pool("p", (3, 4, 4), np.full((2, 2), 32), neuron=LEAKY, stride=(2, 2))
    conv = lower_pool(Network("net", (pool,)))["p"]
    assert isinstance(conv, Conv)
    assert (conv.groups, conv.weight.shape, conv.out_shape) == (3, (3, 1, 2, 2), pool.out_shape)


@pytest.mark.parametrize(("groups", "left"), [(127, 127), (128, 64), (131, 1), (254, 127)])
def test_groups_are_merged_to_what_lava_can_count(rng, groups, left):
    conv = Conv("c", (2 * groups, 3, 3), weights(rng, groups, 2, 2, 2), neuron=LEAKY, groups=groups)
    network = Network("net", (conv,))
    split = split_groups(network)
    assert split["c"].groups == left
    data = rng.integers(0, 2, (1, *network.in_shape, 6))
    assert output(network, data).any()
    np.testing.assert_array_equal(output(split, data), output(network, data))


def test_equal_decays_are_shared():
    neuron = Cuba(np.array([5, 5]), np.array([7, 8]), 60)
    layer = Dense("a", (2,), np.ones((2, 2), dtype=int), neuron=neuron)
    shared = share_decays(Network("net", (layer,)))["a"].neuron
    assert shared.current_decay == 5
    assert shared.voltage_decay.tolist() == [7, 8]
    assert compile_network(Network("net", (layer,)))["a"].neuron == shared
    conv = Conv("a", (1, 2, 2), np.ones((2, 1, 1, 1), dtype=int), neuron=neuron)
    with pytest.raises(UnsupportedLayer, match="a: its decays differ between channels"):
        compile_network(Network("net", (conv,)))


# --- delays -------------------------------------------------------------------------------------


def test_a_dense_delay_without_bias_stays_in_its_layer(rng):
    layer = Dense("a", (6,), weights(rng, 3, 6), neuron=LEAKY, axon_delay=np.array([0, 2, 5]))
    moved = move_delays(Network("net", (layer,)))["a"]
    assert moved.axon_delay is None
    assert moved.delay[:, 0].tolist() == [0, 2, 5]


def test_a_dense_delay_with_bias_moves_to_the_next_layer(rng):
    first = Dense("a", (6,), weights(rng, 3, 6), neuron=LEAKY, bias=np.array([1, 2, 3]),
                  axon_delay=np.array([0, 2, 5]))  # fmt: skip
    second = Dense("b", (3,), weights(rng, 2, 3), neuron=LEAKY, delay=np.ones((2, 3), dtype=int))
    network = Network("net", (first, second))
    moved = move_delays(network)
    assert moved["b"].delay.tolist() == [[1, 3, 6], [1, 3, 6]]
    with pytest.raises(UnsupportedLayer, match="a: it delays its outputs and has a bias"):
        compile_network(Network("net", (first,)))


def conv_with_delay(rng):
    first = Conv("a", (2, 5, 5), weights(rng, 3, 2, 2, 2), neuron=LEAKY,
                 axon_delay=np.array([0, 3, 1]))  # fmt: skip
    second = Conv("b", (3, 4, 4), weights(rng, 2, 3, 2, 2), neuron=LEAKY, bias=np.array([4, -2]))
    return first, second, Dense("c", (2, 3, 3), weights(rng, 4, 18), neuron=LEAKY)


def test_a_conv_delay_before_a_dense_layer_moves_there(rng):
    first, _, _ = conv_with_delay(rng)
    dense = Dense("b", first.out_shape, weights(rng, 4, 48), neuron=LEAKY)
    moved = compile_network(Network("net", (first, dense)))
    assert moved["b"].delay[0].tolist() == [0] * 16 + [3] * 16 + [1] * 16


def test_a_conv_delay_before_a_convolution_is_refused_or_unrolled(rng):
    network = Network("net", conv_with_delay(rng))
    with pytest.raises(UnsupportedLayer, match=r"a: .*b after it is a convolution.*864 synapses"):
        compile_network(network)
    unrolled = compile_network(network, unroll_delays=True)
    assert isinstance(unrolled["b"], Dense)
    data = rng.integers(0, 2, (2, 2, 5, 5, 12))
    assert output(network, data).any()
    np.testing.assert_array_equal(output(unrolled, data), output(network, data))


def test_unrolling_has_a_limit():
    neuron = Cuba(4096, 4096, 1)
    ones = np.ones((1, 1, 1, 1), dtype=int)
    first = Conv("a", (1, 100, 100), ones, neuron=neuron, axon_delay=np.array([1]))
    second = Conv("b", (1, 100, 100), ones, neuron=neuron)
    with pytest.raises(UnsupportedLayer, match="100000000 synapses"):
        unroll_delays(Network("net", (first, second)))


# --- weights ------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [[[-256, -4]], [[-2, -2]], [[-256, -256]]])
def test_negative_weights_that_netx_changes_are_repaired(rng, weight):
    # a neuron that only inhibits can still spike by its bias
    first = Dense("a", (2,), np.array(weight), neuron=LEAKY, bias=np.array([30]))
    second = Dense("b", (1,), np.array([[90], [40]]), neuron=LEAKY)
    network = Network("net", (first, second))
    assert not loads_as_it_is(first)
    repaired = repair_weights(network)
    assert repaired["a"].out_shape == (2,)
    assert all(loads_as_it_is(layer) for layer in repaired)
    data = (rng.random((3, 2, 20)) < 0.1).astype(int)
    assert output(network, data).any()
    np.testing.assert_array_equal(output(repaired, data), output(network, data))
    with pytest.raises(UnsupportedLayer, match="a: netx would change"):
        compile_network(Network("net", (first,)))


# --- refusals -----------------------------------------------------------------------------------


def test_all_problems_are_told_at_once(rng):
    network = Network("net", (
        Conv("a", (1, 9, 9), weights(rng, 2, 1, 2, 2), neuron=LEAKY, axon_delay=np.array([1, 2])),
        Conv("b", (2, 8, 8), weights(rng, 2, 2, 2, 2), neuron=Cuba(np.array([1, 2]), 3, 60)),
        Dense("c", (2, 7, 7), weights(rng, 4, 98), neuron=Cuba(1, 1, 1 << 18), bias=np.arange(4)),
        Dense("d", (4,), np.full((2, 4), 1000), neuron=LEAKY, delay=np.full((2, 4), 70)),
    ))  # fmt: skip
    with pytest.raises(UnsupportedLayer) as caught:
        compile_network(network)
    message = str(caught.value)
    assert "a: its outputs are delayed" in message
    assert "b: its decays differ" in message
    assert "c: needs 18 bits for its threshold, limit 17" in message
    assert "d: netx cannot load" in message
    assert "d: needs 70 steps of delay" in message
    assert message.index("a: ") < message.index("b: ") < message.index("c: ")


def test_a_limit_of_the_chip_has_its_own_error(rng):
    layer = Dense("a", (3,), weights(rng, 2, 3), neuron=LEAKY, bias=np.array([5000, 1]))
    with pytest.raises(
        DoesNotFit, match=r"a: its biases span 1 to 5000, and netx stores -4096 to 4095"
    ):
        compile_network(Network("net", (layer,)))


def test_unknown_blocks_and_neurons_are_named(rng):
    network = Network("net", (
        OtherLayer("rec", (4,), "dense_rec", (4,)),
        Dense("sd", (4,), weights(rng, 3, 4), neuron=OtherNeuron("SDNN")),
        Dense("bare", (3,), weights(rng, 3, 3)),
    ))  # fmt: skip
    with pytest.raises(UnsupportedLayer, match=r"(?s)'dense_rec'.*'SDNN'.*bare: .*no neuron"):
        compile_network(network)


@pytest.mark.parametrize("what", ["stride", "padding", "dilation"])
def test_sizes_beyond_lavas_integers_are_refused(rng, what):
    conv = Conv("c", (1, 140, 140), weights(rng, 2, 1, 1, 1), neuron=LEAKY, **{what: (1, 128)})
    with pytest.raises(UnsupportedLayer, match=f"its {what} is 128"):
        compile_network(Network("net", (conv,)))


# --- the report ---------------------------------------------------------------------------------


def test_the_report_says_which_pass_did_what(rng):
    network = Network("net", (
        Conv("a", (2, 4, 4), dead(weights(rng, 3, 2, 1, 1), 1), neuron=LEAKY),
        Pool("p", (3, 4, 4), np.full((2, 2), 64), neuron=LEAKY, stride=(2, 2)),
        Dense("d", (3, 2, 2), weights(rng, 2, 12), neuron=LEAKY),
    ))  # fmt: skip
    compiled = compile_with_report(network)
    notes = {step.name: step.notes for step in compiled.steps}
    assert list(notes) == [p.__name__ for p in PASSES]
    assert notes["lower_pool"][0] == "p: Pool became Conv"
    assert "a: 3 -> 2 channels" in notes["shrink"]
    assert notes["split_groups"] == ()
    assert '"pass": "shrink"' in compiled.as_text()


def test_a_network_without_anything_to_do_is_unchanged(rng):
    layer = Dense("a", (3,), weights(rng, 2, 3), neuron=LEAKY)
    network = Network("net", (Input("in", (3,)), layer))
    assert compile_network(network) == network
