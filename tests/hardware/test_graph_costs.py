"""Cores and energy of networks that are no chains: what a shortcut adds is counted."""

from dataclasses import replace

import numpy as np
import pytest

from loihi_sca.compiler.passes.hold_branches import hold_branches
from loihi_sca.engine import fast
from loihi_sca.errors import UnsupportedLayer
from loihi_sca.hardware import describe, estimate, load_profile
from loihi_sca.hardware.cost.activity import from_rates
from loihi_sca.hardware.mapping.cliffs import cliffs
from loihi_sca.hardware.mapping.mapper import map_network
from loihi_sca.hardware.mapping.usage import connections
from loihi_sca.network import Conv, Cuba, Dense, Input, Network

NEURON = Cuba(1024, 512, 40)
CHIPS = ("loihi1", "loihi2")


def network(skip=True, width=8):
    rng = np.random.default_rng(0)

    def conv(name, inputs, outputs, kernel, **more):
        weight = rng.integers(-30, 60, (outputs, inputs, kernel, kernel)) * 2
        pad = (kernel // 2, kernel // 2)
        return Conv(name, (inputs, 10, 10), weight, padding=pad, **more)

    beside = (conv("skip", 4, width, 1, source="a"),)
    first = conv("a", 2, 4, 3, neuron=NEURON)
    second = conv("b", 4, 6, 3, neuron=NEURON)
    third = conv("c", 6, width, 3, neuron=NEURON, added=beside if skip else ())
    weight = rng.integers(-9, 9, (5, width * 100)) * 2
    out = Dense("out", (width, 10, 10), weight, neuron=NEURON)
    return Network("net", (Input("in", (2, 10, 10)), first, second, third, out), timesteps=8)


def of(placement, name):
    return next(x for x in placement.layers if x.spec.name == name)


@pytest.mark.parametrize("chip", CHIPS)
def test_a_shortcut_takes_words_and_axons(chip):
    graph, chain = hold_branches(network()), network(skip=False)
    with_skip, without = (map_network(x, chip) for x in (graph, chain))
    alone = Network("alone", (replace(graph["c"].added[0], neuron=NEURON, source=None),))
    skip = map_network(alone, chip).layers[0]
    for what in ("words", "in_axons"):
        own, shared = (int(getattr(of(p, "c"), what).sum()) for p in (without, with_skip))
        assert shared == own + int(getattr(skip, what).sum())
    # a sends to b and to its relay, which sends to c
    assert of(with_skip, "a").out_axons.sum() > of(without, "a").out_axons.sum()
    assert of(with_skip, "a~1").cores == 1
    assert with_skip.cores == without.cores + 1


def test_the_table_shows_the_bits_of_the_widest_weight_as_the_json_does():
    """Of the convolution and of the shortcut, whichever needs more."""
    graph = hold_branches(network())
    layer = graph["c"]
    few = replace(layer, weight=np.clip(layer.weight, -8, 6))
    graph = graph.replace(layers=tuple(few if x is layer else x for x in graph))
    found = estimate(graph, "loihi2")
    bits = [x["weight_bits"] for x in found.as_json()["layers"]]
    assert bits[[x.name for x in graph].index("c")] == 8
    shown = next(x for x in found.tables()[0].columns if x.header == "bits")
    assert [int(cell or 0) for cell in shown.cells] == bits


@pytest.mark.parametrize("chip", CHIPS)
def test_a_layer_is_cut_into_more_cores_where_only_the_shortcut_makes_it_too_large(chip):
    def dense(name, inputs, outputs, **more):
        return Dense(name, (inputs,), np.full((outputs, inputs), 254), **more)

    body = (Input("in", (3000,)), dense("a", 3000, 8, neuron=NEURON))
    chain = Network("chain", (*body, dense("c", 8, 300, neuron=NEURON)))
    beside = (dense("skip", 3000, 300, source="in"),)
    graph = Network("graph", (*body, dense("c", 8, 300, neuron=NEURON, added=beside)))
    few, many = (of(map_network(x, chip), "c") for x in (chain, graph))
    assert many.cores > few.cores == 1
    budget = load_profile(chip).limits.synapse_words
    assert int(many.words.max()) <= int(budget)


def test_synops_of_rates_are_those_of_the_connectivity():
    graph = hold_branches(network())
    architecture = describe(graph)
    found = from_rates(architecture, load_profile("loihi2"), 0.5, 8)
    geometry = next(x.geometry for x in architecture.layers if x.name == "c")
    assert connections(geometry) == sum(int(t.fan_out().sum()) for t in graph["c"].tables)
    counts = next(x for x in found.layers if x.name == "c")
    assert counts.synops == pytest.approx(0.5 * 8 * connections(geometry))
    assert architecture.depth == 4


@pytest.mark.parametrize("chip", CHIPS)
def test_counted_activity_gives_energy_and_the_shortcut_costs(chip):
    data = (np.random.default_rng(0).random((2, 2, 10, 10, 8)) < 0.3).astype(np.uint8)
    found = {}
    for skip in (True, False):
        drawn = hold_branches(network(skip))
        run = fast.run(drawn, data)
        found[skip] = estimate(drawn, load_profile(chip), run.activity, 2, 8)
        assert found[skip].latency.synapse_layers == 4
    with_skip, without = found[True], found[False]
    assert with_skip.energy.dynamic_uj.best > without.energy.dynamic_uj.best


def test_cliffs_are_those_of_a_chain():
    with pytest.raises(UnsupportedLayer, match="net: it is no chain"):
        cliffs(hold_branches(network()), "loihi2")
