"""What must change nothing changes nothing, on networks of every kind and extreme inputs."""

from __future__ import annotations

import numpy as np
import pytest
from changed_networks import permuted, scaled, with_dead_channel, without_rounding
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from network_cases import EXTREMES, KINDS, cases, extremes

from loihi_sca.compiler.passes.shrink import shrink
from loihi_sca.engine import fast, reference
from loihi_sca.engine.fast import layout, memory
from loihi_sca.network import Cuba, Dense, Input, Network, Pool, Resonator

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
SPIKING = ("cuba", "recurrent", "residual")


def quick(examples):
    return settings(max_examples=examples, deadline=None, suppress_health_check=QUIET)


def each_kind(examples):
    """Run a test a few times for every kind of network, and very often where time allows it."""

    def decorate(test):
        marks = [pytest.param(kind, examples, id=kind) for kind in KINDS]
        more = [
            pytest.param(kind, 40 * examples, id=f"{kind}-long", marks=pytest.mark.slow)
            for kind in KINDS
        ]

        @pytest.mark.parametrize(("kind", "examples"), marks + more)
        def run(kind, examples):
            @settings(quick(examples), phases=[Phase.generate, Phase.shrink])
            @given(case=cases(kind), data=st.data())
            def drawn(case, data):
                test(case, data)

            drawn()

        run.__doc__ = test.__doc__
        run.__name__ = test.__name__
        return run

    return decorate


def traces(network, data, schedule, engine=fast):
    names = [layer.name for layer in network]
    found = engine.run(network, data, schedule=schedule, record=names)
    return {name: found.traces[name].spikes for name in names}


@each_kind(4)
def test_channels_in_another_order_spike_the_same(case, data):
    network, values, schedule = case
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    other, orders = permuted(network, rng)
    before = traces(network, values, schedule, reference)
    after = traces(other, values, schedule)
    for layer, order in zip(network, orders, strict=True):
        np.testing.assert_array_equal(after[layer.name], before[layer.name][:, order])


@each_kind(4)
def test_a_dead_channel_may_go(case, data):
    network, values, schedule = case
    able = [
        i
        for i, x in enumerate(network)
        if not isinstance(x, Input | Pool) and not isinstance(x.neuron, Resonator)
    ]
    assume(able)
    index = data.draw(st.sampled_from(able))
    channel = data.draw(st.integers(0, network.layers[index].out_shape[0] - 1))
    dead = with_dead_channel(network, index, channel)
    before = traces(dead, values, schedule)
    name = network.layers[index].name
    assert not before[name][:, channel].any()
    small = shrink(dead)
    after = fast.run(small, values, schedule=schedule).spikes
    np.testing.assert_array_equal(
        after.reshape(len(values), -1, values.shape[-1]),
        before[network.layers[-1].name].reshape(len(values), -1, values.shape[-1]),
    )


@each_kind(4)
def test_a_sample_is_the_same_alone_and_anywhere_among_others(case, data):
    """Neither its place in the stream nor pieces of work nor threads change a byte."""
    network, values, schedule = case
    expected = fast.run(network, values, schedule=schedule).spikes
    order = np.array(data.draw(st.permutations(range(len(values)))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "BLOCK_NEURONS", data.draw(st.sampled_from([1, 30])))
        patch.setattr(layout, "SEGMENT_EVENTS", data.draw(st.sampled_from([1, 300])))
        patch.setattr(memory, "BATCH_BYTES", data.draw(st.sampled_from([1, 5000])))
        threads = data.draw(st.integers(1, 3))
        found = fast.run(network, values[order], schedule=schedule, threads=threads).spikes
    assert found.tobytes() == expected[order].tobytes()
    for index, one in enumerate(values):
        alone = fast.run(network, one[None], schedule=schedule).spikes
        assert alone.tobytes() == expected[index : index + 1].tobytes()


@pytest.mark.parametrize("kind", SPIKING)
@pytest.mark.parametrize("factor", [2, 5])
def test_weights_and_thresholds_grow_together(kind, factor):
    """It holds where no state is rounded, and none leaves its 24 bits."""

    @quick(8)
    @given(case=cases(kind))
    def drawn(case):
        network, values, schedule = case
        assume(not network.takes_mantissas)
        network = without_rounding(network)
        larger = scaled(network, factor)
        after = fast.run(larger, values, schedule=schedule)
        for layer in after.activity:
            assume(not layer.current_wraps and not layer.voltage_saturations)
        before = reference.run(network, values, schedule=schedule)
        np.testing.assert_array_equal(after.spikes, before.spikes)

    drawn()


def test_extremes_are_what_they_say():
    layer = Dense("d", (3,), np.array([[4, -2, 6], [-8, -8, -8]]), neuron=Cuba(0, 0, 1))
    found = dict(zip(EXTREMES, extremes(Network("n", (layer,)), 4, where=5), strict=True))
    assert found["ones"].all()
    assert not found["silence"].any()
    assert np.argwhere(found["one spike"]).tolist() == [[1, 1]]
    assert found["saturating"][:, 0].tolist() == [1, 0, 1]
    driven = Network("n", (Input("in", (3,), neuron=Cuba(0, 0, 1)), layer))
    assert extremes(driven, 2, where=0)[3, 0].tolist() == [4095, -4096]
