"""The reference engine against hand-computed cases and brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihi_sca.engine import reference
from loihi_sca.errors import InputError, UnsupportedLayer
from loihi_sca.network import Conv, Cuba, Dense, Input, Network, OtherLayer, OtherNeuron, Pool
from loihi_sca.network.fixed_point import STATE_LIMIT

KEEPS = Cuba(current_decay=0, voltage_decay=0, threshold=STATE_LIMIT // 64)
"""Never forgets and never spikes."""


def dense(weight, neuron, **more):
    weight = np.array(weight)
    return Dense("only", weight.shape[1:], weight, neuron=neuron, **more)


def run(layer, data, schedule="pipelined"):
    """Run one layer on spikes (inputs, T) of one sample; return its trace and activity."""
    data = np.array(data)[None]
    result = reference.run(Network("net", (layer,)), data, schedule=schedule, record=[layer.name])
    return result.traces[layer.name], result.activity[0]


# --- the neuron -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "decay", "left"),
    [
        (5, 2048, 2),  # 2.5
        (-5, 2048, -2),  # -2.5: towards zero, not down to -3
        (-1, 1, 0),
        (64, 4095, 0),
        (-64, 4095, 0),
        (-4096, 4095, -1),
        (77, 0, 77),
        (-77, 4096, 0),
    ],
)
def test_decay_truncates_towards_zero(state, decay, left):
    zero, state = np.zeros((1, 1), dtype=np.int64), np.full((1, 1), state)
    neuron = Cuba(current_decay=decay, voltage_decay=0, threshold=100_000)
    assert reference.update(neuron, state, zero, zero, zero).u == left
    neuron = Cuba(current_decay=0, voltage_decay=decay, threshold=100_000)
    assert reference.update(neuron, zero, state, zero, zero).v == left


def test_a_trace_computed_by_hand():
    neuron = Cuba(current_decay=2048, voltage_decay=1024, threshold=10)
    trace, activity = run(dense([[6]], neuron, bias=np.array([-1])), [[1, 1, 0, 0, 1]])
    assert trace.current[0, 0].tolist() == [384, 576, 288, 144, 456]
    # -64 of bias at each step; threshold 640; the voltage shown is that before the reset
    assert trace.voltage[0, 0].tolist() == [320, 752, 224, 248, 578]
    assert trace.spikes[0, 0].tolist() == [0, 1, 0, 0, 0]
    assert (activity.spikes, activity.synops, activity.updates) == (1, 3, 5)
    assert (activity.peak_current, activity.current_wraps) == (576, 0)
    assert activity.voltage_saturations == 0


def test_a_voltage_must_exceed_the_threshold():
    at, above = (Cuba(current_decay=4096, voltage_decay=0, threshold=n) for n in (6, 5))
    assert run(dense([[6]], at), [[1, 0, 0]])[0].spikes.sum() == 0
    assert run(dense([[6]], above), [[1, 0, 0]])[0].spikes[0, 0].tolist() == [1, 0, 0]
    zero = Cuba(current_decay=4096, voltage_decay=0, threshold=0)
    assert run(dense([[2]], zero), [[0, 1, 0]])[0].spikes[0, 0].tolist() == [0, 1, 0]


def test_a_spike_resets_the_voltage_and_not_the_current():
    neuron = Cuba(current_decay=0, voltage_decay=0, threshold=5)
    trace, _ = run(dense([[6]], neuron), [[1, 0, 0]])
    assert trace.current[0, 0].tolist() == [384, 384, 384]
    assert trace.voltage[0, 0].tolist() == [384, 384, 384]
    assert trace.spikes[0, 0].tolist() == [1, 1, 1]


def test_voltage_saturates_at_both_ends():
    data = np.zeros((300, 3), dtype=int)
    data[:, 0] = 1
    trace, activity = run(dense([[254] * 300, [-256] * 300], KEEPS), data)
    limit = STATE_LIMIT - 1
    assert trace.voltage[0].tolist() == [[4876800, limit, limit], [-4915200, -limit, -limit]]
    assert activity.voltage_saturations == 4
    assert activity.current_wraps == 0


@pytest.mark.parametrize(
    ("current", "kept"),
    [
        (STATE_LIMIT - 1, STATE_LIMIT - 1),
        (STATE_LIMIT, STATE_LIMIT),
        (STATE_LIMIT + 1, -STATE_LIMIT + 1),
        (-STATE_LIMIT + 1, -STATE_LIMIT + 1),
        (-STATE_LIMIT, STATE_LIMIT),
        (-STATE_LIMIT - 1, STATE_LIMIT - 1),
    ],
)
def test_current_wraps(current, kept):
    zero = np.zeros((1, 1), dtype=np.int64)
    u = np.full((1, 1), current - 64 * 100)
    state = reference.update(KEEPS, u, zero, zero + 100, zero)
    assert state.unwrapped_u == current
    assert state.u == kept


def test_wraps_are_counted():
    trace, activity = run(dense([[254] * 300], KEEPS), np.ones((300, 2), dtype=int))
    assert trace.current[0, 0].tolist() == [4876800, 2 * 4876800 - 2 * STATE_LIMIT]
    assert activity.peak_current == 2 * 4876800
    assert activity.current_wraps == 1


def test_decays_per_channel():
    neuron = Cuba(np.array([0, 2048]), np.array([4096, 0]), 100_000)
    layer = Conv("conv", (1, 1, 2), np.array([2, 2]).reshape(2, 1, 1, 1), neuron=neuron)
    data = np.zeros((1, 1, 2, 3), dtype=int)
    data[..., 0] = 1
    trace, _ = run(layer, data)
    assert trace.current[0, :, 0, 1].tolist() == [[128, 128, 128], [128, 64, 32]]
    assert trace.voltage[0, :, 0, 1].tolist() == [[128, 128, 128], [128, 192, 224]]


# --- synapses ---------------------------------------------------------------------------------


@st.composite
def window_layers(draw):
    groups = draw(st.integers(1, 2))
    c_in, c_out = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, stride, dilation = draw(pair), draw(pair), draw(pair)
    padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    size = [
        max(1, d * (k - 1) + 1 - 2 * p) + draw(st.integers(0, 4))
        for d, k, p in zip(dilation, kernel, padding, strict=True)
    ]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    geometry = {"stride": stride, "padding": padding, "dilation": dilation, "neuron": KEEPS}
    if draw(st.booleans()):
        return Pool("pool", (c_in, *size), rng.integers(-9, 10, kernel), **geometry), rng
    weight = rng.integers(-9, 10, (c_out, c_in // groups, *kernel))
    return Conv("conv", (c_in, *size), weight, groups=groups, **geometry), rng


def taps(layer):
    """Yield every synapse of a window layer as (output, input, weight), one by one."""
    pooling = isinstance(layer, Pool)
    c_in, height, width = layer.in_shape
    groups = c_in if pooling else layer.groups
    per_group = c_in // groups
    for out in itertools.product(*map(range, layer.out_shape)):
        group = out[0] // (layer.out_channels // groups)
        for c, ky, kx in itertools.product(range(per_group), *map(range, layer.kernel)):
            y = out[1] * layer.stride[0] - layer.padding[0] + ky * layer.dilation[0]
            x = out[2] * layer.stride[1] - layer.padding[1] + kx * layer.dilation[1]
            if 0 <= y < height and 0 <= x < width:
                weight = layer.weight[ky, kx] if pooling else layer.weight[out[0], c, ky, kx]
                yield out, (group * per_group + c, y, x), int(weight)


@settings(max_examples=60, deadline=None)
@given(window_layers())
def test_windows_and_their_synops_are_those_of_brute_force(drawn):
    layer, rng = drawn
    spikes = rng.integers(0, 2, (1, *layer.in_shape, 2))
    z = np.zeros((*layer.out_shape, 2), dtype=int)
    fan_out = np.zeros(layer.in_shape, dtype=int)
    for out, source, weight in taps(layer):
        z[out] += weight * spikes[0][source]
        fan_out[source] += 1
    for t in range(2):
        np.testing.assert_array_equal(reference.accumulate(layer, spikes, t)[0], z[..., t])
    np.testing.assert_array_equal(layer.fan_out(), fan_out)
    _, activity = run(layer, spikes[0])
    assert activity.synops == (spikes[0] * fan_out[..., None]).sum()


def test_synops_at_a_border_by_hand():
    layer = Conv("conv", (1, 3, 3), np.ones((5, 1, 3, 3), dtype=int), neuron=KEEPS, padding=(1, 1))
    corner, edge, centre = ((0, 0), (0, 1), (1, 1))
    for (y, x), windows in ((corner, 4), (edge, 6), (centre, 9)):
        data = np.zeros((1, 3, 3, 4), dtype=int)
        data[0, y, x, 1] = 1
        assert run(layer, data)[1].synops == 5 * windows


def test_a_dense_layer_flattens_channels_first():
    weight = np.arange(1, 13).reshape(1, 12)
    layer = Dense("dense", (2, 3, 2), weight, neuron=KEEPS)
    for position, source in enumerate(itertools.product(range(2), range(3), range(2))):
        data = np.zeros((2, 3, 2, 1), dtype=int)
        data[source] = 1
        assert run(layer, data)[0].current.item() == 64 * (position + 1)


def test_synaptic_delay():
    layer = dense([[2, 4, 6]], KEEPS, delay=np.array([[0, 2, 1]]))
    trace, activity = run(layer, [[1, 0, 0, 0, 0], [1, 0, 0, 1, 0], [0, 1, 0, 0, 1]])
    # 2 at t=0; 4 at 0+2 (the one at 3+2 comes too late); 6 at 1+1 (that at 4+1 too late)
    assert trace.current[0, 0].tolist() == [128, 128, 128 + 256 + 384, 768, 768]
    assert activity.synops == 5


def test_axon_delay_is_per_output_channel():
    neuron = Cuba(current_decay=4096, voltage_decay=4096, threshold=1)
    layer = dense([[2], [2], [2]], neuron, axon_delay=np.array([0, 1, 9]))
    trace, activity = run(layer, [[1, 0, 1, 0]])
    assert trace.spikes[0].tolist() == [[1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 0, 0]]
    assert activity.spikes == 4


def test_an_axon_delay_equals_that_delay_in_the_next_synapses():
    rng = np.random.default_rng(5)
    neuron = Cuba(current_decay=1024, voltage_decay=128, threshold=60)
    first, second = 2 * rng.integers(-60, 70, (4, 6)), 2 * rng.integers(-60, 70, (3, 4))
    late = rng.integers(0, 5, 4)
    data = rng.integers(0, 2, (2, 6, 12))
    axon = Network("axon", (
        Dense("a", (6,), first, neuron=neuron, axon_delay=late),
        Dense("b", (4,), second, neuron=neuron),
    ))  # fmt: skip
    synapse = Network("synapse", (
        Dense("a", (6,), first, neuron=neuron),
        Dense("b", (4,), second, neuron=neuron, delay=np.broadcast_to(late, (3, 4))),
    ))  # fmt: skip
    expected = reference.run(synapse, data).spikes
    assert expected.any()
    np.testing.assert_array_equal(reference.run(axon, data).spikes, expected)


# --- schedules and the whole ------------------------------------------------------------------


def chain(bias=None):
    rng = np.random.default_rng(11)
    neuron = Cuba(current_decay=1024, voltage_decay=128, threshold=60)
    biases = None if bias is None else np.full(5, bias)
    return Network("chain", (
        Input("shape", (6,)),
        Dense("a", (6,), 2 * rng.integers(-60, 70, (5, 6)), neuron=neuron, bias=biases),
        Dense("b", (5,), 2 * rng.integers(-60, 70, (4, 5)), neuron=neuron),
    ))  # fmt: skip


def test_without_bias_cold_is_pipelined_one_step_later_per_synapse_layer():
    data = np.random.default_rng(0).integers(0, 2, (3, 6, 20))
    pipelined = reference.run(chain(), data, record=["a", "b"])
    cold = reference.run(chain(), data, schedule="cold", record=["a", "b"])
    assert pipelined.spikes.any()
    for later, name in enumerate("ab", start=1):
        expected = pipelined.traces[name].spikes[..., :-later]
        np.testing.assert_array_equal(cold.traces[name].spikes[..., later:], expected)
        assert not cold.traces[name].spikes[..., :later].any()


def test_bias_acts_from_the_first_step_in_both_schedules():
    silence = np.zeros((1, 6, 6), dtype=int)
    for schedule in ("pipelined", "cold"):
        result = reference.run(chain(bias=25), silence, schedule=schedule, record=["a"])
        # 25, 25 + 24, ... of 60: the third step exceeds it
        assert result.traces["a"].spikes[0, 0].tolist() == [0, 0, 1, 0, 0, 1]


def test_samples_do_not_know_of_each_other():
    data = np.random.default_rng(1).integers(0, 2, (3, 6, 9))
    together = reference.run(chain(bias=9), data).spikes
    alone = [reference.run(chain(bias=9), data[i : i + 1]).spikes[0] for i in range(3)]
    np.testing.assert_array_equal(together, np.stack(alone))


def test_an_input_with_a_neuron_takes_its_values_as_bias():
    neuron = Cuba(current_decay=4096, voltage_decay=0, threshold=9)
    trace, activity = run(Input("eyes", (3,), neuron=neuron), [[4] * 5, [10] * 5, [-3] * 5])
    assert trace.spikes[0].tolist() == [[0, 0, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]]
    assert activity.synops == 0


def test_what_cannot_be_run_is_refused():
    other = OtherLayer("rec", (6,), "dense_rec", (4,))
    sdnn = Dense("sd", (4,), np.ones((2, 4), dtype=int), neuron=OtherNeuron("SDNN"))
    with pytest.raises(UnsupportedLayer, match=r"rec: block type 'dense_rec'.*sd: .*'SDNN'"):
        reference.run(Network("net", (other, sdnn)), np.ones((1, 6, 2), dtype=int))
    with pytest.raises(InputError, match=r"shape \(N, 6, T\), got \(6, 2\)"):
        reference.run(chain(), np.ones((6, 2), dtype=int))
    with pytest.raises(InputError, match="span 0 to 2, allowed is 0 to 1"):
        reference.run(chain(), np.arange(3) * np.ones((1, 6, 3), dtype=int))
