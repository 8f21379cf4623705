"""Graphs of others: what is understood, what is refused, what quantisation changes and says."""

import itertools
from pathlib import Path

import nir_graphs as g
import numpy as np
import pytest

import loihi_sca
from loihi_sca.compiler import compile_with_report
from loihi_sca.errors import ConfigError, InputError, NetworkError, UnsupportedLayer
from loihi_sca.network import Conv, Cuba, Dense

DT = 1e-4


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "x.nir"


def test_integers_pass_unchanged(path) -> None:
    g.one_layer(path, [[2, -256], [254, 6]], g.lif(60, 8), bias=[3.0, -1])
    found = loihi_sca.read_nir(path, dt=DT)
    layer = found.layers[1]
    assert np.array_equal(layer.weight, [[2, -256], [254, 6]])
    assert np.array_equal(layer.bias, [3, -1])
    assert layer.neuron == Cuba(4096, 512, 60)
    [change] = found.changes
    assert (change.scale, change.changed_weights, change.spikes_differ) == (1, 0, 0)
    assert not found.exact
    assert found.dt == DT


def test_floats_are_scaled_to_eight_bits_and_the_change_is_told(path) -> None:
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(5, 20))
    g.one_layer(path, weight, g.lif(1.0, 10), bias=rng.normal(size=5) / 10)
    found = loihi_sca.read_nir(path, dt=DT)
    layer, [change] = found.layers[1], found.changes
    assert layer.weight.max() == 254 or layer.weight.min() == -256
    assert not np.any(layer.weight % 2)
    assert np.allclose(layer.weight / change.scale, weight, atol=1.01 / change.scale)
    assert layer.neuron.threshold == round(change.scale)
    assert 0 < change.worst_weight < 0.01
    assert change.voltage_decay == pytest.approx((409.6, 410))
    assert change.changed_weights > 90
    assert change.spikes > 100
    assert change.spikes_differ < 0.1 * change.spikes
    assert "quantised" in repr(found)
    assert "409.600 -> 410" in str(found.table())
    assert found.as_json()["changes"][0]["layer"] == "lif"


def test_the_time_step_is_asked_for_or_known(path) -> None:
    g.one_layer(path, [[2.0]], g.lif(1, 10))
    with pytest.raises(ConfigError, match=r"not the time step. Give it.*--from snntorch"):
        loihi_sca.read_nir(path)
    for options in ({"dt": DT}, {"tool": "snntorch"}):
        assert loihi_sca.read_nir(path, **options).layers[1].neuron.voltage_decay == 410
    with pytest.raises(ConfigError, match="dt is 0"):
        loihi_sca.read_nir(path, dt=0)


def test_scalars_broadcast(path) -> None:
    scalars = {key: np.float64(x.item()) if hasattr(x, "item") else x
               for key, x in g.lif(6, 10).items()}  # fmt: skip
    g.one_layer(path, [[2, 4], [6, 8]], scalars)
    vectors = path.with_name("y.nir")
    g.one_layer(vectors, [[2, 4], [6, 8]], g.lif([6, 6], [10, 10]))
    found = [loihi_sca.read_nir(p, dt=DT).network for p in (path, vectors)]
    assert found[0] == found[1]


def test_a_snntorch_file_cannot_tell_how_it_resets(path) -> None:
    g.one_layer(path, [[2.0]], g.lif(1, 10))
    notes = loihi_sca.read_nir(path, tool="snntorch").notes
    assert any("subtract their threshold too, its default" in note for note in notes)


def test_gains_are_folded_into_the_weights(path) -> None:
    """A CubaLIF with w_in dt / tau_syn other than 1, and a LIF with r dt / tau other than 1."""
    plain, odd = path, path.with_name("y.nir")
    g.one_layer(plain, [[3.0, -1.3]], g.cuba(2.0))
    g.one_layer(odd, [[12.0, -5.2]], g.cuba(2.0, w_in=5.0 / 8, r=20.0))
    assert loihi_sca.read_nir(plain, dt=DT).network == loihi_sca.read_nir(odd, dt=DT).network
    g.one_layer(plain, [[3.0, -1.3]], g.lif(2.0))
    g.one_layer(odd, [[12.0, -5.2]], g.lif(2.0, r=2.5))
    assert loihi_sca.read_nir(plain, dt=DT).network == loihi_sca.read_nir(odd, dt=DT).network


