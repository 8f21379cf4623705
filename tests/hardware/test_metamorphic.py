"""What an estimate must not depend on, and what can only grow."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from network_strategies import networks, residual_networks

from loihi_sca import hardware
from loihi_sca.network import Conv, Cuba, Dense, Network

QUIET = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
PLAIN = {"weights": "chip", "recurrent": False, "delays": False, "axon_delays": False}
PROFILES = pytest.mark.parametrize("chip", ["loihi1", "loihi2"])


def estimate(network, chip):
    return hardware.estimate(network, chip, rate=0.1, timesteps=16)


def renamed(network):
    """Return a network whose layers have other names, in another order of the alphabet."""
    names = {table.name: f"y{900 - i}y" for i, table in enumerate(_tables(network))}
    layers = []
    for layer in network:
        tables = [
            replace(x, name=names[x.name], source=x.source and names[x.source], added=())
            for x in layer.tables
        ]
        layers.append(layer.with_tables(tables))
    return network.replace(layers=tuple(layers)), names


def _tables(network):
    return [table for layer in network for table in layer.tables]


@PROFILES
@QUIET
@given(network=st.one_of(networks(**PLAIN), residual_networks(**PLAIN)))
def test_names_do_not_matter(chip, network):
    other, names = renamed(network)
    said = json.dumps(estimate(other, chip).as_json())
    for before, after in names.items():
        said = said.replace(after, before)
    assert json.loads(said) == json.loads(json.dumps(estimate(network, chip).as_json()))


def widened(network: Network, index: int, more: int) -> Network:
    """Return a network whose layer has so many channels more, which the next one hears."""
    layers = list(network.layers)
    layer, after = layers[index], layers[index + 1]
    changes = {"weight": _more(layer.weight, 0, more)}
    if layer.bias is not None:
        changes["bias"] = _more(layer.bias, 0, more)
    neuron = layer.neuron
    decays = [_more(x, 0, more) if isinstance(x, np.ndarray) else x for x in neuron.decays]
    layers[index] = replace(layer, neuron=Cuba(*decays, neuron.threshold), **changes)
    shape = layers[index].out_shape
    each = 1 if isinstance(after, Conv) else int(np.prod(shape[1:]))
    flat = (layer.out_shape[0] + more,) if len(after.in_shape) == 1 else shape
    if len(after.in_shape) == 1 and len(shape) == 3:
        flat = (int(np.prod(shape)),)
    weight = _more(after.weight, 1, more * each)
    layers[index + 1] = replace(after, in_shape=flat, weight=weight)
    return network.replace(layers=tuple(layers))


def _more(values, axis, count):
    return np.concatenate([values, np.repeat(values[tuple([slice(None)] * axis + [slice(1)])],
                                             count, axis=axis)], axis=axis)  # fmt: skip


@PROFILES
@QUIET
@given(
    network=networks(**PLAIN, pools=False, groups=False, inputs="none"),
    more=st.sampled_from([1, 3, 40]),
)
def test_more_channels_take_no_less(chip, network, more):
    assume(len(network.layers) > 1)
    assert all(isinstance(layer, Conv | Dense) for layer in network)
    larger = widened(network, 0, more)
    before, after = (estimate(x, chip) for x in (network, larger))
    assert after.cores >= before.cores
    for one, two in zip(before.placement.layers, after.placement.layers, strict=True):
        assert two.neurons.sum() >= one.neurons.sum()
    assert larger.parameters > network.parameters
