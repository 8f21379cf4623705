"""Graphs of others: what is understood, what is refused, what quantisation changes and says."""

import itertools
import os
from pathlib import Path

import nir_graphs as g
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import loihi_sca
from loihi_sca.errors import ConfigError, InputError, NetworkError, UnsupportedLayer
from loihi_sca.exchange.float_layers import Synapses
from loihi_sca.exchange.folding import fold, pool
from loihi_sca.network import Conv, Cuba, Dense

DT = 1e-4


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "x.nir"


def one_layer(path: Path, weight, neuron, **synapses) -> Path:
    weight = np.asarray(weight, float)
    return g.write(
        path,
        {"input": g.input_(weight.shape[1]), "fc": g.linear(weight, **synapses), "lif": neuron,
         "output": g.output(len(weight))},
    )  # fmt: skip


def test_integers_pass_unchanged(path) -> None:
    one_layer(path, [[2, -256], [254, 6]], g.lif(60, 8), bias=[3.0, -1])
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
    one_layer(path, weight, g.lif(1.0, 10), bias=rng.normal(size=5) / 10)
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
    one_layer(path, [[2.0]], g.lif(1, 10))
    with pytest.raises(ConfigError, match=r"not the time step. Give it.*--from snntorch"):
        loihi_sca.read_nir(path)
    for options in ({"dt": DT}, {"tool": "snntorch"}):
        assert loihi_sca.read_nir(path, **options).layers[1].neuron.voltage_decay == 410
    with pytest.raises(ConfigError, match="dt is 0"):
        loihi_sca.read_nir(path, dt=0)


@pytest.mark.parametrize(
    ("neuron", "options", "said"),
    [
        (g.lif(1, 10), {"dt": 1.0}, "tau is 0.001 time steps of 1 s"),
        (g.lif(1, 10, v_reset=None), {"tool": "sinabs", "reset": "zero"}, "tau is 0.001 time"),
        (g.lif(1, 10, dt=1.0), {"dt": DT}, "tau is 100000 time steps of 0.0001 s"),
        (g.lif(1, 10, dt=1.0), {"tool": "snntorch"}, "tau is 100000 time steps"),
        (g.cuba(1, 10, 0.5), {"dt": DT}, "tau_syn is 0.5 time steps"),
        (g.cuba(1, 2000, 5), {"dt": DT}, "tau_mem is 2000 time steps"),
    ],
)
def test_time_constants_that_are_read_crosswise_are_refused(path, neuron, options, said) -> None:
    one_layer(path, [[2.0]], neuron)
    with pytest.raises(UnsupportedLayer, match=f"'lif'.*{said}.* to 1000.*--dt"):
        loihi_sca.read_nir(path, **options)


def test_scalars_broadcast(path) -> None:
    scalars = {key: np.float64(x.item()) if hasattr(x, "item") else x
               for key, x in g.lif(6, 10).items()}  # fmt: skip
    one_layer(path, [[2, 4], [6, 8]], scalars)
    vectors = path.with_name("y.nir")
    one_layer(vectors, [[2, 4], [6, 8]], g.lif([6, 6], [10, 10]))
    found = [loihi_sca.read_nir(p, dt=DT).network for p in (path, vectors)]
    assert found[0] == found[1]


def test_neurons_that_subtract_are_refused_or_measured(path) -> None:
    weight = np.random.default_rng(1).normal(size=(8, 30))
    one_layer(path, weight, g.lif(0.5, 10, v_reset=None))
    with pytest.raises(UnsupportedLayer, match=r"'lif' \(LIF\) has no v_reset.*reset='zero'"):
        loihi_sca.read_nir(path, dt=DT)
    found = loihi_sca.read_nir(path, dt=DT, reset="zero")
    assert any("reset to 0, which alone makes" in note for note in found.notes)
    assert found.changes[0].spikes_differ > 0
    one_layer(path, weight, g.lif(0.5, 10, v_reset=-0.1))
    with pytest.raises(
        UnsupportedLayer, match=r"v_reset is -0.1 to -0.1, and the chip resets to 0"
    ):
        loihi_sca.read_nir(path, dt=DT)


def test_a_snntorch_file_cannot_tell_how_it_resets(path) -> None:
    one_layer(path, [[2.0]], g.lif(1, 10))
    notes = loihi_sca.read_nir(path, tool="snntorch").notes
    assert any("subtract their threshold too, its default" in note for note in notes)


