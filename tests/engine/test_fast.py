"""The fast engine does what the reference engine does, bit for bit."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from files_of_lava_dl import installed
from hypothesis import given, settings
from hypothesis import strategies as st
from network_strategies import data_for, networks
from numba.core.errors import NumbaError

from loihi_sca import netx
from loihi_sca.engine import fast, reference
from loihi_sca.engine.fast import layout, memory
from loihi_sca.engine.fast.jit import compiled
from loihi_sca.engine.fast.table import DELAYED, DEPTHWISE, DRIVEN, GATHER, GROUPED, PATTERN
from loihi_sca.engine.fast.threads import each_done
from loihi_sca.errors import InputError, NetworkError, UnsupportedLayer
from loihi_sca.network import Conv, Cuba, Dense, Input, Network, OtherNeuron, Pool

SCHEDULES = st.sampled_from(["pipelined", "cold"])
NEURON = Cuba(1000, 100, 20)


def assert_same(network: Network, data: np.ndarray, schedule: str = "pipelined", **options) -> None:
    """Compare all that engines return: spikes, counts, and traces of all layers."""
    names = [layer.name for layer in network]
    expected = reference.run(network, data, schedule=schedule, record=names)
    plain = fast.run(network, data, schedule=schedule, **options)
    traced = fast.run(network, data, schedule=schedule, record=names, **options)
    for actual in (plain, traced):
        np.testing.assert_array_equal(actual.spikes, expected.spikes)
        assert actual.spikes.dtype == np.uint8
        assert actual.activity == expected.activity
    assert not plain.traces
    assert list(traced.traces) == names
    for name, trace in expected.traces.items():
        for field in dataclasses.fields(trace):
            want, got = getattr(trace, field.name), getattr(traced.traces[name], field.name)
            np.testing.assert_array_equal(got, want, err_msg=f"{name}.{field.name}")
            assert want is None or want.dtype == got.dtype


def spikes(*shape: int, rate: float = 0.3, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random(shape) < rate).astype(np.uint8)


def weights(*shape: int, largest: int = 254, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-largest, largest + 1, shape)


# --- equal to the reference -------------------------------------------------------------------


@given(data=st.data(), schedule=SCHEDULES)
@settings(deadline=None, max_examples=300)
def test_equals_the_reference(data, schedule):
    network = data.draw(networks())
    assert_same(network, data.draw(data_for(network)), schedule)


@given(data=st.data(), schedule=SCHEDULES, threads=st.integers(1, 3))
@settings(deadline=None, max_examples=60)
def test_pieces_do_not_matter(data, schedule, threads):
    """Neither blocks, nor segments of time, nor batches, nor threads change anything."""
    network = data.draw(networks())
    samples = data.draw(data_for(network, most_samples=9))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "BLOCK_NEURONS", data.draw(st.sampled_from([1, 30])))
        patch.setattr(layout, "SEGMENT_EVENTS", data.draw(st.sampled_from([1, 300])))
        patch.setattr(memory, "BATCH_BYTES", data.draw(st.sampled_from([1, 5000])))
        assert_same(network, samples, schedule, threads=threads)


# Which inner loop runs is decided by the layer; these make sure that each of them does.
LAYERS = {
    "gather": (GATHER, Conv("x", (8, 9, 9), weights(70, 8, 3, 3), padding=(1, 2), neuron=NEURON)),
    "pattern": (PATTERN, Conv("x", (1, 9, 9), weights(9, 1, 5, 5), stride=(2, 3), neuron=NEURON)),
    "pieces": (PATTERN, Conv("x", (3, 9, 9), weights(9, 3, 3, 5), padding=(4, 6), neuron=NEURON)),
    "gaps": (GROUPED, Conv("x", (3, 9, 9), weights(9, 3, 3, 3), dilation=(1, 2), neuron=NEURON)),
    "groups": (GROUPED, Conv("x", (6, 9, 9), weights(9, 2, 3, 3), groups=3, neuron=NEURON)),
    "depthwise": (DEPTHWISE, Conv("x", (6, 9, 9), weights(6, 1, 3, 3), groups=6, neuron=NEURON)),
    "pool": (DEPTHWISE, Pool("x", (6, 9, 9), weights(2, 3), stride=(2, 3), neuron=NEURON)),
    "dense": (GATHER, Dense("x", (2, 9, 9), weights(33, 162), neuron=NEURON)),
    "delays": (DELAYED, Dense("x", (30,), weights(9, 30), delay=abs(weights(9, 30, largest=20)),
                              neuron=NEURON)),
    "driven": (DRIVEN, Input("x", (2, 3, 4), neuron=NEURON)),
}  # fmt: skip


@pytest.mark.parametrize("schedule", ["pipelined", "cold"])
@pytest.mark.parametrize("case", LAYERS)
def test_every_kind_of_layer(case, schedule):
    kind, layer = LAYERS[case]
    network = Network(case, (layer,))
    assert layout.lay_out(network, schedule)[0].table.kind == kind
    assert_same(network, spikes(3, *layer.in_shape, 17), schedule)


@pytest.mark.parametrize("rate", [0.0, 0.02, 1.0])
@pytest.mark.parametrize("case", ["gather", "pattern", "pool", "dense"])
def test_silence_and_storm(case, rate):
    layer = LAYERS[case][1]
    assert_same(Network(case, (layer,)), spikes(2, *layer.in_shape, 9, rate=rate))


def test_inputs_on_both_sides_of_a_vector():
    """Spikes are read 64 at a time; rows and layers end anywhere."""
    for inputs in (1, 63, 64, 65, 127, 128, 129, 200):
        layer = Dense("x", (inputs,), weights(5, inputs), neuron=NEURON)
        assert_same(Network("net", (layer,)), spikes(2, inputs, 5, rate=0.5))


# --- the integers are wide enough -------------------------------------------------------------


def widths(weight: np.ndarray) -> tuple[str, bool]:
    """Return the type of the weights, and whether a sum in it is cut into chunks."""
    layer = Dense("x", weight.shape[1:], weight, neuron=NEURON)
    table = layout.lay_out(Network("net", (layer,)), "pipelined")[0].table
    return table.weight.dtype.name, table.safe_rows > 0


def test_widths_change_where_the_bound_says():
    # the sum of 1000 weights, 32 or 33 each, against 2^15
    assert widths(np.full((1, 1000), 32)) == ("int16", False)
    assert widths(np.full((1, 1000), -33)) == ("int16", True)
    assert widths(np.where(np.arange(1000) % 2, 60, -60)[None]) == ("int16", False)
    # one weight against 2^15
    assert widths(np.full((1, 3), 32767)) == ("int16", True)
    assert widths(np.full((1, 3), 32768)) == ("int64", False)
    # 2^23 + 64 * sum against 2^31
    most = (2**31 - 1 - 2**23) // 64
    per_input = most // 1100
    assert widths(np.full((1, 1100), per_input)) == ("int16", True)
    assert widths(np.full((1, 1101), per_input + 1)) == ("int64", False)


WEIGHTS = [32, -33, 254, -256, 32767, -32767, 32768, (1 << 24) + 12345, -(1 << 24) - 12345]


@pytest.mark.parametrize("value", WEIGHTS)
@pytest.mark.parametrize("inputs", [3, 130, 1100])
def test_extreme_sums_wrap_and_saturate_alike(value, inputs):
    weight = np.full((2, inputs), value)
    weight[1] = -value
    layer = Dense("x", (inputs,), weight, neuron=Cuba(0, 0, 2**30))
    network = Network("net", (layer,))
    data = np.ones((1, inputs, 40), dtype=np.uint8)
    assert_same(network, data)
    if abs(value) * inputs > 1 << 17:
        activity = fast.run(network, data).activity[0]
        assert activity.current_wraps > 0
        assert activity.voltage_saturations > 0


@pytest.mark.parametrize("bias", [0, 1, -1, 4095, 1 << 20, -(1 << 20), 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("threshold", [0, 100, (1 << 17) - 1, 1 << 17, 1 << 40])
def test_any_bias_and_threshold(bias, threshold):
    layer = Dense("x", (2,), [[3, -2]], bias=[bias], neuron=Cuba(1, 1, threshold))
    assert_same(Network("net", (layer,)), spikes(1, 2, 30))


@given(
    weight=st.integers(-(2**17) + 1, 2**17),
    decay=st.one_of(st.integers(0, 4096), st.sampled_from([0, 1, 4095, 4096])),
)
@settings(deadline=None, max_examples=60)
def test_decay_of_any_state(weight, decay):
    """One spike sets a current of up to 24 bit, which then decays step by step."""
    layer = Dense("x", (1,), [[weight]], neuron=Cuba(decay, decay, 2**30))
    data = np.zeros((1, 1, 6), dtype=np.uint8)
    data[..., 0] = 1
    assert_same(Network("net", (layer,)), data)


# --- data, memory, threads --------------------------------------------------------------------

NETWORK = Network(
    "net",
    (
        Conv("conv", (2, 6, 6), weights(4, 2, 3, 3, largest=60), neuron=NEURON),
        Dense("out", (4, 4, 4), weights(3, 64, largest=60), neuron=NEURON),
    ),
)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.int16, np.int32, np.int64, float])
def test_any_type_of_data(dtype):
    data = spikes(3, 2, 6, 6, 9)
    expected = reference.run(NETWORK, data)
    np.testing.assert_array_equal(fast.run(NETWORK, data.astype(dtype)).spikes, expected.spikes)


def test_any_layout_of_data():
    data = spikes(4, 2, 6, 6, 9)
    expected = reference.run(NETWORK, data).spikes
    for same in (np.asfortranarray(data), np.repeat(data, 2, axis=0)[::2]):
        np.testing.assert_array_equal(fast.run(NETWORK, same).spikes, expected)


def test_memory_map_is_read_in_pieces(tmp_path, monkeypatch):
    data = spikes(20, 2, 6, 6, 9)
    np.save(tmp_path / "x.npy", data)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    monkeypatch.setattr(memory, "BATCH_BYTES", 3 * 9 * 300)
    assert_same(NETWORK, mapped)


def test_budget_that_is_too_small_says_what_it_takes():
    data = spikes(5, 2, 6, 6, 9)
    with pytest.raises(InputError, match=r"one sample of 9 timesteps takes 0\.\d MiB"):
        fast.run(NETWORK, data, memory_budget=1000)


@given(
    budget=st.integers(10_000, 10_000_000),
    samples=st.integers(1, 500),
    threads=st.integers(1, 16),
    recorded=st.sampled_from([(), ("conv",), ("conv", "out")]),
)
def test_batches_stay_within_the_budget(budget, samples, threads, recorded):
    laid = layout.lay_out(NETWORK, "pipelined")
    data = np.broadcast_to(np.uint8(0), (samples, 2, 6, 6, 50))
    fixed = max(memory._scratch_bytes(p, 50) for p in laid)
    each = memory._sample_bytes(laid, 50, data.dtype, recorded)
    try:
        size, used = memory.samples_at_once(laid, data, recorded, budget, threads)
    except InputError:
        assert fixed + each > budget
    else:
        assert 1 <= used <= threads
        assert 1 <= size <= samples
        assert used * (fixed + size * each) <= budget


def test_progress_counts_samples(monkeypatch):
    monkeypatch.setattr(memory, "BATCH_BYTES", 1)
    seen = []
    fast.run(NETWORK, spikes(5, 2, 6, 6, 4), on_progress=lambda *x: seen.append(x))
    assert seen == [(n, 5) for n in range(1, 6)]


@pytest.mark.parametrize("threads", [1, 3])
def test_what_has_not_begun_is_dropped_when_something_fails(threads):
    begun = []

    def work(item):
        begun.append(item)
        time.sleep(0.01)
        if item == 2:
            raise InputError("2")
        return item

    found = []
    with pytest.raises(InputError, match="2"):
        found.extend(each_done(threads, work, range(100)))
    assert len(begun) < 50
    assert sorted(each_done(threads, work, range(3, 9))) == [*range(3, 9)]


def test_a_kernel_that_is_not_to_make_arrays_cannot():
    """References to what it makes would not be counted, and its memory be lost."""

    @compiled
    def makes_one(size):
        return np.zeros(size, dtype=np.int32).sum()

    with pytest.raises(NumbaError, match=r"NRT required|Only accept returning of array"):
        makes_one(3)


def test_calls_from_several_threads_do_not_disturb_each_other():
    inputs = [spikes(4, 2, 6, 6, 9, seed=seed) for seed in range(6)]
    expected = [reference.run(NETWORK, x).spikes for x in inputs]
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda x: fast.run(NETWORK, x).spikes, inputs))
    for want, got in zip(expected, results, strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("schedule", ["pipelined", "cold"])
def test_a_prepared_network_runs_often_also_from_several_threads(schedule):
    inputs = [spikes(n + 1, 2, 6, 6, 4 + n, seed=n) for n in range(6)]
    ready = fast.prepare(NETWORK, schedule=schedule, threads=2)
    names = [layer.name for layer in NETWORK]
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda x: ready.run(x, record=names), inputs))
    for data, result in zip(inputs, results, strict=True):
        expected = reference.prepare(NETWORK, schedule=schedule).run(data, record=names)
        np.testing.assert_array_equal(result.spikes, expected.spikes)
        assert result.activity == expected.activity
        for name in names:
            np.testing.assert_array_equal(
                result.traces[name].voltage, expected.traces[name].voltage
            )


def test_works_in_a_forked_child():
    """Training code forks; a parallel runtime of numba's own would not survive that."""
    fast.run(NETWORK, spikes(4, 2, 6, 6, 4), threads=2)
    code = (
        "import multiprocessing, numpy as np\n"
        "from loihi_sca.engine import fast\n"
        "from loihi_sca.network import Cuba, Dense, Network\n"
        "net = Network('n', (Dense('d', (2,), [[60, 60]], neuron=Cuba(0, 0, 1)),))\n"
        "x = np.ones((8, 2, 4), dtype=np.uint8)\n"
        "fast.run(net, x, threads=2)\n"
        "with multiprocessing.get_context('fork').Pool(1) as pool:\n"
        "    child = pool.apply(fast.run, (net, x))\n"
        "assert (child.spikes == fast.run(net, x).spikes).all()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


# --- what is refused --------------------------------------------------------------------------


def test_bad_input_is_refused():
    data = spikes(2, 2, 6, 6, 4)
    for bad, says in [
        (data[:, :1], "takes data of shape"),
        (data * 2, "span 0 to 2"),
        (data * 0.5, "must be integers"),
        (data[:0], "empty"),
    ]:
        with pytest.raises(InputError, match=says):
            fast.run(NETWORK, bad)
    with pytest.raises(InputError, match="threads is 0"):
        fast.run(NETWORK, data, threads=0)
    with pytest.raises(NetworkError, match="no layer 'nothing'"):
        fast.run(NETWORK, data, record=["nothing"])


def test_bad_value_in_a_late_batch_is_found(monkeypatch):
    monkeypatch.setattr(memory, "BATCH_BYTES", 1)
    data = spikes(50, 2, 6, 6, 4)
    data[-1, 0, 0, 0, 0] = 7
    with pytest.raises(InputError, match="to 7, allowed is 0 to 1"):
        fast.run(NETWORK, data)


def test_other_neurons_are_refused():
    layer = Dense("strange", (2,), [[1, 2]], neuron=OtherNeuron("ALIF"))
    with pytest.raises(UnsupportedLayer, match="strange: neuron type 'ALIF'"):
        fast.run(Network("net", (layer,)), spikes(1, 2, 3))


def test_importing_it_loads_neither_numba_nor_torch():
    code = (
        "import sys, loihi_sca, loihi_sca.engine.fast, loihi_sca.pipeline.evaluate\n"
        "assert not {'torch', 'numba', 'lava'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# --- networks of other people -----------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["pilotnet_lif/network.net", "ntidigits/ntidigits.net", "tiny.net", "mnist.net"]
)
@pytest.mark.parametrize("schedule", ["pipelined", "cold"])
def test_networks_of_lava_dl(name, schedule):
    network = netx.read(installed(name))
    runs = [isinstance(x.neuron, Cuba) or isinstance(x, Input) for x in network]
    if False in runs:  # mnist.net ends in a layer that is only synapses
        network = network.replace(layers=network.layers[: runs.index(False)])
    first = network.layers[0]
    if isinstance(first, Input) and first.neuron is not None:
        data = np.random.default_rng(0).integers(-64, 65, (1, *network.in_shape, 6))
    else:
        data = spikes(1, *network.in_shape, 12, rate=0.1)
    assert_same(network, data, schedule)