def test_thresholds_per_channel_become_one(path) -> None:
    g.one_layer(path, [[1.0], [1.0]], g.lif([1.0, 2.0], [10, 10]))
    found = loihi_sca.read_nir(path, dt=DT)
    assert found.layers[1].weight.ravel().tolist() == [254, 128]  # even; half would be 127
    assert any("thresholds per channel became one" in note for note in found.notes)


def test_a_leak_towards_a_voltage_is_a_bias(path) -> None:
    g.one_layer(path, [[2.0]], g.lif(60, 8, v_leak=40.0))
    assert loihi_sca.read_nir(path, dt=DT).layers[1].bias.tolist() == [5]


def test_a_bias_of_the_current_is_said_to_come_sooner(path) -> None:
    g.one_layer(path, [[2.0]], g.cuba(60, 8, 4), bias=[1.0])
    found = loihi_sca.read_nir(path, dt=DT)
    assert found.layers[1].bias.tolist() == [4]
    assert any("its bias enters the current" in note for note in found.notes)


def test_no_leak_is_an_if_in_time_steps(path) -> None:
    node = {"type": "IF", "r": [1.0], "v_threshold": [5.0], "v_reset": [0.0]}
    g.one_layer(path, [[2.0]], node)
    assert loihi_sca.read_nir(path, dt=1.0).layers[1].neuron == Cuba(4096, 0, 5)


def test_chains_come_in_the_order_of_their_edges(path) -> None:
    rng = np.random.default_rng(0)
    names = [str(i) for i in range(12)]
    nodes = {"input": g.input_(3)}
    for i, name in enumerate(names):
        nodes[name] = g.linear(2 * rng.integers(-9, 20, (3, 3))) if i % 2 == 0 else g.lif(9 + i, 8)
    nodes["output"] = g.output(3)
    chain = list(nodes)
    edges = list(itertools.pairwise(chain))
    rng.shuffle(edges)
    g.write(path, nodes, [tuple(e) for e in edges])
    found = loihi_sca.read_nir(path, dt=DT)
    assert [x.neuron.threshold for x in found.layers[1:]] == [10, 12, 14, 16, 18, 20]


@pytest.mark.parametrize("kernel", [2, (2,), (2, 2)])
@pytest.mark.parametrize("kind", ["SumPool2d", "AvgPool2d"])
def test_pools_are_folded(path, kind, kernel) -> None:
    """Before dense synapses, before and behind a convolution, and on their own."""
    rng = np.random.default_rng(0)
    nodes = {
        "input": g.input_(2, 8, 8),
        "p": g.pool(kind, kernel), "c": g.conv(rng.normal(size=(3, 2, 3, 3)), padding=(1, 1)),
        "q": g.pool(kind, kernel), "n": g.lif(0.3, 10),
        "f": g.flatten(), "d": g.linear(rng.normal(size=(4, 12))), "m": g.lif(0.3, 10),
        "output": g.output(4),
    }  # fmt: skip
    g.write(path, nodes)
    found = loihi_sca.read_nir(path, dt=DT)
    conv, dense = found.layers[1:]
    assert isinstance(conv, Conv)
    assert isinstance(dense, Dense)
    assert (conv.kernel, conv.stride, conv.padding) == ((8, 8), (4, 4), (2, 2))
    assert conv.out_shape == (3, 2, 2)
    assert any("became one layer of synapses" in note for note in found.notes)
    assert found.changes[-1].spikes > 0


def test_a_pool_with_neurons_and_one_before_dense_synapses(path) -> None:
    nodes = {
        "input": g.input_(2, 5, 4), "p": g.pool("SumPool2d", 2), "n": g.lif(1.5, 10),
        "q": g.pool("SumPool2d", (2, 1)), "f": g.flatten(1), "d": g.linear([[2.0, 4, 6, 8]]),
        "m": g.lif(9, 10), "output": g.output(1),
    }  # fmt: skip
    g.write(path, nodes)
    found = loihi_sca.read_nir(path, dt=DT)
    pool_, dense = found.layers[1:]
    assert pool_.groups == 2
    assert np.unique(pool_.weight).size == 1
    assert dense.weight.tolist() == [[2, 4, 2, 4, 6, 8, 6, 8]]
    assert dense.in_shape == (2, 2, 2)
    assert any("counts a batch" in note for note in found.notes)


