"""Resonators: what they do, on every engine, in files that stock netx would round."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from network_cases import LAVA_S, cases

import loihi_sca
from loihi_sca import hardware, netx
from loihi_sca.compiler import compile_network
from loihi_sca.compiler.passes.shrink import shrink
from loihi_sca.compiler.refuse import find_problems
from loihi_sca.compiler.verify import verify
from loihi_sca.engine import fast, lava_cpu, reference
from loihi_sca.errors import NetworkError, UnsupportedLayer
from loihi_sca.network import (
    ComplexDense,
    Cuba,
    Dense,
    Network,
    OtherLayer,
    OtherNeuron,
    Recurrent,
    Resonator,
)
from loihi_sca.netx.limits import mantissas_load, mantissas_to_store

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
QUARTER = Resonator(sin_decay=4095, cos_decay=0, threshold=50)
"""A quarter of a turn per step, hardly any decay."""


def one(neuron, real=0, imag=0, **more):
    weight = (np.array([[real]]), np.array([[imag]]))
    return Network("one", (ComplexDense("a", (1,), *weight, neuron=neuron, **more),))


def trace_of(engine, network, data):
    result = engine.run(network, np.array([[data]]), record=["a"])
    trace = result.traces["a"]
    return result, trace.spikes[0, 0].tolist(), trace.current[0, 0], trace.voltage[0, 0]


both = pytest.mark.parametrize("engine", [reference, fast], ids=["reference", "fast"])


@both
def test_it_spikes_when_it_comes_round(engine):
    """Kicked to -1 on the imaginary axis, it is on the real one a quarter of a turn later."""
    result, spikes, re, im = trace_of(engine, one(QUARTER, imag=-64), [1, 0, 0, 0, 0, 0, 0])
    assert spikes == [0, 1, 0, 0, 0, 1, 0]
    assert re.tolist() == [0, 4095, 0, -4093, 0, 4091, 0]
    assert im.tolist() == [-4096, 0, 4094, 0, -4092, 0, 4090]
    (counted,) = result.activity
    assert (counted.synops, counted.spikes, counted.peak_current) == (2, 2, 4096)


@both
def test_izhikevich_starts_again_below_the_threshold(engine):
    neuron = replace(QUARTER, izhikevich=True)
    _, spikes, re, im = trace_of(engine, one(neuron, imag=64), [1, 1, 0, 0])
    assert spikes == [1, 1, 0, 0]
    assert im.tolist() == [4096, 4096, 0, -3197]  # 64 * 50 - 1 = 3199 is what it starts from
    assert re.tolist() == [0, -3198, -3198, 0]


@both
def test_products_are_cut_towards_zero_each_and_states_are_clipped(engine):
    neuron = Resonator(sin_decay=2287, cos_decay=3148, threshold=1 << 17)
    network = one(neuron, real=-(1 << 17), imag=3)
    result, _, re, im = trace_of(engine, network, [1, 0, 1])
    low = 1 - (1 << 23)
    assert re[0] == low
    assert im[0] == 192
    assert re[1] == -(8388607 * 3148 >> 12) - (192 * 2287 >> 12)
    assert im[1] == -(8388607 * 2287 >> 12) + (192 * 3148 >> 12)
    (counted,) = result.activity
    assert counted.voltage_saturations == 2
    assert counted.peak_current > 1 << 23


def compare(case):
    network, data, schedule = case
    verify(network, engines=("reference", "fast"), data=data, schedule=schedule)


@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
@given(case=cases("resonator"))
def test_fast_is_the_reference_on_random_networks(case):
    compare(case)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=QUIET)
@given(case=cases("resonator"))
def test_fast_is_the_reference_on_hundreds_of_networks(case):
    compare(case)


def chain(rng, izhikevich):
    def layer(name, inputs, outputs):
        weight = (2 * rng.integers(-60, 60, (2, outputs, inputs)),)
        neuron = Resonator(rng.integers(1500, 2800, outputs), rng.integers(2000, 2900, outputs),
                           40, izhikevich)  # fmt: skip
        return ComplexDense(name, (inputs,), *weight[0], neuron=neuron)

    output = Dense("c", (9,), 2 * rng.integers(-40, 60, (5, 9)), neuron=Cuba(1000, 200, 60))
    return Network("chain", (layer("a", 8, 12), layer("b", 12, 9), output))


@pytest.mark.lava
@pytest.mark.train  # resonators on Lava need SLAYER, with torch
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("schedule", ["pipelined", "cold"])
@pytest.mark.parametrize("izhikevich", [False, True])
def test_lava_agrees(rng, izhikevich, schedule):
    data = (rng.random((2, 8, 60)) < 0.2).astype(int)
    found = verify(chain(rng, izhikevich), data=data, schedule=schedule)
    assert found.engines == ("reference", "fast", "lava")
    assert min(found.spikes.values()) > 50


@pytest.mark.slow
@pytest.mark.lava
@pytest.mark.train  # resonators on Lava need SLAYER, with torch
@pytest.mark.timeout(7200)
@settings(
    max_examples=16, deadline=None, suppress_health_check=QUIET, phases=[Phase.generate],
    derandomize=True,
)  # fmt: skip
@given(case=cases("resonator", for_lava=True))
def test_lava_agrees_on_random_networks(case):
    network, data, schedule = case
    counted = reference.run(network, data, schedule=schedule).activity
    assume(all(layer.spikes for layer in counted))  # silence proves little
    verify(network, data=data, schedule=schedule, timeout_s=LAVA_S)


def test_lava_is_not_started_where_a_bias_comes_before_the_input(rng):
    network = chain(rng, False)
    early = Dense("z", (8,), 2 * rng.integers(1, 60, (8, 8)), bias=np.full(8, 90),
                  neuron=Cuba(1000, 200, 60))  # fmt: skip
    biased = network.replace(layers=(early, *network.layers))
    first, *others = chain(rng, True).layers
    eager = Network("eager", (replace(first, neuron=replace(first.neuron, threshold=0)), *others))
    for network, name in ((biased, "z"), (eager, "a")):
        said = f"{name}: a bias or a threshold of 0 makes it spike .* nor resonators"
        with pytest.raises(UnsupportedLayer, match=said):
            lava_cpu.run(network, np.zeros((1, 8, 5), dtype=int))


# --- files --------------------------------------------------------------------------------------


def as_loaded(sin_decay, cos_decay):
    """Return what netx and Lava make of mantissas, see ``mantissas_to_store``."""
    sin, cos = sin_decay / 4096, cos_decay / 4096
    decay = 1 - np.sqrt(sin**2 + cos**2)
    period = 1 / (np.arctan2(sin, cos) / 2 / np.pi)
    angle = np.pi * 2 * 1 / period
    loaded = (1 - decay) * np.sin(angle) * 4096, (1 - decay) * np.cos(angle) * 4096
    return np.array(loaded).astype(np.int32)


def test_what_is_stored_is_what_is_loaded():
    """Some 40 % of all whole pairs change, by the processor; none half a step higher."""
    whole = np.random.default_rng(0).integers(1, 4096, (2, 200_000))
    whole = whole[:, (whole**2).sum(axis=0) <= 4095**2]
    changed = (as_loaded(*whole) != whole).any(axis=0)
    assert 0.2 < changed.mean() < 0.6
    assert not mantissas_load(*whole)
    stored = [mantissas_to_store(x) for x in whole]
    np.testing.assert_array_equal(as_loaded(*stored), whole)
    assert mantissas_load(*stored)


def test_a_file_says_it_so_that_it_loads(rng, tmp_path):
    network = chain(rng, True)
    path = tmp_path / "x.net"
    netx.write(network, path)
    assert netx.read(path) == network
    assert not netx.stock_differs(path)
    with h5py.File(path, "r+") as file:
        assert file["layer/0/neuron/type"][()] == b"RF_IZHIKEVICH"
        stored = file["layer/0/neuron/sinDecay"]
        np.testing.assert_array_equal(stored[()], network.layers[0].neuron.sin_decay + 0.5)
        file["layer/0/neuron/sinDecay"][...] = np.floor(stored[()])  # as lava-dl writes it
        del file["loihi_sca"]
    stock = netx.read(path)
    assert stock.layers[0].neuron == network.layers[0].neuron
    assert netx.stock_differs(path)
    assert any("layer/0: stock netx makes smaller ones" in note for note in netx.notes_of(stock))


def test_mantissas_must_be_some(rng, tmp_path):
    netx.write(chain(rng, False), tmp_path / "x.net")
    for key, value in (("sinDecay", 0.5), ("sinDecay", 5000), ("cosDecay", -1)):
        with h5py.File(tmp_path / "x.net", "r") as file, h5py.File(tmp_path / "y.net", "w") as copy:
            file.copy("layer", copy)
            copy[f"layer/0/neuron/{key}"][...] = value
        with pytest.raises(NetworkError, match=r"0-dense.*(sin_decay|sinDecay|cosDecay)"):
            netx.read(tmp_path / "y.net")


def test_what_has_no_counterpart_is_refused(rng, tmp_path):
    data = np.zeros((1, 1, 3), dtype=int)
    weight = np.array([[2]])
    wrong = {
        "resonators take complex": Dense("a", (1,), weight, neuron=QUARTER),
        "it has Cuba": ComplexDense("a", (1,), weight, weight, neuron=Cuba(1, 1, 1)),
        "cannot load": ComplexDense("a", (1,), weight, 0 * weight, neuron=QUARTER),
        "threshold": ComplexDense(
            "a", (1,), weight, weight, neuron=replace(QUARTER, threshold=1 << 18)
        ),
    }
    for said, layer in wrong.items():
        with pytest.raises(UnsupportedLayer, match=said if "load" not in said else "fail to load"):
            netx.write(Network("net", (layer,)), tmp_path / "x.net")
    for said in ("resonators take complex", "it has Cuba"):
        with pytest.raises(UnsupportedLayer, match=said):
            fast.run(Network("net", (wrong[said],)), data)
    assert any(
        "cannot load" in str(p) for p in find_problems(Network("n", (wrong["cannot load"],)))
    )
    ring = Recurrent("b", (1,), weight, feedback=weight, neuron=QUARTER)
    assert any("resonators" in str(p) for p in find_problems(Network("n", (ring,))))


def test_delays_move_to_a_dense_layer_and_nowhere_else(rng):
    first, second, output = chain(rng, False).layers
    late = replace(second, axon_delay=rng.integers(0, 4, 9))
    network = Network("net", (first, late, output))
    compiled = compile_network(network)
    assert compiled["c"].delay.max() == late.axon_delay.max()
    data = (rng.random((2, 8, 40)) < 0.3).astype(int)
    np.testing.assert_array_equal(fast.run(compiled, data).spikes, fast.run(network, data).spikes)
    early = replace(first, axon_delay=np.arange(12))
    with pytest.raises(UnsupportedLayer, match="b after it is of complex weights"):
        compile_network(Network("net", (early, second, output)))


def test_a_channel_that_never_spikes_goes_before_complex_weights(rng):
    weight = 2 * rng.integers(10, 60, (5, 4))
    weight[[1, 3]] = 0
    first = Dense("a", (4,), weight, neuron=Cuba(1000, 200, 60))
    real, imag = 2 * rng.integers(-60, 60, (2, 3, 5))
    second = ComplexDense("b", (5,), real, imag, neuron=Resonator(2000, 3000, 20))
    network = Network("net", (first, second))
    small = shrink(network)
    assert [x.out_shape for x in small] == [(3,), (3,)]
    np.testing.assert_array_equal(small["b"].imag, imag[:, [0, 2, 4]])
    data = (rng.random((2, 4, 30)) < 0.4).astype(int)
    expected = reference.run(network, data).spikes
    assert expected.any()
    np.testing.assert_array_equal(fast.run(small, data).spikes, expected)


def test_both_tables_count_in_the_mapping(rng):
    layer = chain(rng, False).layers[0]
    tables = {"weight/real": layer.real, "weight/imag": layer.imag}
    same = OtherLayer("a", (8,), "dense", (12,), weights=tables, neuron=OtherNeuron("RF_PHASE"))
    ours, theirs = (hardware.describe(Network("n", (x,))).layers[0] for x in (layer, same))
    assert ours.geometry == theirs.geometry
    assert loihi_sca.check(Network("n", (layer,))) == ()
