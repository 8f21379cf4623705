"""Sigma-delta networks on Lava: every message is that of the reference, in Lava's own clock."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from network_strategies import graded_networks, video_for

from loihi_sca import netx
from loihi_sca.compiler.passes.repair_weights import repair_weights
from loihi_sca.compiler.random_data import random_data
from loihi_sca.compiler.verify import verify
from loihi_sca.engine import lava_cpu, reference
from loihi_sca.errors import UnsupportedLayer
from loihi_sca.network import Conv, Delta, Dense, Input, Network, Sigma, SigmaDelta

pytestmark = [pytest.mark.lava, pytest.mark.usefixtures("nothing_left")]


def video_network():
    """Return a network with biases, stride, padding, groups, and synaptic delays."""
    rng = np.random.default_rng(5)

    def weights(*shape):
        return rng.integers(-30, 31, shape) * 2

    return Network(
        "video",
        (
            Input("in", (3, 8, 9), neuron=Delta(6)),
            Conv("a", (3, 8, 9), weights(4, 3, 3, 3), stride=(2, 2), padding=(1, 0),
                 bias=weights(4), neuron=SigmaDelta(5)),
            Conv("b", (4, 4, 4), weights(6, 2, 2, 2), groups=2, bias=weights(6),
                 neuron=SigmaDelta(0)),
            Dense("c", (6, 3, 3), weights(7, 54), bias=weights(7), neuron=SigmaDelta(3)),
            Dense("d", (7,), weights(5, 7), delay=rng.integers(0, 4, (5, 7)), neuron=Sigma()),
        ),
        12,
    )  # fmt: skip


def test_every_layer_agrees_with_its_file(tmp_path):
    network = video_network()
    netx.write(network, tmp_path / "video.net")
    assert netx.read(tmp_path / "video.net") == network
    done = verify(tmp_path / "video.net", samples=2, schedule="cold")
    assert done.layers == ("in", "a", "b", "c", "d")
    assert done.compared == 2 * 12 * sum(layer.neurons for layer in network)
    assert min(done.spikes.values()) > 20


def test_messages_given_to_the_first_synapses_agree():
    network = video_network()
    headless = network.replace(layers=network.layers[1:])
    done = verify(headless, samples=1, schedule="cold")
    assert min(done.spikes.values()) > 20


def test_states_set_to_zero_make_its_clock_that_of_training():
    """Layer k starts at rest when its first messages are due, as with delay_shift=False."""
    network = video_network()
    last = replace(network.layers[-1], delay=None)
    network = network.replace(layers=(*network.layers[:-1], last))
    done = verify(network, samples=2, steps=8)
    assert done.engines == ("reference", "fast", "lava")
    assert done.schedule == "pipelined"
    assert min(done.spikes.values()) > 20
    data = random_data(network, 2, 8, 0)
    local, cold = (reference.run(network, data, schedule=x).spikes for x in ("pipelined", "cold"))
    assert (local[..., :4] != cold[..., 4:]).any()  # biases have acted by then


def test_delay_lines_behind_biases_are_refused():
    with pytest.raises(UnsupportedLayer, match="d: its synapses hold back what biases before it"):
        lava_cpu.run(video_network(), random_data(video_network(), 1, 3, 0))


def is_loadable(network):
    try:
        netx.require_loadable(network)
    except UnsupportedLayer:
        return False
    return True


@pytest.mark.slow
@pytest.mark.timeout(7200)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
    phases=[Phase.generate],
    derandomize=True,
)
@given(st.data())
def test_random_networks_agree(data):
    network = repair_weights(data.draw(graded_networks(weights="chip", axon_delays=False)))
    assume(is_loadable(network))
    values = data.draw(video_for(network, most_samples=1, large=False))
    names = [layer.name for layer in network]
    expected = reference.run(network, values, schedule="cold", record=names)
    assume(expected.spikes.any())  # silence proves little
    actual = lava_cpu.run(network, values, schedule="cold", record=names)
    for name in names:
        np.testing.assert_array_equal(actual.traces[name].spikes, expected.traces[name].spikes)
