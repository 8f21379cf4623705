"""Biases of sigma-delta networks as weights: what runs on local time runs on Lava's clock."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from network_strategies import graded_networks, video_for

from loihi_sca.compiler.passes.relay_biases import relay_biases
from loihi_sca.compiler.verify import verify
from loihi_sca.engine import fast, reference
from loihi_sca.errors import UnsupportedLayer
from loihi_sca.network import Conv, Delta, Dense, Input, Network, Pool, Sigma, SigmaDelta
from loihi_sca.network.graded import is_biased


def video_network(rng):
    def weights(*shape):
        return rng.integers(-30, 31, shape) * 2

    return Network(
        "video",
        (
            Input("in", (2, 8, 8), neuron=Delta(6)),
            Conv("a", (2, 8, 8), weights(4, 2, 3, 3), stride=(2, 2), padding=(1, 1),
                 bias=weights(4), neuron=SigmaDelta(5)),
            Pool("p", (4, 4, 4), np.full((2, 2), 32), stride=(2, 2), neuron=SigmaDelta(2)),
            Dense("b", (4, 2, 2), weights(6, 16), bias=weights(6), neuron=SigmaDelta(3)),
            Dense("c", (6,), weights(3, 6), neuron=Sigma()),
        ),
        12,
    )  # fmt: skip


def assert_late(network, values, run=fast.run):
    """Check both clocks: the network's own, and that of Lava without its biases."""
    relayed = relay_biases(network)
    assert not any(is_biased(layer) for layer in relayed)
    names = [layer.name for layer in network]
    expected = reference.run(network, values, record=names).traces
    now = reference.run(relayed, values, record=names).traces
    late = run(relayed, values, schedule="cold", record=names).traces
    steps = values.shape[-1]
    for k, layer in enumerate(network):
        wanted, channels = expected[layer.name].spikes, layer.out_shape[0]
        np.testing.assert_array_equal(now[layer.name].spikes[:, :channels], wanted)
        shifted = late[layer.name].spikes[:, :channels, ..., k:]
        np.testing.assert_array_equal(shifted, wanted[..., : max(0, steps - k)])


def mild(network):
    """Return a network that begins with a Delta, with thresholds and biases that can be carried."""
    layers = [layer for layer in network if not isinstance(layer, Input)]
    chain = [Input("in", network.in_shape, neuron=Delta(9))]
    for layer in layers:
        changes = {}
        if isinstance(layer.neuron, SigmaDelta):
            changes["neuron"] = SigmaDelta(min(layer.neuron.threshold, 64))
        if getattr(layer, "bias", None) is not None:
            changes["bias"] = layer.bias.clip(-256, 254)
        chain.append(replace(layer, **changes))
    return network.replace(layers=tuple(chain))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_networks_are_what_they_were_and_late_on_lavas_clock(data):
    network = mild(data.draw(graded_networks(weights="chip", pools=True, groups=False)))
    values = data.draw(video_for(network, large=False))
    try:
        relay_biases(network)
    except UnsupportedLayer as refused:
        assume("no tap of its windows" not in str(refused))
        assume("groups, and the constant" not in str(refused))  # a pool at the end
        raise
    assert_late(network, values)


def test_a_network_with_convolutions_a_pool_and_dense_layers():
    rng = np.random.default_rng(3)
    network = video_network(rng)
    values = rng.integers(-64, 65, (2, 2, 8, 8, 12))
    assert_late(network, values)
    relayed = relay_biases(network)
    assert [layer.out_shape[0] for layer in relayed] == [3, 5, 5, 6, 3]
    assert relayed.data_shape == network.data_shape == (2, 8, 8)
    assert relayed.layers[2].groups == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda n: n.replace(layers=n.layers[1:]), "a: only a Delta at the input encodes the con"),
        (lambda n: swapped(n, "a", neuron=SigmaDelta(65)), "a: its threshold is 65/64, and it wo"),
        (lambda n: swapped(n, "b", bias=np.full(6, 256)), "b: its biases span 256 to 256, and a w"),
        (lambda n: swapped(n, "a", padding=(3, 3), stride=(1, 1)), "a: no tap of its windows lie"),
        (lambda n: swapped(n, "a", groups=2, weight=np.full((4, 1, 3, 3), 2)), "a: it has 2 gro"),
    ],
)  # fmt: skip
def test_what_cannot_be_relayed_is_refused_by_name(change, message):
    with pytest.raises(UnsupportedLayer, match=message):
        relay_biases(change(video_network(np.random.default_rng(3))))


def swapped(network, name, **changes):
    """Return a network with a layer changed, and what follows it left out where it fits no more."""
    chain = []
    for layer in network:
        chain.append(replace(layer, **changes) if layer.name == name else layer)
        if layer.name == name and chain[-1].out_shape != layer.out_shape:
            break
    return network.replace(layers=tuple(chain))


@pytest.mark.lava
@pytest.mark.timeout(300)
def test_lava_runs_it_on_its_own_clock():
    rng = np.random.default_rng(3)
    network = video_network(rng)
    values = rng.integers(-64, 65, (1, 2, 8, 8, 12))
    done = verify(relay_biases(network), data=values, schedule="cold")
    assert "lava" in done.engines
    assert min(done.spikes.values()) > 5