def test_delays_are_whole_time_steps(path) -> None:
    nodes = {
        "input": g.input_(2), "z": {"type": "Delay", "delay": np.array([0.0, 3e-4])},
        "d": g.linear([[2.0, 4.0]]), "n": g.lif(3, 8), "output": g.output(1),
    }  # fmt: skip
    g.write(path, nodes)
    found = loihi_sca.read_nir(path, dt=DT)
    assert found.layers[1].delay.tolist() == [[0, 3]]
    assert found.changes[0].spikes_differ == 0
    nodes["z"]["delay"] = np.array([0.0, 2.5e-4])
    g.write(path, nodes)
    with pytest.raises(UnsupportedLayer, match=r"'z' \(Delay\) is 0 to 2.5 time steps"):
        loihi_sca.read_nir(path, dt=DT)


def test_the_end_may_be_a_readout_of_the_host(path) -> None:
    nodes = {
        "input": g.input_(2), "d": g.linear([[2.0, 4.0]]), "n": g.lif(3, 8),
        "o": g.linear([[2.0], [4.0], [6.0]]),
        "li": {"type": "LI", "tau": 8e-4, "r": 8.0, "v_leak": 0.0}, "output": g.output(3),
    }  # fmt: skip
    g.write(path, nodes)
    readout = loihi_sca.read_nir(path, dt=DT).readout
    assert (readout.kind, readout.weight.ravel().tolist()) == ("affine", [2, 4, 6])
    assert readout.neuron == Cuba(4096, 512, 0)
    del nodes["li"]
    g.write(path, nodes)
    assert loihi_sca.read_nir(path, dt=DT).readout.neuron is None
    nodes["o"] = g.linear([[2.0]], bias=[1.0])
    g.write(path, nodes)
    with pytest.raises(UnsupportedLayer, match="'o': the read-out has a bias"):
        loihi_sca.read_nir(path, dt=DT)


def test_data_of_ones_own_are_compared_on(path) -> None:
    g.one_layer(path, [[2.0, 4.0]], g.lif(3, 8))
    spikes = np.ones((5, 2, 7), np.uint8)
    found = loihi_sca.read_nir(path, dt=DT, data=spikes)
    assert found.compared == 35
    with pytest.raises(InputError):
        loihi_sca.read_nir(path, dt=DT, data=np.ones((5, 3, 7), np.uint8))
    silent = loihi_sca.read_nir(path, dt=DT, data=0 * spikes)
    assert any("silent" in note for note in silent.notes)


@pytest.mark.lava
@pytest.mark.timeout(300)
def test_a_graph_of_others_runs_on_lava_as_here(path) -> None:
    """A convolution with a bias behind a pool, and dense synapses with a current that lasts."""
    rng = np.random.default_rng(0)
    nodes = {
        "input": g.input_(2, 6, 6), "p": g.pool("SumPool2d", 2),
        "c": g.conv(rng.normal(size=(3, 2, 3, 3)), padding=(1, 1), bias=rng.normal(size=3) / 9),
        "n": g.lif(1.0, 10), "f": g.flatten(), "d": g.linear(rng.normal(size=(4, 27))),
        "m": g.cuba(2.0, 10, 3), "output": g.output(4),
    }  # fmt: skip
    g.write(path, nodes)
    compiled = compile_with_report(loihi_sca.read_nir(path, dt=DT, timesteps=10).network)
    verified = loihi_sca.verify(compiled, samples=2)
    assert verified.mismatches == 0
    assert "lava" in repr(verified)
    assert loihi_sca.map_network(compiled).cores > 0


@pytest.mark.parametrize("kind", ["Affine", "Conv2d"])
def test_a_scale_of_spikes_does_not_scale_the_bias_behind_them(path, kind) -> None:
    synapses = (
        g.linear([[2.0], [6.0]], bias=[3.0, -1.0])
        if kind == "Affine"
        else g.conv([[[[2.0]]], [[[6.0]]]], bias=np.array([3.0, -1.0]))
    )
    shape = (1,) if kind == "Affine" else (1, 2, 2)
    nodes = {
        "input": g.input_(*shape), "s": {"type": "Scale", "scale": np.full(shape, 4.0)},
        "a": synapses, "n": g.lif(60, 8), "output": g.output(2),
    }  # fmt: skip
    g.write(path, nodes)
    layer = loihi_sca.read_nir(path, dt=DT).layers[1]
    assert layer.weight.ravel().tolist() == [8, 24]
    assert layer.bias.tolist() == [3, -1]


