"""Graphs of others that a chip cannot do: refused by name, all reasons at once."""

from pathlib import Path

import nir_graphs as g
import numpy as np
import pytest

import loihi_sca
from loihi_sca.errors import NetworkError, UnsupportedLayer

DT = 1e-4


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "x.nir"


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
    g.one_layer(path, [[2.0]], neuron)
    with pytest.raises(UnsupportedLayer, match=f"'lif'.*{said}.* to 1000.*--dt"):
        loihi_sca.read_nir(path, **options)


def test_neurons_that_subtract_are_refused_or_measured(path) -> None:
    weight = np.random.default_rng(1).normal(size=(8, 30))
    g.one_layer(path, weight, g.lif(0.5, 10, v_reset=None))
    with pytest.raises(UnsupportedLayer, match=r"'lif' \(LIF\) has no v_reset.*reset='zero'"):
        loihi_sca.read_nir(path, dt=DT)
    found = loihi_sca.read_nir(path, dt=DT, reset="zero")
    assert any("reset to 0, which alone makes" in note for note in found.notes)
    assert found.changes[0].spikes_differ > 0
    g.one_layer(path, weight, g.lif(0.5, 10, v_reset=-0.1))
    with pytest.raises(
        UnsupportedLayer, match=r"v_reset is -0.1 to -0.1, and the chip resets to 0"
    ):
        loihi_sca.read_nir(path, dt=DT)


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


def test_fields_that_are_not_known_are_refused(path) -> None:
    g.one_layer(path, [[2.0]], {**g.lif(), "refractory": 2.0, "odd/inner": 1})
    with pytest.raises(UnsupportedLayer) as caught:
        loihi_sca.read_nir(path, dt=DT)
    for key in ("refractory", "odd"):
        assert f"'lif' (LIF): its field '{key}' is not known" in str(caught.value)


@pytest.mark.parametrize(
    "node", [{"type": "Delay", "delay": [1e-3]}, {"type": "Scale", "scale": [2.0]}]
)
def test_nothing_at_the_end_is_dropped(path, node) -> None:
    nodes = {"input": g.input_(1), "a": g.linear([[2.0]]), "n": g.lif(), "z": node}
    g.write(path, {**nodes, "output": g.output(1)})
    with pytest.raises(UnsupportedLayer, match="the last spikes are late or scaled"):
        loihi_sca.read_nir(path, dt=DT)
    g.write(path, {**nodes, "b": g.linear([[4.0]])})
    if node["type"] == "Delay":
        with pytest.raises(UnsupportedLayer, match="the last spikes are late or scaled"):
            loihi_sca.read_nir(path, dt=DT)
    else:
        assert loihi_sca.read_nir(path, dt=DT).readout.weight.tolist() == [[8]]
