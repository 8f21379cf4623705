"""Sigma-delta neurons: what they do, by hand; and the fast engine against the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_strategies import graded_networks, video_for

from loihi_sca.engine import fast, reference
from loihi_sca.engine.reference_graded import bits
from loihi_sca.engine.result import check_values
from loihi_sca.errors import InputError, UnsupportedLayer
from loihi_sca.network import (
    Conv,
    Cuba,
    Delta,
    Dense,
    Input,
    Network,
    Sigma,
    SigmaDelta,
)
from loihi_sca.network.activity import GradedActivity

ENGINES = pytest.mark.parametrize("engine", [reference, fast], ids=["reference", "fast"])


def net(*layers):
    return Network("net", layers)


def dense(neuron, weight=((64,),), **more):
    return Dense(more.pop("name", "d"), (len(weight[0]),), np.array(weight), neuron=neuron, **more)


def one(engine, network, values, schedule="pipelined"):
    """Run one sample of one input; return what the first output sends."""
    data = np.array(values).reshape(1, 1, -1)
    return engine.run(network, data, schedule=schedule).spikes[0, 0].tolist()


@ENGINES
def test_a_delta_sends_changes_and_keeps_what_it_held_back(engine):
    network = net(Input("in", (1,), neuron=Delta(10)))
    # 9 is held back, and sent with the next 3; then 4 less, and 8 less still, which is enough
    assert one(engine, network, [9, 12, 8, 0]) == [0, 12 * 64, 0, -12 * 64]
    assert one(engine, net(Input("in", (1,), neuron=Delta(9))), [9, 9, 10]) == [576, 0, 0]


@ENGINES
def test_a_message_is_rounded_down_and_the_rest_is_lost(engine):
    network = net(dense(SigmaDelta(0), [[1]]))
    # 1 of 2^18 is below a message, which is 64 of them: nothing is sent upwards, -1 downwards
    assert one(engine, network, [1, 62, 1, -1, -63]) == [0, 0, 0, -1, -1]
    assert one(engine, network, [64, 65, 63]) == [1, 1, 0]


@ENGINES
def test_a_sum_is_rectified_behind_its_bias(engine):
    network = net(dense(SigmaDelta(0), bias=np.array([3])))
    assert one(engine, network, [0, 64, -64 * 5, 0]) == [192, 64, -256, 0]
    assert one(engine, net(dense(SigmaDelta(0))), [64, -128, 64, 64]) == [64, -64, 0, 64]


@ENGINES
def test_a_sigma_puts_out_its_sum_at_every_step(engine):
    network = net(dense(Sigma(), [[2]]))
    assert one(engine, network, [3, 0, -5]) == [6, 6, -4]
    assert one(engine, network, [3, 0, -5], "cold") == [0, 6, 6]


@ENGINES
def test_cold_a_bias_speaks_before_the_first_message(engine):
    encoder = Input("in", (1,), neuron=Delta(0))
    network = net(encoder, dense(SigmaDelta(1), bias=np.array([2])))
    assert one(engine, network, [5, 5, 5]) == [7 * 64, 0, 0]
    assert one(engine, network, [5, 5, 5], "cold") == [2 * 64, 5 * 64, 0]


@ENGINES
def test_a_convolution_wraps_to_24_bits_and_a_dense_layer_does_not(engine):
    data = np.array([1 << 22]).reshape(1, 1, 1, 1, 1)
    conv = Conv("c", (1, 1, 1), np.full((1, 1, 1, 1), 2), neuron=Sigma())
    result = engine.run(net(conv), data)
    assert result.spikes.item() == -(1 << 23)
    assert result.activity[0].graded.input_wraps == 1
    result = engine.run(net(dense(Sigma(), [[2]])), data.reshape(1, 1, 1))
    assert result.spikes.item() == 1 << 23
    assert result.activity[0].graded.wide_sigmas == 1
    assert result.activity[0].graded.input_wraps == 0


@ENGINES
def test_what_is_counted(engine):
    encoder = Input("in", (1,), neuron=Delta(0))
    network = net(encoder, dense(SigmaDelta(0), [[64], [2]]))
    data = np.array([512, 512, 0]).reshape(1, 1, -1)
    first, second = engine.run(network, data).activity
    sent = GradedActivity(message_bits=17 + 16, peak_message=1 << 15, wide_messages=2)
    assert (first.spikes, first.synops, first.updates, first.graded) == (2, 0, 3, sent)
    assert (second.spikes, second.synops, second.updates) == (4, 4, 6)
    assert second.graded.peak_sigma == 1 << 21
    assert second.graded.message_bits == 17 + 16 + 12 + 11
    assert second.graded == replace(second.graded, wide_sigmas=0, input_wraps=0)


def test_bits_of_a_message():
    assert bits(np.array([0, -1, 1, -2, 2, 32767, -32768, 32768])).tolist() == [
        1, 1, 2, 2, 3, 16, 16, 17,
    ]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_fast_engine_is_the_reference(data):
    network = data.draw(graded_networks(pools=True))
    values = data.draw(video_for(network))
    schedule = data.draw(st.sampled_from(["pipelined", "cold"]))
    names = [layer.name for layer in network]
    expected = reference.run(network, values, schedule=schedule, record=names)
    actual = fast.run(network, values, schedule=schedule, record=names, threads=1)
    assert actual.activity == expected.activity
    assert actual.spikes.dtype == expected.spikes.dtype == np.int32
    np.testing.assert_array_equal(actual.spikes, expected.spikes)
    for name, trace in expected.traces.items():
        np.testing.assert_array_equal(actual.traces[name].spikes, trace.spikes, err_msg=name)
        if trace.sigma is not None:
            np.testing.assert_array_equal(actual.traces[name].sigma, trace.sigma, err_msg=name)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_messages_of_any_width_and_number_meet_any_number_of_channels(data):
    """Wide ones are cut in two, few ones are listed, channels are taken in stripes of vectors."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    inputs = data.draw(st.integers(1, 5))
    outputs = data.draw(st.sampled_from([1, 7, 16, 17, 33, 48, 63, 64, 65, 90, 129, 200]))
    size, kernel = data.draw(st.integers(3, 9)), data.draw(st.integers(1, 3))
    stride, padding = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 3))
    dilation = (data.draw(st.integers(1, (size - 1) // max(kernel - 1, 1))), 1)
    largest = data.draw(st.sampled_from([256, (1 << 15) - 1, 1 << 15]))
    weight = rng.integers(-largest, largest, (outputs, inputs, kernel, kernel), endpoint=True)
    neuron = data.draw(st.sampled_from([SigmaDelta(0), SigmaDelta(50), Sigma()]))
    bias = None if neuron == Sigma() else rng.integers(-99, 99, outputs)
    layer = Conv(
        "c", (inputs, size, size), weight, stride=(stride, stride), padding=(padding, padding),
        dilation=dilation, bias=bias, neuron=neuron,
    )  # fmt: skip
    messages = np.zeros((1, inputs, size, size, 4), dtype=np.int32)
    for t in range(4):
        most = data.draw(st.sampled_from([1, 99, 32767, 32768, 65536, (1 << 23) - 1]))
        some = rng.integers(-most, most, messages.shape[:-1], endpoint=True)
        extremes = rng.choice([-most, most, 0], messages.shape[:-1])
        values = np.where(rng.random(messages.shape[:-1]) < 0.3, extremes, some)
        share = data.draw(st.sampled_from([0.0, 0.02, 0.2, 0.5, 0.8, 1.0]))
        messages[..., t] = np.where(rng.random(messages.shape[:-1]) < share, values, 0)
    schedule = data.draw(st.sampled_from(["pipelined", "cold"]))
    expected = reference.run(net(layer), messages, schedule=schedule)
    actual = fast.run(net(layer), messages, schedule=schedule, threads=1)
    np.testing.assert_array_equal(actual.spikes, expected.spikes)
    assert actual.activity == expected.activity


def test_a_network_that_is_laid_out_runs_clips_of_any_length_one_after_the_other():
    rng = np.random.default_rng(4)
    layer = Conv("c", (2, 9, 9), rng.integers(-9, 9, (4, 2, 3, 3)), neuron=SigmaDelta(3))
    network = net(Input("in", (2, 9, 9), neuron=Delta(2)), layer)
    ready = fast.prepare(network, threads=2)
    for samples, steps in ((3, 5), (2, 9), (1, 5), (4, 9), (1, 1)):
        data = rng.integers(-64, 64, (samples, 2, 9, 9, steps))
        expected = reference.run(network, data)
        actual = ready.run(data)
        np.testing.assert_array_equal(actual.spikes, expected.spikes)
        assert actual.activity == expected.activity


@pytest.mark.parametrize("share", [0.0, 0.002, 0.1])
@pytest.mark.parametrize("groups", [1, 3])
def test_what_stands_still_is_passed_over_and_nothing_else(share, groups):
    """On maps of more positions, and over more steps, than are looked at together."""
    rng = np.random.default_rng(5)
    values = rng.integers(-64, 65, (2, 3, 13, 15, 150))
    for t in range(1, 150):
        still = rng.random(values.shape[:-1]) >= share
        values[..., t] = np.where(still, values[..., t - 1], values[..., t])
    layers = [
        Input("in", (3, 13, 15), neuron=Delta(5)),
        Conv("a", (3, 13, 15), rng.integers(-9, 9, (6, 3 // groups, 3, 3)), groups=groups,
             padding=(1, 1), neuron=SigmaDelta(9), bias=rng.integers(-30, 30, 6)),
        Conv("b", (6, 13, 15), rng.integers(-9, 9, (70, 6, 3, 3)), stride=(1, 2),
             neuron=SigmaDelta(20)),
        Dense("c", (70, 11, 7), rng.integers(-9, 9, (5, 5390)), neuron=Sigma()),
    ]  # fmt: skip
    names = [layer.name for layer in layers]
    expected = reference.run(net(*layers), values, record=names)
    actual = fast.run(net(*layers), values, record=names)
    assert actual.activity == expected.activity
    for name in names:
        np.testing.assert_array_equal(actual.traces[name].spikes, expected.traces[name].spikes)
    silent = fast.run(net(*layers), values)  # nothing is recorded, and zeros are not written
    np.testing.assert_array_equal(silent.spikes, expected.spikes)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_layers_are_late_by_one_step_each_where_there_is_no_bias(data):
    network = data.draw(graded_networks(biases=False, axon_delays=False))
    values = data.draw(video_for(network))
    names = [layer.name for layer in network]
    cold = fast.run(network, values, schedule="cold", record=names).traces
    pipelined = fast.run(network, values, record=names).traces
    steps = values.shape[-1]
    for late, layer in enumerate(network, start=not isinstance(network.layers[0], Input)):
        one, two = cold[layer.name].spikes, pipelined[layer.name].spikes
        np.testing.assert_array_equal(one[..., late:], two[..., : max(steps - late, 0)])


def test_samples_are_shared_among_threads_within_the_budget():
    rng = np.random.default_rng(3)
    layer = Conv("c", (2, 9, 9), rng.integers(-9, 9, (4, 2, 3, 3)), neuron=SigmaDelta(3))
    network = net(Input("in", (2, 9, 9), neuron=Delta(2)), layer)
    data = rng.integers(-64, 64, (7, 2, 9, 9, 5))
    seen = []
    result = fast.run(network, data, threads=3, on_progress=lambda *x: seen.append(x))
    expected = reference.run(network, data)
    np.testing.assert_array_equal(result.spikes, expected.spikes)
    assert result.activity == expected.activity
    assert seen == [(i, 7) for i in range(1, 8)]
    with pytest.raises(InputError, match=r"one sample of 5 timesteps takes .* Raise it, or cut"):
        fast.run(network, data, memory_budget=1000)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (net(dense(SigmaDelta(1)), dense(Cuba(1, 1, 1), name="e")), "e: its neuron is CUBA, besi"),
        (net(dense(Delta(1))), "d: its neuron is Delta, and an Input encodes"),
        (net(Input("in", (1,), neuron=Sigma())), "in: its neuron is Sigma, and an Input"),
        (net(Input("in", (1,), neuron=Delta(1), weight=36)), "in: it has weight 36 and bias 0, wh"),
        (net(dense(Sigma()), dense(SigmaDelta(1), name="e")), "d: it puts out its sum at every"),
        (net(dense(Sigma(), bias=np.array([1]))), "d: it puts out its sum and has a bias"),
    ],
)
@ENGINES
def test_what_is_not_defined_is_refused_by_name(engine, network, message):
    data = np.zeros((1, *network.in_shape, 2), dtype=int)
    with pytest.raises(UnsupportedLayer, match=message):
        engine.run(network, data)


@ENGINES
def test_values_that_lava_could_not_hold_are_refused(engine):
    network = net(Input("in", (1,), neuron=Delta(1)))
    with pytest.raises(InputError, match="span 524288 to 524288, allowed is -524287 to 524287"):
        engine.run(network, np.full((1, 1, 1), 1 << 19))
    with pytest.raises(InputError, match=r"messages, 4096 for 1\.0"):
        engine.run(net(dense(SigmaDelta(1))), np.full((1, 1, 1), 1 << 23))


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        *((kind, n) for kind in (np.int32, np.int64, np.float64) for n in (-(1 << 19), 1 << 19)),
        *((np.int64, n) for n in ((1 << 31) - 1, 1 << 40, -(1 << 63))),
    ],
)
@pytest.mark.parametrize("still", [True, False])
def test_a_value_out_of_range_is_found_wherever_it_is(kind, wrong, still):
    """The fast engine looks for it while it encodes, and only at what changes."""
    network = net(Input("in", (3, 4, 5), neuron=Delta(1)), dense(Sigma(), np.ones((1, 60), int)))
    rng = np.random.default_rng(6)
    data = rng.integers(-9, 9, (2, 3, 4, 5, 80))
    if still:
        data[...] = data[..., :1]
    for place in [(0, 0, 0, 0, 0), (1, 2, 3, 4, 79), (1, 1, 2, 3, 30)]:
        values = data.astype(kind)
        values[place] = wrong
        with pytest.raises(InputError) as expected:
            check_values(network, values[place[0]][None])
        with pytest.raises(InputError) as actual:
            fast.run(network, values, threads=1)
        assert str(actual.value) == str(expected.value)
    at_most = np.where(data > 0, (1 << 19) - 1, 1 - (1 << 19)).astype(kind)
    result = fast.run(network, at_most)
    np.testing.assert_array_equal(result.spikes, reference.run(network, at_most).spikes)


@pytest.mark.parametrize("inputs", [1, 2, 3, 24, 31, 33, 64, 70])
@pytest.mark.parametrize("most", [99, 40000])
def test_places_that_say_much_lie_among_silent_ones(inputs, most):
    rng = np.random.default_rng(7)
    messages = rng.integers(-most, most, (1, inputs, 11, 13, 12))
    messages[:, :, rng.random((11, 13)) < 0.8] = 0
    messages[rng.random(messages.shape) < 0.1] = 0
    weight = rng.integers(-99, 99, (17, inputs, 3, 3))
    network = net(Conv("c", (inputs, 11, 13), weight, padding=(1, 1), neuron=SigmaDelta(50)))
    expected, actual = reference.run(network, messages), fast.run(network, messages)
    np.testing.assert_array_equal(actual.spikes, expected.spikes)
    assert actual.activity == expected.activity


def test_the_table_of_a_run_has_messages_and_their_bits():
    network = net(Input("in", (1,), neuron=Delta(0)), dense(SigmaDelta(0), [[64], [2]]))
    result = reference.run(network, np.array([512, 512, 0]).reshape(1, 1, -1))
    assert "1 samples of 3 steps, 2 outputs, 4 output messages" in result.about()
    (table,) = result.tables()
    headers = [str(column.header) for column in table.columns]
    assert headers[1:5] == ["neurons", "messages", "rate", "bits"]
    cells = [list(column.cells) for column in table.columns]
    assert cells[2] == ["2", "4"]
    assert cells[4] == ["33", "56"]
    assert cells[6:] == [["2", "2"], ["0", "0"], ["0", "0"]]
    spiking = reference.run(net(dense(Cuba(4096, 0, 0))), np.ones((1, 1, 2), dtype=int))
    assert "spikes" in [column.header for column in spiking.tables()[0].columns]
    assert spiking.about().endswith("output spikes, 0.00 s")