def test_gains_are_folded_into_the_weights(path) -> None:
    """A CubaLIF with w_in dt / tau_syn other than 1, and a LIF with r dt / tau other than 1."""
    plain, odd = path, path.with_name("y.nir")
    one_layer(plain, [[3.0, -1.3]], g.cuba(2.0))
    one_layer(odd, [[12.0, -5.2]], g.cuba(2.0, w_in=5.0 / 8, r=20.0))
    assert loihi_sca.read_nir(plain, dt=DT).network == loihi_sca.read_nir(odd, dt=DT).network
    one_layer(plain, [[3.0, -1.3]], g.lif(2.0))
    one_layer(odd, [[12.0, -5.2]], g.lif(2.0, r=2.5))
    assert loihi_sca.read_nir(plain, dt=DT).network == loihi_sca.read_nir(odd, dt=DT).network


def test_thresholds_per_channel_become_one(path) -> None:
    one_layer(path, [[1.0], [1.0]], g.lif([1.0, 2.0], [10, 10]))
    found = loihi_sca.read_nir(path, dt=DT)
    assert found.layers[1].weight.ravel().tolist() == [254, 128]  # even; half would be 127
    assert any("thresholds per channel became one" in note for note in found.notes)


def test_a_leak_towards_a_voltage_is_a_bias(path) -> None:
    one_layer(path, [[2.0]], g.lif(60, 8, v_leak=40.0))
    assert loihi_sca.read_nir(path, dt=DT).layers[1].bias.tolist() == [5]


def test_a_bias_of_the_current_is_said_to_come_sooner(path) -> None:
    one_layer(path, [[2.0]], g.cuba(60, 8, 4), bias=[1.0])
    found = loihi_sca.read_nir(path, dt=DT)
    assert found.layers[1].bias.tolist() == [4]
    assert any("its bias enters the current" in note for note in found.notes)


def test_no_leak_is_an_if_in_time_steps(path) -> None:
    node = {"type": "IF", "r": [1.0], "v_threshold": [5.0], "v_reset": [0.0]}
    one_layer(path, [[2.0]], node)
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


def test_cycles_and_unknown_nodes_are_all_listed(path) -> None:
    nodes = {
        "input": g.input_(1), "a": g.linear([[1.0]]), "b": g.lif(), "rec": g.linear([[1.0]]),
        "output": g.output(1),
    }  # fmt: skip
    edges = [("input", "a"), ("a", "b"), ("b", "rec"), ("rec", "b"), ("b", "output")]
    g.write(path, nodes, edges)
    with pytest.raises(UnsupportedLayer) as caught:
        loihi_sca.read_nir(path, dt=DT)
    assert "these nodes form a cycle: 'b' (LIF), 'rec' (Linear)" in str(caught.value)
    nodes |= {"x": {"type": "Conv1d", "weight": [1.0]}, "y": {"type": "Wormhole"}}
    g.write(path, nodes, [*edges, ("b", "ghost"), ("a", "b")])
    with pytest.raises(UnsupportedLayer) as caught:
        loihi_sca.read_nir(path, dt=DT)
    for part in ("node 'x' (Conv1d)", "node 'y' (Wormhole)", "there is no node 'ghost'", "twice"):
        assert part in str(caught.value)


def test_graphs_within_graphs_are_refused_by_name(path) -> None:
    inner = {"type": "NIRGraph", "nodes/lif/type": "LIF", "edges": np.zeros((0, 2))}
    g.write(path, {"input": g.input_(1), "rnn": inner, "output": g.output(1)})
    with pytest.raises(UnsupportedLayer, match=r"'rnn' \(NIRGraph\).*recurrent"):
        loihi_sca.read_nir(path, dt=DT)


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


