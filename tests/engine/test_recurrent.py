"""Recurrent layers: what comes back when, on every engine, in files, through the passes."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from network_cases import LAVA_S, cases

import loihi_sca
from loihi_sca import hardware, netx
from loihi_sca.compiler import compile_network
from loihi_sca.compiler.passes.shrink import shrink
from loihi_sca.compiler.refuse import find_problems
from loihi_sca.compiler.verify import verify
from loihi_sca.engine import fast, lava_cpu, reference
from loihi_sca.errors import UnsupportedLayer
from loihi_sca.hardware.cost.activity import from_run
from loihi_sca.network import Cuba, Dense, Network, OtherLayer, Recurrent, SigmaDelta

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
AT_ONCE = Cuba(current_decay=4096, voltage_decay=4096, threshold=9)
LEAKY = Cuba(current_decay=1024, voltage_decay=128, threshold=60)


def ring(**more):
    """Three neurons of which each wakes the next, and the first listens to the input."""
    feedback = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0]])
    weight = np.array([[10], [0], [0]])
    return Recurrent("ring", (1,), weight, feedback=feedback, neuron=AT_ONCE, **more)


def random_network(rng, recurrent=(True, True), scale=60, **more):
    chain, inputs = [], 6
    for index, (again, outputs) in enumerate(zip((*recurrent, False), (10, 8, 7), strict=False)):
        weight = 2 * rng.integers(-scale // 2, scale, (outputs, inputs))
        decays = rng.integers(500, 3000, outputs), rng.integers(50, 300, outputs)
        neuron = Cuba(*decays, threshold=60)
        if again:
            feedback = 2 * rng.integers(-scale, scale, (outputs, outputs))
            chain.append(Recurrent(f"r{index}", (inputs,), weight, feedback=feedback,
                                   neuron=neuron, **more))  # fmt: skip
        else:
            chain.append(Dense(f"d{index}", (inputs,), weight, neuron=neuron))
        inputs = outputs
    return Network("random", tuple(chain))


@pytest.mark.parametrize("engine", [reference, fast], ids=["reference", "fast"])
@pytest.mark.parametrize(("schedule", "late"), [("pipelined", 0), ("cold", 1)])
def test_a_spike_comes_back_a_step_later(engine, schedule, late):
    data = np.array([[[1, 0, 0, 0, 0, 0]]])
    result = engine.run(Network("net", (ring(),)), data, schedule=schedule)
    wanted = np.zeros((3, 6), dtype=int)
    wanted[[0, 1, 2], np.arange(3) + late] = 1
    assert result.spikes[0].tolist() == wanted.tolist()
    (counted,) = result.activity
    assert counted.synops == 3 + 3 * 3  # one spike from outside, three from within, to all three


@pytest.mark.parametrize("engine", [reference, fast], ids=["reference", "fast"])
def test_the_last_spikes_do_not_come_back_and_axon_delays_hold_for_others_only(engine):
    network = Network("net", (ring(axon_delay=np.array([2, 0, 0])),))
    result = engine.run(network, np.array([[[1, 0, 1]]]))
    assert result.spikes[0].tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 1]]
    (counted,) = result.activity
    assert counted.synops == 2 * 3 + 2 * 3  # of the four spikes, two are those of the last step


def compare(case):
    network, data, schedule = case
    verify(network, engines=("reference", "fast"), data=data, schedule=schedule)


@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
@given(case=cases("recurrent"))
def test_fast_is_the_reference_on_random_networks(case):
    compare(case)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=QUIET)
@given(case=cases("recurrent"))
def test_fast_is_the_reference_on_hundreds_of_networks(case):
    compare(case)


@pytest.mark.lava
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("schedule", ["pipelined", "cold"])
def test_lava_agrees(rng, schedule):
    """Three samples, each a fresh run, of two recurrent layers with decays per neuron."""
    network = random_network(rng)
    data = (rng.random((3, 6, 40)) < 0.2).astype(int)
    found = verify(network, data=data, schedule=schedule)
    assert found.engines == ("reference", "fast", "lava")
    assert min(found.spikes.values()) > 50


@pytest.mark.lava
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("nothing_left")
def test_lava_agrees_on_biases(rng):
    """They act on the voltage, as in every layer of the chip."""
    network = random_network(rng)
    first = replace(network.layers[0], bias=rng.integers(-4, 5, 10))
    slow = network.replace(layers=(first, *network.layers[1:]))
    assert min(verify(slow, samples=2, steps=30).spikes.values()) > 20
    eager = network.replace(layers=(replace(first, bias=np.full(10, 70)), *network.layers[1:]))
    with pytest.raises(UnsupportedLayer, match="r0, r1: a bias or a threshold of 0 makes it spike"):
        lava_cpu.run(eager, np.zeros((1, 6, 5), dtype=int))
    verify(eager, samples=2, steps=30, schedule="cold")


@pytest.mark.slow
@pytest.mark.lava
@pytest.mark.timeout(7200)
@settings(
    max_examples=24, deadline=None, suppress_health_check=QUIET, phases=[Phase.generate],
    derandomize=True,
)  # fmt: skip
@given(case=cases("recurrent", for_lava=True))
def test_lava_agrees_on_random_networks(case):
    network, data, schedule = case
    verify(network, data=data, schedule=schedule, timeout_s=LAVA_S)


@pytest.mark.lava
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("nothing_left")
def test_tables_of_one_sign_are_repaired_or_refused(rng):
    """netx takes one exponent for both tables, and Lava clips each by its own sign."""
    inhibiting = Recurrent("a", (2,), np.array([[90, 30], [-20, 70]]), neuron=LEAKY,
                           feedback=np.array([[-256, -4], [-2, -30]]))  # fmt: skip
    (problem,) = find_problems(Network("net", (inhibiting,)))
    assert "a: netx would change 1 of its weights, the first from -256 to -255" in str(problem)
    output = Dense("b", (2,), np.array([[90, 40]]), neuron=LEAKY)
    network = Network("net", (inhibiting, output))
    compiled = compile_network(network)
    assert compiled["a"].feedback.shape == (3, 3)
    data = (rng.random((2, 2, 40)) < 0.5).astype(int)
    found = verify(compiled, data=data)
    assert min(found.spikes.values()) > 5
    np.testing.assert_array_equal(
        reference.run(compiled, data).spikes, reference.run(network, data).spikes
    )


# --- files --------------------------------------------------------------------------------------


def test_a_file_is_what_lava_dl_writes(rng, tmp_path):
    network = random_network(rng)
    netx.write(network, tmp_path / "x.net")
    assert netx.read(tmp_path / "x.net") == network
    with h5py.File(tmp_path / "x.net") as file:
        assert file["layer/0/type"][0] == b"dense_rec"
        np.testing.assert_array_equal(file["layer/0/weight_rec"][()], network.layers[0].feedback)


def test_what_has_no_counterpart_is_refused(tmp_path):
    late = replace(ring(), delay=np.ones((3, 1), dtype=int))
    graded = replace(ring(), neuron=SigmaDelta(6))
    for layer, said in ((late, "its synapses have delays"), (graded, "sends messages")):
        network = Network("net", (layer,))
        for refused in (reference.run, fast.run):
            with pytest.raises(UnsupportedLayer, match=f"ring: it is recurrent.*{said}"):
                refused(network, np.zeros((1, 1, 3), dtype=int))
        with pytest.raises(UnsupportedLayer, match=said):
            netx.write(network, tmp_path / "x.net")
        assert any(said in str(problem) for problem in loihi_sca.check(network))


def test_delays_before_a_recurrent_layer_are_refused():
    first = Dense("a", (1,), np.array([[64]]), neuron=LEAKY, bias=np.array([3]),
                  axon_delay=np.array([2]))  # fmt: skip
    network = Network("net", (first, ring()))
    with pytest.raises(UnsupportedLayer, match="a: its outputs are delayed, and ring after it is"):
        compile_network(network)
    compiled = compile_network(Network("net", (
        replace(ring(), axon_delay=np.array([2, 0, 1])),
        Dense("b", (3,), np.array([[64, 64, -2]]), neuron=LEAKY),
    )))  # fmt: skip
    assert compiled["b"].delay.tolist() == [[2, 0, 1]]


# --- passes -------------------------------------------------------------------------------------


def test_a_neuron_goes_with_its_row_and_its_column():
    """One that nobody hears, one that only such a one hears; one that only others keep alive."""
    feedback = np.zeros((5, 5), dtype=int)
    feedback[1, 0] = 20  # 0 wakes 1, which nobody hears
    feedback[3, 2] = feedback[2, 3] = 20  # 2 and 3 keep each other awake, 3 is heard
    feedback[4, 4] = 20  # 4 hears itself only, and never starts
    layer = Recurrent("a", (2,), np.array([[20, 0], [0, 0], [0, 20], [0, 0], [0, 0]]),
                      feedback=feedback, neuron=AT_ONCE)  # fmt: skip
    output = Dense("b", (5,), np.array([[20, 0, 0, 20, 0], [0, 0, 0, -20, 0]]), neuron=AT_ONCE)
    network = Network("net", (layer, output))
    smaller = shrink(network)
    assert smaller["a"].out_shape == (3,)
    assert smaller["a"].feedback.tolist() == [[0, 0, 0], [0, 0, 20], [0, 20, 0]]
    data = (np.random.default_rng(0).random((3, 2, 20)) < 0.2).astype(int)
    np.testing.assert_array_equal(
        reference.run(smaller, data).spikes, reference.run(network, data).spikes
    )


# --- cost ---------------------------------------------------------------------------------------


def test_the_table_counts_in_the_mapping_and_its_synops_in_the_energy(rng):
    layer = random_network(rng).layers[0]
    tables = {"weight": layer.weight, "weight_rec": layer.feedback}
    chip = hardware.load_profile("loihi2")
    same = OtherLayer("r0", (6,), "dense_rec", (10,), neuron=layer.neuron, weights=tables)
    ours, theirs = (hardware.describe(Network("n", (x,))).layers[0] for x in (layer, same))
    assert replace(ours, type="", ranges=theirs.ranges) == replace(theirs, type="")
    network = Network("n", (layer,), timesteps=12)
    result = fast.run(network, (rng.random((4, 6, 12)) < 0.3).astype(int))
    (counted,) = result.activity
    given = from_run(result.activity, hardware.describe(network), chip, 4)
    assert given.layers[0].synops == counted.synops / 4
    returned, last = (int(np.count_nonzero(x)) for x in np.split(result.spikes, [11], axis=-1))
    assert returned > 0
    # spikes of the last step do not come back, which counts alone cannot tell
    assert given.input_spikes == (counted.synops / 10 - returned - last) / 4
