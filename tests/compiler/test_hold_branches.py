"""Passes on networks that are no chains: the same spikes, and nothing arrives too early."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from network_strategies import data_for, residual_networks

from loihi_sca.compiler.passes.hold_branches import hold_branches
from loihi_sca.compiler.passes.shrink import shrink
from loihi_sca.compiler.pipeline import PASSES, run_passes
from loihi_sca.compiler.refuse import find_problems
from loihi_sca.engine import reference
from loihi_sca.network import Conv, Cuba, Dense, Input, Network

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
KEEPS = Cuba(1024, 512, 40)


def same_spikes(before, after, data, schedule="pipelined"):
    names = [layer.name for layer in before]
    one = reference.run(before, data, schedule=schedule, record=names)
    two = reference.run(after, data, schedule=schedule, record=names)
    for name in names:
        np.testing.assert_array_equal(two.traces[name].spikes, one.traces[name].spikes, name)


@given(residual_networks(), st.data(), st.sampled_from(["pipelined", "cold"]))
@settings(max_examples=60, deadline=None, suppress_health_check=QUIET)
def test_relays_change_no_spike(network, draw, schedule):
    held = hold_branches(network)
    assert not any(link.hold for links in held.wiring.links for link in links)
    same_spikes(network, held, draw.draw(data_for(network)), schedule)


@given(residual_networks(weights="chip"), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=QUIET)
def test_all_passes_keep_what_the_network_gives(network, draw):
    compiled = run_passes(network, PASSES).network
    data = draw.draw(data_for(network))
    one, two = reference.run(network, data).spikes, reference.run(compiled, data).spikes
    np.testing.assert_array_equal(two.reshape(one.shape), one)


def residual(stream=3, hears=None, bias=None):
    """Return an input, two convolutions in a row, and a third that adds both of their outputs."""
    rng = np.random.default_rng(0)

    def conv(name, inputs, outputs, **more):
        weight = rng.integers(-30, 60, (outputs, inputs, 3, 3)) * 2
        return Conv(name, (inputs, 6, 6), weight, padding=(1, 1), **more)

    skip = conv("skip", 2, stream, source="in")
    first = conv("a", 2, 4, neuron=KEEPS, bias=bias)
    last = conv("b", 4, stream, neuron=KEEPS, added=(skip,))
    out = Dense("out", (stream, 6, 6), rng.integers(-9, 9, (5, stream * 36)) * 2, neuron=KEEPS)
    return Network("net", (Input("in", (2, 6, 6)), first, last, out))


def test_a_channel_goes_where_all_that_listen_are_deaf_to_it():
    network = residual()
    layers = list(network.layers)
    weight = layers[2].weight.copy()
    weight[:, 1] = 0
    layers[2] = layers[2].with_tables(
        [Conv("b", (4, 6, 6), weight, padding=(1, 1), neuron=KEEPS), *layers[2].added]
    )
    small = shrink(network.replace(layers=tuple(layers)))
    assert small["a"].out_shape[0] == 3
    assert small["b"].added[0].out_shape[0] == 3
    # once somebody else hears the channel it stays
    listens = Dense("late", (4, 6, 6), np.full((5, 144), 2), source="a")
    layers[3] = layers[3].with_tables([layers[3], listens])
    assert shrink(network.replace(layers=tuple(layers)))["a"].out_shape[0] == 4


def test_relays_are_named_after_whom_they_repeat_and_shared():
    held = hold_branches(residual())
    assert [x.name for x in held] == ["in", "in~1", "a", "b", "out"]
    assert held["b"].added[0].source == "in~1"
    assert hold_branches(held) == held


def test_a_channel_that_only_a_skip_makes_spike_stays():
    network = residual()
    own = np.zeros_like(network["b"].weight)
    own[0] = 2  # the others never spike by themselves
    silent = Conv("b", (4, 6, 6), own, padding=(1, 1), neuron=KEEPS)
    layers = list(network.layers)
    layers[2] = silent.with_tables([silent, *layers[2].added])
    assert shrink(network.replace(layers=tuple(layers)))["b"].out_shape[0] == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"axon_delay": np.array([1, 0, 0, 0])}, "which listens, is a convolution"),
        ({"weight": 3}, "not even numbers of 8 bits"),
        ({"bias": np.full(4, 5000)}, "netx stores"),
    ],
)
def test_what_the_chip_cannot_do_is_refused(change, said):
    network = residual()
    layers = list(network.layers)
    first = layers[1]
    if "weight" in change:
        change = {"weight": np.full_like(first.weight, 3)}
    layers[1] = Conv(
        "a", (2, 6, 6), change.pop("weight", first.weight), padding=(1, 1), neuron=KEEPS, **change
    )
    found = find_problems(run_passes(network.replace(layers=tuple(layers)), PASSES).network)
    assert any(said in problem.reason for problem in found)
