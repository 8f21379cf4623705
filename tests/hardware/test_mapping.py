"""Mapping: what every placement keeps, against counting neuron by neuron."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from loihi_sca.hardware import find_violations, load_profile, map_network
from loihi_sca.hardware.architecture import ArchitectureFile, LayerEntry, build
from loihi_sca.hardware.cost.mesh import from_host, places, traffic
from loihi_sca.hardware.from_network import describe, weight_bits
from loihi_sca.hardware.mapping import loihi1
from loihi_sca.hardware.mapping.memory import core_budget_of
from loihi_sca.hardware.mapping.need import cores_and_words
from loihi_sca.hardware.mapping.tiling import Tiling
from loihi_sca.hardware.mapping.usage import axon_map, connections, destinations, usage
from loihi_sca.hardware.shapes import Architecture, Geometry, LayerSpec
from loihi_sca.network import (
    Cuba,
    Dense,
    Network,
    OtherLayer,
    OtherNeuron,
    Pool,
    Sigma,
    SigmaDelta,
)

PROFILES = ("loihi1", "loihi2", "loihi2-2023")

small = st.integers(1, 3)


@st.composite
def windows(draw, shape=None):
    """A small convolution over any input, with everything that makes borders and groups hard."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    if shape is None:
        shape = (groups * draw(small), draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    else:
        groups = draw(st.sampled_from([g for g in (1, 2, 3) if shape[0] % g == 0]))
    kernel, stride, dilation = ((draw(small), draw(small)) for _ in range(3))
    padding = (draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    out = [
        (shape[1 + i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
        for i in range(2)
    ]
    assume(min(out) >= 1)
    channels = groups * draw(small)
    return Geometry(
        "conv", shape, (channels, *out), kernel, stride, padding, dilation, groups,
        bits=(draw(st.integers(1, 8)),),
    )  # fmt: skip


@st.composite
def tilings(draw, geometry):
    return Tiling(*(draw(st.integers(1, n)) for n in geometry.out_shape))


def synapses(geometry):
    """Every (output position, input position) pair, the slow way."""
    if geometry.kind == "dense":
        yield from (
            ((o, 0, 0), i)
            for o in range(geometry.out_shape[0])
            for i in range(geometry.in_shape[0])
        )
        return
    per_group_out = geometry.out_shape[0] // geometry.groups
    for c, y, x in itertools.product(*map(range, geometry.out_shape)):
        for k, ky, kx in itertools.product(
            range(geometry.in_per_group), *map(range, geometry.kernel)
        ):
            row = y * geometry.stride[0] - geometry.padding[0] + ky * geometry.dilation[0]
            column = x * geometry.stride[1] - geometry.padding[1] + kx * geometry.dilation[1]
            channel = c // per_group_out * geometry.in_per_group + k
            if 0 <= row < geometry.in_shape[1] and 0 <= column < geometry.in_shape[2]:
                yield (c, y, x), (channel, row, column)


def core_of(position, geometry, tiling):
    tiles = tiling.tiles(geometry.out_shape)
    c, y, x = (p // t for p, t in zip(position, tiling, strict=True))
    return (c * tiles[1] + y) * tiles[2] + x


# --- one layer, counted by hand -------------------------------------------------------------------


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_use_of_a_core_is_what_counting_synapses_gives(data):
    geometry = data.draw(windows())
    tiling = data.draw(tilings(geometry))
    budget = core_budget_of(load_profile("loihi1"))
    cores = tiling.cores(geometry.out_shape)
    per_axon: list[dict] = [{} for _ in range(cores)]
    total = 0
    for target, source in synapses(geometry):
        at = per_axon[core_of(target, geometry, tiling)]
        at[source] = at.get(source, 0) + 1
        total += 1
    bits = budget.stored_bits(geometry.bits[0])
    found = usage(geometry, tiling, budget)
    assert found.in_axons.tolist() == [len(axons) for axons in per_axon]
    assert found.words.tolist() == [
        sum(budget.axon_words(n, bits) for n in axons.values()) for axons in per_axon
    ]
    assert found.neurons.sum() == geometry.neurons
    assert connections(geometry) == total


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_output_axons_are_neurons_times_the_cores_they_reach(data):
    first = data.draw(windows())
    dense = data.draw(st.booleans())
    if dense:
        second = Geometry("dense", (first.neurons, 1, 1), (data.draw(small), 1, 1), bits=(4,))
    else:
        second = data.draw(windows(shape=first.out_shape))
    tiling, next_tiling = data.draw(tilings(first)), data.draw(tilings(second))
    reached: dict = {}
    for target, source in synapses(second):
        if dense:
            source = tuple(int(i) for i in np.unravel_index(source, first.out_shape))
        reached.setdefault(source, set()).add(core_of(target, second, next_tiling))
    expected = np.zeros(tiling.cores(first.out_shape), dtype=int)
    edges = np.zeros((len(expected), next_tiling.cores(second.out_shape)), dtype=int)
    for source, cores in reached.items():
        expected[core_of(source, first, tiling)] += len(cores)
        for core in cores:
            edges[core_of(source, first, tiling), core] += 1
    assert destinations(first, tiling, [(second, next_tiling)]).tolist() == expected.tolist()

    placement = _placed((first, second), (tiling, next_tiling))
    found = traffic(placement, *placement.layers)
    assert found.messages == expected.sum()
    assert found.sent.tolist() == edges.sum(axis=1).tolist()
    assert found.received.tolist() == edges.sum(axis=0).tolist()
    start, end = (places(placement.profile, x.first, x.cores) for x in placement.layers)
    for axis, hops in (("column", found.hops_east_west), ("row", found.hops_north_south)):
        way = np.abs(getattr(start, axis)[:, None] - getattr(end, axis)[None, :])
        assert hops == (edges * way).sum()
        at = ("column", "row").index(axis)
        assert found.farthest[:, at].tolist() == (way * (edges > 0)).max(axis=0).tolist()
    from_outside = from_host(placement.layers[1])
    assert from_outside.received.tolist() == edges.sum(axis=0).tolist()


def _placed(geometries, tiles):
    """Place layers by given tilings."""
    names = ("first", "second")
    layers = tuple(
        LayerSpec(name, g.kind, g.out_shape, g) for name, g in zip(names, geometries, strict=True)
    )
    profile = load_profile("loihi1")
    placement = map_network(Architecture("net", layers), profile)
    first = 0
    placed = []
    for layer, tiling in zip(placement.layers, tiles, strict=True):
        used = usage(layer.spec.geometry, tiling, core_budget_of(profile))
        placed.append(
            dataclasses.replace(
                layer, tiling=tiling, first=first, neurons=used.neurons, words=used.words
            )
        )
        first += len(used.neurons)
    return dataclasses.replace(placement, layers=tuple(placed))


# --- whole networks -------------------------------------------------------------------------------


@st.composite
def architectures(draw):
    shape = (draw(st.integers(1, 4)), draw(st.integers(4, 48)), draw(st.integers(4, 48)))
    layers = [LayerEntry(type="input")] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        layers.append(
            LayerEntry(
                type="conv", channels=draw(st.integers(1, 80)), kernel=draw(small),
                padding=1, stride=draw(st.integers(1, 2)), weight_bits=draw(st.integers(1, 8)),
            )
        )  # fmt: skip
    for _ in range(draw(st.integers(0, 2))):
        layers.append(
            LayerEntry(
                type="dense", neurons=draw(st.integers(1, 300)), recurrent=draw(st.booleans())
            )
        )
    return build(ArchitectureFile(name="net", input=shape, weight_bits=8, layer=tuple(layers)))


@pytest.mark.parametrize("name", PROFILES)
@given(architecture=architectures())
@settings(max_examples=25, deadline=None)
def test_every_neuron_is_on_one_core_and_no_core_over_a_limit(name, architecture):
    profile = load_profile(name)
    placement = map_network(architecture, profile)
    budget = core_budget_of(profile)
    broken = {(v.layer, v.rule) for v in find_violations(placement)}
    cores = list(placement)
    assert [core.index for core in cores] == list(range(placement.cores))
    assert placement.cores == sum(layer.cores for layer in placement.layers)
    for layer in placement.layers:
        spec, held = layer.spec, np.zeros(layer.spec.geometry.out_shape, dtype=int)
        for core in (c for c in cores if c.layer == spec.name):
            part = held[
                core.channels.start : core.channels.stop,
                core.rows.start : core.rows.stop,
                core.columns.start : core.columns.stop,
            ]
            part += 1
            assert part.size == core.neurons
        assert (held == (spec.geometry.kind != "port")).all()
        each = profile.compartments_per_neuron(spec.geometry.neuron)
        for rule, most, limit in (
            ("compartments", layer.neurons.max(initial=0) * each, budget.compartments),
            ("synapse_words", layer.words.max(initial=0), budget.synapse_words),
            ("in_axons", layer.in_axons.max(initial=0), budget.in_axons),
            ("out_axons", layer.out_axons.max(initial=0), budget.out_axons or math.inf),
        ):
            assert most <= limit or (spec.name, rule) in broken


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_dense_layers_never_get_cheaper_by_growing(n_in, n_out, bits):
    for name in ("loihi2", "loihi1"):
        budget = core_budget_of(load_profile(name))
        now = cores_and_words(Geometry("dense", (n_in, 1, 1), (n_out, 1, 1), bits=(bits,)), budget)
        for grown in (
            Geometry("dense", (n_in + 1, 1, 1), (n_out, 1, 1), bits=(bits,)),
            Geometry("dense", (n_in, 1, 1), (n_out + 1, 1, 1), bits=(bits,)),
            Geometry("dense", (n_in, 1, 1), (n_out, 1, 1), bits=(bits + 1,)),
        ):
            more = cores_and_words(grown, budget)
            assert more.cores >= now.cores


@given(windows())
@settings(max_examples=40, deadline=None)
def test_a_roomier_core_never_needs_more_cores(geometry):
    for name in PROFILES:
        budget = core_budget_of(load_profile(name))._replace(synapse_words=40, compartments=60)
        tight = cores_and_words(geometry, budget)
        roomy = cores_and_words(geometry, budget._replace(synapse_words=80))
        assert roomy.cores <= tight.cores or tight.words > budget.synapse_words


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_chain_is_optimal_over_all_combinations_of_candidates(data):
    first = data.draw(windows())
    geometries = [first, data.draw(windows(shape=first.out_shape))]
    geometries.append(Geometry("dense", (geometries[1].neurons, 1, 1), (5, 1, 1), bits=(4,)))
    budget = core_budget_of(load_profile("loihi1"))._replace(
        compartments=12, out_axons=data.draw(st.integers(6, 60)), synapse_words=200, in_axons=200
    )
    chosen = loihi1.tile_chain(tuple(geometries), budget)

    def cost(tiles):
        over = cores = 0
        for i, tiling in enumerate(tiles):
            following = [(geometries[i + 1], tiles[i + 1])] if i < 2 else []
            used = usage(geometries[i], tiling, budget)
            out = destinations(geometries[i], tiling, following).max()
            over += max(0, out - budget.out_axons)
            over += max(0, used.in_axons.max() - budget.in_axons)
            over += max(0, used.words.max() - budget.synapse_words)
            cores += len(used.neurons)
        return over, cores

    options = [loihi1.candidates(g, budget).tilings for g in geometries]
    assert cost(chosen) == min(cost(tiles) for tiles in itertools.product(*options))


# --- what files contain ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "bits"),
    [
        ([0, 0], 1), ([-1, 0], 1), ([0, -64], 1), ([1, 0], 2), ([-2, 1], 2), ([-256, 254], 8),
        ([-8, 8], 2), ([-8, 8, 4], 3), ([-20, 18], 5), ([12, -12], 3), ([255, -3], 9),
    ],
)  # fmt: skip
def test_bits_after_taking_out_the_common_power_of_two(weights, bits):
    assert weight_bits(np.array(weights)) == bits


def test_seven_bits_are_stored_as_eight():
    budget = core_budget_of(load_profile("loihi2"))
    assert [budget.stored_bits(b) for b in range(1, 9)] == [1, 2, 3, 4, 5, 6, 8, 8]


def test_recurrent_and_complex_tables_add_up():
    weight = np.array([[2, -2, 6]] * 4)
    square = np.full((4, 4), 250) + 2 * np.eye(4, dtype=int)
    neuron = OtherNeuron("RF_IZ")
    recurrent = OtherLayer(
        "rec", (3,), "dense_rec", (4,), neuron=neuron,
        weights={"weight": weight, "weight_rec": square},
    )  # fmt: skip
    complex_ = OtherLayer(
        "complex", (4,), "dense", (2,), neuron=neuron,
        weights={"weight/real": np.ones((2, 4), int), "weight/imag": np.ones((2, 4), int)},
    )  # fmt: skip
    placement = map_network(Network("net", (recurrent, complex_)), load_profile("loihi2"))
    first, second = placement.layers
    bits = 3 + 12  # 1, -1, 3
    wide = 8 + 12
    words = 3 * -(-(4 * bits + 10) // 64) + 4 * -(-(4 * wide + 10) // 64)
    assert first.words.tolist() == [words]
    assert first.in_axons.tolist() == [3 + 4]
    assert first.out_axons.tolist() == [4 + 4]  # to the next layer and to itself
    assert second.words.tolist() == [2 * 4 * -(-(2 * (2 + 12) + 10) // 64)]


def test_pooling_maps_as_a_depthwise_convolution():
    pool = Pool("pool", (64, 8, 8), np.full((2, 2), 8), stride=(2, 2), neuron=Cuba(1, 1, 1))
    spec = describe(Network("net", (pool,))).layers[0]
    assert (spec.type, spec.geometry.groups) == ("pool", 64)
    placed = map_network(Network("net", (pool,)), load_profile("loihi2")).layers[0]
    assert placed.words.tolist() == [2 * 2 * -(-(64 * 2 + 10) // 64)]


def test_a_layer_without_neuron_takes_its_place():
    dense = Dense("read-out", (20,), np.full((10, 20), 2))
    placed = map_network(Network("net", (dense,)), load_profile("loihi2")).layers[0]
    assert placed.cores == 1
    assert placed.spec.geometry.neuron == "none"


def test_neurons_with_more_compartments_take_more_cores():
    layer = OtherLayer("s4d", (10,), "dense", (4095,), neuron=OtherNeuron("S4D"))
    plain = OtherLayer("lif", (10,), "dense", (4095,), neuron=OtherNeuron("CUBA"))
    profile = load_profile("loihi2")
    assert map_network(Network("net", (layer,)), profile).cores == 3  # 2047 + 2047 + 1
    assert map_network(Network("net", (plain,)), profile).cores == 1


def test_a_chip_is_filled_before_the_next_and_straddling_layers_are_named():
    plan = ArchitectureFile(
        name="wide", input=8, weight_bits=8,
        layer=tuple(LayerEntry(type="dense", name=f"d{i}", neurons=100_000) for i in range(2)),
    )  # fmt: skip
    placement = map_network(build(plan), load_profile("loihi1"))
    assert placement.chips == -(-placement.cores // 128) > 1
    assert "d0" in placement.straddling or "d1" in placement.straddling
    assert placement.layers[1].first == placement.layers[0].cores


def test_later_compiler_halves_channels_until_the_words_fit():
    geometry = Geometry("conv", (512, 4, 4), (512, 4, 4), (3, 3), padding=(1, 1), bits=(8,))
    placed = map_network(
        Architecture("net", (LayerSpec("conv", "conv", (512, 4, 4), geometry),)),
        load_profile("loihi2"),
    ).layers[0]
    assert placed.tiling.channels == 16  # 32 channels need 23040 words, 16 need 13824
    assert placed.words.tolist() == [13824] * 32


def test_a_wide_convolution_shares_its_input_axons():
    geometry = Geometry("conv", (512, 56, 56), (512, 56, 56), (3, 3), padding=(1, 1), bits=(8,))
    placement = map_network(
        Architecture("net", (LayerSpec("conv", "conv", (512, 56, 56), geometry),)),
        load_profile("loihi2"),
    )
    (layer,) = placement.layers
    assert layer.tiling.channels == 16
    assert set(layer.in_axons.tolist()) == {1}
    assert not find_violations(placement)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_axons_of_loihi_2_are_powers_of_two_of_channels(data):
    first = data.draw(windows())
    tiling = data.draw(tilings(first))
    budget = core_budget_of(load_profile("loihi2"))
    followers = {
        "conv": data.draw(windows(shape=first.out_shape)),
        "dense": Geometry("dense", (first.neurons, 1, 1), (2, 1, 1), bits=(4,)),
    }
    in_axons, towards = [], {"conv": [], "dense": []}
    edges = [range(0, n, t) for n, t in zip(first.out_shape, tiling, strict=True)]
    for start in itertools.product(*edges):
        held = [min(t, n - at) for t, n, at in zip(tiling, first.out_shape, start, strict=True)]
        powers = bin(held[0]).count("1")
        in_axons.append(powers)
        towards["conv"].append(powers * held[1] * held[2])
        towards["dense"].append(math.prod(held))
    assert usage(first, tiling, budget).in_axons.tolist() == in_axons
    for kind, following in followers.items():
        assert axon_map(first, tiling, following).tolist() == towards[kind]
    assert axon_map(first, tiling).tolist() == towards["dense"]  # to the host


def test_a_recurrent_layer_over_several_cores_listens_to_all_of_itself():
    plan = ArchitectureFile(
        name="net", input=100, weight_bits=8,
        layer=(LayerEntry(type="dense", neurons=600, recurrent=True),),
    )  # fmt: skip
    profile = load_profile("loihi2")
    architecture = build(plan)
    (layer,) = map_network(architecture, profile).layers
    plain = dataclasses.replace(architecture.layers[0].geometry, recurrent_bits=())
    assert layer.cores > cores_and_words(plain, core_budget_of(profile)).cores
    assert set(layer.in_axons.tolist()) == {100 + 600}
    per_input = [-(-(int(n) * (8 + 12) + 10) // 64) for n in layer.neurons]
    assert layer.words.tolist() == [(100 + 600) * words for words in per_input]
    assert layer.words.max() <= profile.limits.synapse_words.value
    assert layer.axon_map.tolist() == (2 * layer.neurons).tolist()  # to the host and to itself


def test_complex_recurrent_tables_are_told_from_those_of_the_inputs():
    tables = {
        "weight/real": np.ones((4, 3), int), "weight/imag": np.ones((4, 3), int),
        "weight_rec/real": np.full((4, 4), 3), "weight_rec/imag": np.full((4, 4), 3),
    }  # fmt: skip
    layer = OtherLayer("r", (3,), "dense_rec", (4,), neuron=OtherNeuron("RF"), weights=tables)
    geometry = describe(Network("net", (layer,))).layers[0].geometry
    assert (geometry.bits, geometry.recurrent_bits) == ((2, 2), (3, 3))


def test_cores_have_a_lower_edge_where_neurons_may_take_fewer_compartments():
    plan = ArchitectureFile(
        name="net", input=(1, 64, 64), weight_bits=8,
        layer=(LayerEntry(type="conv", channels=16, kernel=3, padding=1),),
    )  # fmt: skip
    found = {name: map_network(build(plan), load_profile(name)) for name in PROFILES}
    assert (found["loihi2"].cores, found["loihi2"].cores_low) == (32, 16)
    assert found["loihi1"].cores_low == found["loihi1"].cores  # no band there
    for placement in found.values():
        assert 0 < placement.cores_low <= placement.cores
    low = load_profile("loihi2").neurons.default
    assert "our assumption" in low.note


def test_a_sigma_output_takes_two_neuron_groups():
    others = (OtherNeuron("SDNN"), OtherNeuron("SDNN", {"sigma_output": True}))
    neurons = (*others, SigmaDelta(6), Sigma())
    for neuron, groups in zip(neurons, (1, 2, 1, 2), strict=True):
        dense = Dense("fc", (20,), np.full((10, 20), 2), neuron=neuron)
        (layer,) = map_network(Network("net", (dense,)), load_profile("loihi2")).layers
        assert layer.neuron_groups == groups
        (layer,) = map_network(Network("net", (dense,)), load_profile("loihi1")).layers
        assert layer.neuron_groups == 0
