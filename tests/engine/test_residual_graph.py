"""Networks whose layers hear more than the one before: the definition, and fast = reference."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_strategies import data_for, networks, residual_networks

from loihi_sca.compiler.compare import assert_same_activity
from loihi_sca.engine import fast, reference
from loihi_sca.errors import NetworkError
from loihi_sca.network import (
    ComplexDense,
    Conv,
    Cuba,
    Dense,
    Input,
    Network,
    OtherLayer,
    Recurrent,
    Resonator,
)

KEEPS = Cuba(1024, 512, 40)


def dense(name, inputs, outputs, seed=0, **more):
    weight = np.random.default_rng(seed).integers(-40, 60, (outputs, inputs)) * 2
    return Dense(name, (inputs,), weight, **more)


def spikes(*shape, seed=0):
    return (np.random.default_rng(seed).random(shape) < 0.4).astype(np.uint8)


def body(**more):
    """Return an input, two layers in a row, and a last one that hears both of them."""
    skip = dense("skip", 6, 4, 3, source="a")
    last = dense("c", 5, 4, 2, neuron=KEEPS, added=(skip,), **more)
    layers = (
        Input("in", (7,)), dense("a", 7, 6, 0, neuron=KEEPS), dense("b", 6, 5, 1, neuron=KEEPS),
        last,
    )  # fmt: skip
    return Network("body", layers)


def compare(network, data, schedule="pipelined"):
    names = [layer.name for layer in network]
    expected = reference.run(network, data, schedule=schedule, record=names)
    actual = fast.run(network, data, schedule=schedule, record=names, threads=2)
    np.testing.assert_array_equal(actual.spikes, expected.spikes)
    for name in names:
        for what in ("spikes", "current", "voltage"):
            one, two = (getattr(run.traces[name], what) for run in (expected, actual))
            assert (one is None) == (two is None)
            if one is not None:
                np.testing.assert_array_equal(two, one, err_msg=f"{name}: {what}")
    assert_same_activity(expected.activity, actual.activity, "reference and fast")


@given(networks(), st.data())
@settings(max_examples=30)
def test_a_chain_that_names_its_sources_is_the_chain(network, draw):
    data = draw.draw(data_for(network))
    layers = [network.layers[0]]
    for before, layer in zip(network.layers, network.layers[1:], strict=False):
        layers.append(replace(layer, source=before.name))
    named = network.replace(layers=tuple(layers))
    assert network.wiring.is_chain
    assert named == network
    one, two = reference.run(network, data), reference.run(named, data)
    np.testing.assert_array_equal(one.spikes, two.spikes)
    assert one.activity == two.activity


def test_what_two_layers_send_adds_up_as_if_it_came_from_one():
    network, data = body(), spikes(3, 7, 20)
    found = reference.run(network, data, record=["a", "b"])
    both = np.concatenate([found.traces[n].spikes for n in ("b", "a")], axis=1)
    last = network["c"]
    weight = np.concatenate([last.weight, last.added[0].weight], axis=1)
    alone = Network("alone", (Dense("c", (11,), weight, neuron=KEEPS),))
    expected = reference.run(alone, both)
    assert expected.spikes.sum() > 20
    np.testing.assert_array_equal(found.spikes, expected.spikes)
    assert found.activity[-1].synops == expected.activity[0].synops


def test_on_one_clock_the_shorter_way_waits_for_the_longer():
    network, data = body(), spikes(2, 7, 30)
    assert network.wiring.depths == (0, 1, 2, 3)
    assert [link.hold for link in network.wiring.links[3]] == [0, 1]
    local = reference.run(network, data).spikes
    cold = reference.run(network, data, schedule="cold").spikes
    np.testing.assert_array_equal(cold[..., 3:], local[..., :-3])
    assert not cold[..., :3].any()


@given(residual_networks(), st.data(), st.sampled_from(["pipelined", "pipelined", "cold"]))
@settings(max_examples=120, deadline=None)
def test_fast_is_the_reference(network, draw, schedule):
    compare(network, draw.draw(data_for(network)), schedule)


@pytest.mark.parametrize("value", [254, 32767, 33 << 10, -(33 << 14)])
def test_sums_of_several_tables_have_room(value):
    # each table alone fits 32 bits, both together do not
    neuron = Cuba(0, 0, 1 << 30)
    inputs = 900 if abs(value) < 40_000 else 40
    first = Dense("a", (inputs,), np.full((inputs, inputs), 2), neuron=Cuba(4096, 4096, 0))
    skip = Dense("skip", (inputs,), np.full((2, inputs), value), source="in")
    last = Dense("b", (inputs,), np.full((2, inputs), value), neuron=neuron, added=(skip,))
    network = Network("wide", (Input("in", (inputs,)), first, last))
    compare(network, np.ones((1, inputs, 4), dtype=np.uint8))


def test_two_heads_hear_one_body():
    body = (Input("in", (7,)), dense("a", 7, 6, 0, neuron=KEEPS))
    heads = [dense(n, 6, 3, seed, neuron=KEEPS, source="a") for n, seed in (("x", 1), ("y", 2))]
    network = Network("heads", (*body, *heads))
    assert network.wiring.heads == (2, 3)
    data = spikes(3, 7, 15)
    both = reference.run(network, data, record=["x", "y"])
    for head in heads:
        alone = reference.run(Network("one", (*body, head)), data)
        np.testing.assert_array_equal(both.traces[head.name].spikes, alone.spikes)
    compare(network, data)


REFUSED = {
    "hears 'nobody'": lambda: body(source="nobody"),
    "hears 'c'": lambda: body(source="c"),
    "takes \\(5,\\), but a before it gives \\(6,\\)": lambda: body(source="a"),
    "two layers of one name": lambda: Network(
        "x", (*body().layers[:3], dense("c", 5, 4, neuron=KEEPS, added=(dense("a", 5, 4),)))
    ),
    "synapses only": lambda: dense("c", 5, 4, added=(dense("d", 5, 4, neuron=KEEPS),)),
    "without neuron, bias": lambda: dense(
        "c", 5, 4, added=(dense("d", 5, 4, bias=np.ones(4, np.int32)),)
    ),
    "adds to \\(4,\\)": lambda: dense("c", 5, 4, added=(dense("d", 5, 3),)),
    "c: d, which adds": lambda: OtherLayer("c", (5,), "dense_rec", (4,), added=(dense("d", 5, 4),)),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_wired_is_refused(message):
    with pytest.raises(NetworkError, match=message):
        REFUSED[message]()


def test_sources_and_additions_count_in_the_digest_where_they_are_set():
    plain = dense("a", 7, 6, neuron=KEEPS)
    assert plain.digest() != replace(plain, source="in").digest()
    added = replace(plain, added=(dense("d", 7, 6, 1, source="in"),))
    assert plain.digest() != added.digest()
    # as it was before layers could name a source
    conv = Conv("conv", (1, 3, 3), np.full((1, 1, 2, 2), 2), neuron=Cuba(1, 2, 3))
    assert Network("net", (conv,), 4).digest() == DIGEST


DIGEST = "f55dcbaec38af55dfdc782cc88beb350dbe26b87d1436aea6043feec037c912e"


def feedback(name, shape, **more):
    weight = np.full((3, 3), 2)
    return Recurrent(name, shape, weight, feedback=weight, **more)


def resonating(name, shape, **more):
    weight = np.full((3, 3), 2)
    return ComplexDense(name, shape, weight, weight, **more)


@pytest.mark.parametrize("kind", [feedback, resonating])
def test_recurrent_layers_and_resonators_have_nothing_added(kind):
    plain = Dense("skip", (3,), np.full((3, 3), 2), source="in")
    with pytest.raises(NetworkError, match="not recurrent"):
        kind("b", (3,), added=(plain,))
    with pytest.raises(NetworkError, match="not recurrent"):
        Dense("b", (3,), np.full((3, 3), 2), added=(kind("skip", (3,), source="in"),))


@pytest.mark.parametrize("kind", [feedback, resonating])
def test_recurrent_layers_and_resonators_hear_any_layer(kind):
    neuron = Resonator(300, 3900, 3) if kind is resonating else KEEPS
    layers = (
        Input("in", (3,)),
        dense("a", 3, 3, 0, neuron=KEEPS),
        kind("b", (3,), neuron=neuron, source="in"),
        dense("c", 3, 2, 1, neuron=KEEPS),
    )
    data = (np.random.default_rng(0).random((2, 3, 20)) < 0.5).astype(np.uint8)
    for schedule in ("pipelined", "cold"):
        compare(Network("heads", layers), data, schedule)