@st.composite
def windows(draw, channels: tuple[int, int], groups: int = 1):
    kernel, stride, padding, dilation = (
        (draw(st.integers(low, high)), draw(st.integers(low, high)))
        for low, high in ((1, 3), (1, 3), (0, 2), (1, 2))
    )
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    weight = rng.normal(size=(channels[1], channels[0] // groups, *kernel))
    return {"weight": weight, "bias": rng.normal(size=channels[1]), "stride": stride,
            "padding": padding, "dilation": dilation, "groups": groups}  # fmt: skip


@given(st.data(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_folding_changes_nothing_or_is_refused(data, pool_first) -> None:
    shape = (2, data.draw(st.integers(7, 12)), data.draw(st.integers(7, 12)))
    window = {**data.draw(windows((1, 1))), "bias": np.zeros(1)}
    like = Synapses(("p",), (1, *shape[1:]), **window)
    if pool_first:
        first = pool("p", shape, like)
        if min(first.out_shape) < 1:
            return
        second = Synapses(("c",), first.out_shape, **data.draw(windows((2, 4), groups=2)))
    else:
        first = Synapses(("c",), shape, **data.draw(windows((2, 4))))
        if min(first.out_shape) < 1:
            return
        second = pool("p", first.out_shape, like)
    if min(second.out_shape) < 1:
        return
    try:
        both = fold(first, second)
    except UnsupportedLayer:
        with pytest.raises(UnsupportedLayer, match="zeros are padded"):
            fold(first, second)
        assert max(second.padding) > 0
        return
    spikes = np.random.default_rng(0).random((3, *shape))
    assert both.out_shape == second.out_shape
    assert np.allclose(both.apply(spikes), second.apply(first.apply(spikes)))


def test_same_padding_wants_odd_kernels(path) -> None:
    def graph(kernel: int, **changes) -> Path:
        layer = g.conv(np.full((1, 1, kernel, kernel), 2.0), padding="same", **changes)
        return g.write(path, {"input": g.input_(1, 6, 6), "c": layer, "n": g.lif(3, 8)})

    assert loihi_sca.read_nir(graph(3, dilation=(2, 2)), dt=DT).layers[1].padding == (2, 2)
    assert loihi_sca.read_nir(graph(3), dt=DT).out_shape == (1, 6, 6)
    with pytest.raises(UnsupportedLayer, match=r"'c'.*'same' with a kernel \(2, 2\)"):
        loihi_sca.read_nir(graph(2), dt=DT)
    g.write(path, {"input": g.input_(1, 6, 6), "c": g.conv([[[[2.0]]]], padding="x"), "n": g.lif()})
    with pytest.raises(NetworkError, match="padding is 'x'"):
        loihi_sca.read_nir(path, dt=DT)


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


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ({"a": g.linear([[1.0]]), "b": g.linear([[1.0]]), "n": g.lif()}, "follow synapses without"),
        ({"a": g.linear([[1.0]]), "n": g.lif(), "m": g.lif()}, "'m'.*has no synapses before it"),
        ({"n": g.lif()}, "'n'.*has no synapses before it"),
        ({"a": g.linear([[0.0]]), "n": g.lif()}, "all weights before it are 0"),
        ({"a": g.linear([[1.0]])}, "no spiking neurons"),
        ({"a": g.linear([[1.0]]), "n": g.lif(-1)}, "v_threshold is -1, below 0"),
        ({"a": g.linear([[1e-9]]), "n": g.lif(1e9)}, "all weights became 0|threshold"),
        ({"a": g.linear([[1.0]]), "n": g.cuba(1, 10, 2.0**20), "o": g.linear([[1.0]])}, None),
    ],
)
def test_what_a_chip_cannot_do_is_named(path, nodes, said) -> None:
    g.write(path, {"input": g.input_(1), **nodes, "output": g.output(1)})
    if said is None:
        assert loihi_sca.read_nir(path, dt=DT).layers[1].neuron.current_decay == 0
        return
    with pytest.raises(UnsupportedLayer, match=said):
        loihi_sca.read_nir(path, dt=DT)


def test_sizes_that_do_not_fit_name_the_node(path) -> None:
    g.write(path, {"input": g.input_(3), "fc": g.linear([[1.0]]), "n": g.lif()})
    with pytest.raises(NetworkError, match=r"'fc'.*takes 1 inputs, but 3 arrive"):
        loihi_sca.read_nir(path, dt=DT)
    g.write(path, {"input": g.input_(3), "c": g.conv([[[[1.0]]]]), "n": g.lif()})
    with pytest.raises(NetworkError, match=r"'c'.*takes a map \(C, H, W\), but \(3,\) arrives"):
        loihi_sca.read_nir(path, dt=DT)
    g.write(path, {"input": g.input_(2, 9), "fc": g.linear([[1.0] * 18]), "n": g.lif()})
    with pytest.raises(NetworkError, match=r"neither \(N,\) nor \(C, H, W\).*--input-shape"):
        loihi_sca.read_nir(path, dt=DT)
    assert loihi_sca.read_nir(path, dt=DT, input_shape=(1, 2, 9)).in_shape == (1, 2, 9)


def test_neurons_of_a_channel_must_be_alike(path) -> None:
    weight = np.full((2, 1, 1, 1), 2.0)

    def graph(tau) -> Path:
        shape = np.ones((2, 3, 3))
        node = g.lif(3 * shape, 10 * shape)
        node["tau"] = np.asarray(tau) * DT
        return g.write(path, {"input": g.input_(1, 3, 3), "c": g.conv(weight), "n": node})

    per_channel = np.broadcast_to(np.array([8.0, 16.0]).reshape(2, 1, 1), (2, 3, 3))
    decays = loihi_sca.read_nir(graph(per_channel), dt=DT).layers[1].neuron.voltage_decay
    assert decays.tolist() == [512, 256]
    with pytest.raises(UnsupportedLayer, match="tau differs between neurons of a channel"):
        loihi_sca.read_nir(graph(np.arange(2, 20).reshape(2, 3, 3)), dt=DT)
    with pytest.raises(UnsupportedLayer, match=r"shape \(2,\), and which axis of \(2, 3, 3\)"):
        loihi_sca.read_nir(graph([8.0, 16.0]), dt=DT)


def test_data_of_ones_own_are_compared_on(path) -> None:
    one_layer(path, [[2.0, 4.0]], g.lif(3, 8))
    spikes = np.ones((5, 2, 7), np.uint8)
    found = loihi_sca.read_nir(path, dt=DT, data=spikes)
    assert found.compared == 35
    with pytest.raises(InputError):
        loihi_sca.read_nir(path, dt=DT, data=np.ones((5, 3, 7), np.uint8))
    silent = loihi_sca.read_nir(path, dt=DT, data=0 * spikes)
    assert any("silent" in note for note in silent.notes)


PAPER = {
    "lif_norse.nir": (UnsupportedLayer, r"'1' \(LIF\) has no v_reset"),
    "lif_rockpool.nir": (UnsupportedLayer, r"'1_LIFNeuronTorch' \(LIF\) has no v_reset"),
    "two_lif.nir": (UnsupportedLayer, r"'lif1' \(LIF\) has no v_reset"),
    "braille_bias_zero.nir": (
        UnsupportedLayer, r"form a cycle: 'lif1.lif' \(CubaLIF\), 'lif1.w_rec' \(Affine\)",
    ),
    "braille_nobias_subtract.nir": (
        UnsupportedLayer, r"form a cycle: 'lif1.lif' \(CubaLIF\), 'lif1.w_rec' \(Linear\)",
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def paper() -> Path:
    folder = Path(os.environ.get("LOIHI_SCA_DATA", "nowhere")) / "nir"
    if not folder.is_dir():
        pytest.skip("LOIHI_SCA_DATA has no folder nir, with the graphs of the NIR paper")
    return folder


@pytest.mark.parametrize("name", PAPER)
def test_graphs_of_the_nir_paper_are_refused_by_name(name, paper) -> None:
    kind, said = PAPER[name]
    with pytest.raises(kind, match=said):
        loihi_sca.read_nir(paper / name, dt=DT)


@pytest.mark.parametrize(
    ("name", "decays", "threshold_per_weight"),
    [
        ("lif_norse.nir", [164], 0.1 / (1 * 0.04)),
        ("lif_rockpool.nir", [164], 0.1 / (0.04 * 24.019737 * 0.04)),
        ("two_lif.nir", [41, 41], 20 / (1 * 0.01)),
    ],
)
def test_graphs_of_the_nir_paper_are_read_with_a_reset_to_zero(
    name, decays, threshold_per_weight, paper
) -> None:
    assert {p.name for p in paper.glob("*_*.nir")} == set(PAPER)
    found = loihi_sca.read_nir(paper / name, dt=DT, reset="zero")
    assert [x.neuron.voltage_decay for x in found.layers[1:]] == decays
    last = found.layers[-1]
    assert last.neuron.threshold / last.weight.max() == pytest.approx(
        threshold_per_weight, rel=0.02
    )
    assert any("is now reset to 0" in note for note in found.notes)