@pytest.mark.parametrize(
    ("weight", "taken"),
    [
        ([[1000.0, 2.0], [500.0, -400.0]], [[254, 0], [128, -102]]),
        ([[3e-5, -2e-5], [6e-5, 1e-5]], [[128, -84], [254, 42]]),
        ([[254.0, -256.0]], [[254, -256]]),
    ],
)
def test_weights_of_a_readout_are_scaled_into_eight_bits(path, weight, taken) -> None:
    """Even numbers beyond eight bits are not cut off, and small ones are not zeros."""
    nodes = {
        "input": g.input_(2), "d": g.linear([[2.0, 4.0], [6.0, 8.0]]), "n": g.lif(3, 8),
        "o": g.linear(weight), "output": g.output(len(weight)),
    }  # fmt: skip
    g.write(path, nodes)
    found = loihi_sca.read_nir(path, dt=DT)
    assert found.readout.weight.tolist() == taken
    scale = taken[-1][0] / weight[-1][0]
    assert np.allclose(np.array(weight) * scale, taken, atol=2)


def test_small_gains_of_a_layer_do_not_make_its_weights_nothing(path) -> None:
    """Of r = 1 and w_in = 1, as NIR has them, a step takes in a hundredth twice."""
    g.one_layer(path, [[0.3, 0.4], [0.6, 0.8]], g.cuba(1.0, 100, 100, r=1.0, w_in=1.0))
    layer = loihi_sca.read_nir(path, dt=DT).layers[1]
    assert layer.weight.min() > 0
    assert layer.neuron.threshold > 100_000


def test_delays_of_a_map_are_of_its_shape(path) -> None:
    """Two values for a map (2, 2, 2) would go along any of its axes."""
    delays = np.arange(8).reshape(2, 2, 2) * DT
    nodes = {
        "input": g.input_(2, 2, 2), "z": {"type": "Delay", "delay": delays}, "f": g.flatten(),
        "d": g.linear(np.full((1, 8), 2.0)), "n": g.lif(3, 8), "output": g.output(1),
    }  # fmt: skip
    for same in (delays, delays.ravel(), delays[None]):
        nodes["z"]["delay"] = same
        g.write(path, nodes)
        assert loihi_sca.read_nir(path, dt=DT).layers[1].delay.tolist() == [list(range(8))]
    nodes["z"]["delay"] = np.array([DT, 3 * DT])
    g.write(path, nodes)
    with pytest.raises(UnsupportedLayer, match=r"shape \(2,\), and which axis of \(2, 2, 2\)"):
        loihi_sca.read_nir(path, dt=DT)
    nodes["z"]["delay"] = np.arange(3) * DT
    nodes["input"], nodes["d"] = g.input_(2), g.linear([[2.0, 4.0]])
    del nodes["f"]
    g.write(path, nodes)
    with pytest.raises(NetworkError, match=r"'z' \(Delay\): delay has shape \(3,\), its layer"):
        loihi_sca.read_nir(path, dt=DT)


@pytest.mark.parametrize("key", ["kernel_size", "stride"])
def test_a_pool_says_its_window_and_its_stride(path, key) -> None:
    pool = {k: v for k, v in g.pool("AvgPool2d", 2).items() if k != key}
    nodes = {"input": g.input_(2, 4, 4), "p": pool, "n": g.lif(0.3, 8), "output": g.output(2, 2, 2)}
    g.write(path, nodes)
    with pytest.raises(NetworkError, match=f"'p' \\(AvgPool2d\\) lacks the field '{key}'"):
        loihi_sca.read_nir(path, dt=DT)


def test_a_readout_that_is_nothing_is_refused(path) -> None:
    nodes = {
        "input": g.input_(1), "d": g.linear([[2.0]]), "n": g.lif(3, 8),
        "o": g.linear([[0.0], [0.0]]), "output": g.output(2),
    }  # fmt: skip
    g.write(path, nodes)
    with pytest.raises(UnsupportedLayer, match="'o': all weights of the read-out are 0"):
        loihi_sca.read_nir(path, dt=DT)
