"""What we write as NIR comes back bit for bit, from every network that is supported."""

import itertools
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from network_strategies import graded_networks, networks, residual_networks

import loihi_sca
from loihi_sca.errors import ConfigError, InputError, NetworkError, UnsupportedLayer
from loihi_sca.exchange.nir_file import read_graph
from loihi_sca.exchange.tools import TOOLS
from loihi_sca.network import (
    ComplexDense,
    Conv,
    Cuba,
    Dense,
    Input,
    Network,
    OtherLayer,
    Pool,
    Readout,
    Recurrent,
    Resonator,
)

SETTINGS = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def dense_network(**changes) -> Network:
    rng = np.random.default_rng(3)
    weight = 2 * rng.integers(-30, 60, (10, 32)).astype(np.int32)
    layers = (
        Input("in", (2, 4, 4)),
        Dense("out", (2, 4, 4), weight, bias=np.arange(10), neuron=Cuba(4096, 500, 60)),
    )
    return Network("small", layers, timesteps=6).replace(**changes)


@pytest.fixture
def network() -> Network:
    return dense_network()


@SETTINGS
@given(network=st.one_of(networks(), residual_networks()), tool=st.sampled_from(sorted(TOOLS)))
def test_every_network_comes_back_bit_for_bit(network, tool, tmp_path) -> None:
    loihi_sca.write_nir(network, tmp_path / "a.nir", tool=tool)
    back = loihi_sca.read_nir(tmp_path / "a.nir")
    assert back.exact
    assert back == network
    assert back.network == network
    assert back.name == network.name
    for one, other in zip(back, network, strict=True):
        assert one == other
        assert (one.axon_delay is None) == (other.axon_delay is None)
    loihi_sca.write_nir(back, tmp_path / "b.nir", tool=tool)
    assert (tmp_path / "a.nir").read_bytes() == (tmp_path / "b.nir").read_bytes()


@SETTINGS
@given(
    network=st.one_of(
        networks(groups=False, pools=False), residual_networks(groups=False, pools=False)
    )
)
def test_the_nir_package_hands_it_on_unchanged(network, tmp_path) -> None:
    nir = pytest.importorskip("nir")
    loihi_sca.write_nir(network, tmp_path / "a.nir")
    kernels = {x.kernel for layer in network for x in layer.tables if isinstance(x, Conv)}
    chain = network.wiring.is_chain and not any(isinstance(x, Recurrent) for x in network)
    checked = chain and all(len(set(kernel)) == 1 for kernel in kernels)
    graph = nir.read(tmp_path / "a.nir", type_check=checked)
    nir.write(tmp_path / "b.nir", graph)
    assert loihi_sca.read_nir(tmp_path / "b.nir").network == network


@pytest.mark.parametrize(
    "readout",
    [
        Readout(),
        Readout("average", groups=5),
        Readout("affine", weight=np.arange(30).reshape(3, 10)),
        Readout("affine", weight=np.full((2, 10), -3), neuron=Cuba(4096, 128, 0)),
    ],
)
def test_readouts_names_and_metadata_travel(network, readout, tmp_path) -> None:
    odd = 'a/b "ü"\x00 [red]'
    layers = (network.layers[0], Dense(odd, (32,), network["out"].weight, neuron=Cuba(1, 2, 3)))
    sent = Network(odd, layers, timesteps=None, readout=readout, metadata={"ö": "/\x00"})
    notes = loihi_sca.write_nir(sent, tmp_path / "x.nir")
    back = loihi_sca.read_nir(tmp_path / "x.nir")
    assert (back == sent, back.name, back.metadata) == (True, odd, {"ö": "/\x00"})
    assert back.layers[1].name == odd
    assert bool(notes) == (readout.kind != "count")
    assert loihi_sca.read_nir(tmp_path / "x.nir", timesteps=9).timesteps == 9


def test_integers_are_written_as_integers(network, tmp_path) -> None:
    loihi_sca.write_nir(network, tmp_path / "x.nir")
    with h5py.File(tmp_path / "x.nir") as file:
        node = file["node/nodes/1_dense"]
        assert node["weight"].dtype == node["bias"].dtype == np.int32
        assert np.array_equal(node["weight"], network["out"].weight)
        about = json.loads(file["node/metadata/loihi_sca"][()])
        assert about["digest"] == network.digest()


def test_more_than_ten_layers_keep_their_order_whatever_that_of_the_edges(tmp_path) -> None:
    rng = np.random.default_rng(0)
    layers = tuple(
        Dense(f"n{i}", (4,), 2 * rng.integers(-9, 9, (4, 4)) + 20, neuron=Cuba(4096, 100 + i, 9))
        for i in range(13)
    )
    deep = Network("deep", layers)
    loihi_sca.write_nir(deep, tmp_path / "x.nir")
    graph = read_graph(tmp_path / "x.nir")
    in_order = ["input", *sorted({*graph.nodes} - {"input", "output"}), "output"]
    assert list(graph.edges) == list(itertools.pairwise(in_order))
    with h5py.File(tmp_path / "x.nir", "r+") as file:
        edges = [list(map(bytes.decode, pair)) for pair in file["node/edges"][()]]
        np.random.default_rng(1).shuffle(edges)
        del file["node/edges"]
        file.create_dataset("node/edges", data=edges, dtype=h5py.string_dtype())
    assert loihi_sca.read_nir(tmp_path / "x.nir") == deep
    read = loihi_sca.read_nir(tmp_path / "x.nir", as_graph=True)
    assert [x.neuron for x in read.layers[1:]] == [x.neuron for x in layers]


def test_a_flatten_has_no_batch(network, tmp_path) -> None:
    loihi_sca.write_nir(network, tmp_path / "x.nir")
    [node] = [x for x in read_graph(tmp_path / "x.nir").nodes.values() if x.type == "Flatten"]
    assert (node.fields["start_dim"], node.fields["end_dim"]) == (0, -1)


def test_nodes_follow_from_the_equations_of_nir(tmp_path) -> None:
    neuron = Cuba(current_decay=1024, voltage_decay=np.array([0, 512, 4096]), threshold=7)
    layer = Dense("x", (2,), np.full((3, 2), 4), bias=np.array([1, 2, 3]), neuron=neuron)
    loihi_sca.write_nir(Network("x", (layer,)), tmp_path / "x.nir", dt=1e-3)
    graph = read_graph(tmp_path / "x.nir")
    node = graph.nodes["0_neuron"]
    assert node.type == "CubaLIF"
    assert np.allclose(node.fields["tau_syn"], 4e-3)
    assert np.allclose(node.fields["w_in"], 4)  # so that w_in dt / tau_syn is 1
    assert np.allclose(node.fields["tau_mem"], [1e-3 * 2**20, 8e-3, 1e-3])
    assert np.allclose(node.fields["r"], [2**20, 8, 1])
    assert np.allclose(node.fields["v_leak"], [2**20, 2 * 8, 3])
    assert set(graph.nodes) == {"input", "0_dense", "0_neuron", "output"}
    # snnTorch reads IF as a neuron with a decay of 0.9, and sinabs as one with a lower bound
    none = Dense("x", (2,), np.full((3, 2), 4), neuron=Cuba(4096, 0, 7))
    loihi_sca.write_nir(Network("x", (none,)), tmp_path / "x.nir")
    assert read_graph(tmp_path / "x.nir").nodes["0_neuron"].type == "LIF"


def test_delays_are_ways_of_their_own(tmp_path) -> None:
    weight, delay = np.array([[2, 4], [6, 8]]), np.array([[0, 3], [3, 0]])
    layer = Dense("x", (2,), weight, delay=delay, neuron=Cuba(4096, 0, 5))
    late = Dense("y", (2,), weight, neuron=Cuba(4096, 0, 5), axon_delay=np.array([1, 2]))
    network = Network("x", (late, layer))
    loihi_sca.write_nir(network, tmp_path / "x.nir", dt=0.5)
    graph = read_graph(tmp_path / "x.nir")
    sums = [x for x in graph.nodes.values() if x.name.startswith("1_dense")]
    assert np.array_equal(sum(x.fields["weight"] for x in sums), weight)
    delays = {name: x.fields["delay"].tolist() for name, x in graph.nodes.items()
              if x.type == "Delay"}  # fmt: skip
    assert delays == {"0_axon": [0.5, 1.0], "1_delay0000000003": [1.5, 1.5]}
    assert loihi_sca.read_nir(tmp_path / "x.nir") == network
    with pytest.raises(UnsupportedLayer, match=r"0_axon.*sends to.*1_neuron.*receives from"):
        _raise_flat(lambda: loihi_sca.read_nir(tmp_path / "x.nir", as_graph=True))


def _raise_flat(call) -> None:
    """Call, and raise what is raised without line breaks."""
    try:
        call()
    except UnsupportedLayer as error:
        raise UnsupportedLayer(str(error).replace("\n", " ")) from error


@pytest.mark.parametrize("key", ["weight", "bias"])
def test_a_changed_node_is_no_longer_what_the_metadata_say(network, key, tmp_path) -> None:
    loihi_sca.write_nir(network, tmp_path / "x.nir")
    with h5py.File(tmp_path / "x.nir", "r+") as file:
        file[f"node/nodes/1_dense/{key}"][0] += 2
    with pytest.raises(NetworkError, match=r"damaged|changed since"):
        loihi_sca.read_nir(tmp_path / "x.nir")
    read = loihi_sca.read_nir(tmp_path / "x.nir", as_graph=True).layers[1]
    assert np.array_equal(getattr(read, key)[0], getattr(network["out"], key)[0] + 2)


def test_a_changed_neuron_is_noticed(network, tmp_path) -> None:
    loihi_sca.write_nir(network, tmp_path / "x.nir")
    with h5py.File(tmp_path / "x.nir", "r+") as file:
        file["node/nodes/1_neuron/tau"][...] *= 2
    with pytest.raises(NetworkError, match=r"changed since.*1_neuron.*tau.*--as-graph"):
        loihi_sca.read_nir(tmp_path / "x.nir")
    neuron = loihi_sca.read_nir(tmp_path / "x.nir", as_graph=True).layers[1].neuron
    assert neuron.voltage_decay == 250


@given(network=graded_networks())
@settings(max_examples=20, deadline=None)
def test_sigma_delta_is_refused_by_name(network, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("graded")
    with pytest.raises(UnsupportedLayer, match=r"NIR has no node for a (Sigma|Delta|SigmaDelta)"):
        loihi_sca.write_nir(network, folder / "x.nir")
    assert not list(folder.iterdir())


def test_a_recurrent_layer_is_a_cycle_and_added_synapses_are_ways_beside(tmp_path) -> None:
    rng = np.random.default_rng(2)

    def weight(rows: int, columns: int) -> np.ndarray:
        return 2 * rng.integers(-20, 30, (rows, columns))

    skip = Dense("skip", (6,), weight(3, 6), source="in")
    layers = (
        Input("in", (6,)),
        Recurrent("rec", (6,), weight(4, 6), feedback=weight(4, 4), neuron=Cuba(900, 70, 50),
                  axon_delay=np.array([0, 1, 2, 0])),
        Dense("side", (4,), weight(2, 4), neuron=Cuba(4096, 0, 9)),
        Dense("out", (4,), weight(3, 4), neuron=Cuba(4096, 0, 40), source="rec", added=(skip,)),
    )  # fmt: skip
    network, path = Network("x", layers, timesteps=7), tmp_path / "x.nir"
    notes = "\n".join(loihi_sca.write_nir(network, path))
    assert "rec: the way back to its own neurons takes a step" in notes
    assert "its layers hear others than the one before them" in notes
    graph = read_graph(path)
    edges = set(graph.edges)
    assert {("1_neuron", "1_feedback"), ("1_feedback", "1_neuron")} <= edges
    assert {("1_axon", "2_dense"), ("1_axon", "3_dense"), ("input", "3_added000_dense"),
            ("3_dense", "3_neuron"), ("3_added000_dense", "3_neuron"),
            ("2_neuron", "2_head"), ("3_neuron", "output")} <= edges  # fmt: skip
    assert graph.nodes["2_head"].type == "Output"
    assert np.array_equal(graph.nodes["1_feedback"].fields["weight"], layers[1].feedback)
    back = loihi_sca.read_nir(path)
    assert (back == network, back.network.wiring.heads) == (True, network.wiring.heads)
    spikes = (rng.random((3, 6, 7)) < 0.4).astype(np.uint8)
    assert np.array_equal(
        loihi_sca.run(back.network, spikes).spikes, loihi_sca.run(network, spikes).spikes
    )
    with pytest.raises(UnsupportedLayer, match=r"cycle: '1_feedback' \(Linear\), '1_neuron'"):
        loihi_sca.read_nir(path, as_graph=True)
    with h5py.File(path, "r+") as file:
        file["node/nodes/1_feedback/weight"][0] += 2
    with pytest.raises(NetworkError, match=r"changed since.*1_feedback.*weight"):
        loihi_sca.read_nir(path)


def test_a_constant_channel_travels_and_is_told(tmp_path) -> None:
    entry = Input("in", (3,), constant=True)
    network = Network("x", (entry, Dense("d", (3,), np.eye(3, dtype=int), neuron=Cuba(1, 2, 3))))
    [note] = loihi_sca.write_nir(network, tmp_path / "x.nir")
    assert note == "the last channel of its input is no data, and has to say 1 at every step"
    assert loihi_sca.read_nir(tmp_path / "x.nir") == network


def test_resonators_are_refused_by_name(tmp_path) -> None:
    table = np.ones((2, 3), dtype=int)
    layer = ComplexDense("phase", (3,), table, table, neuron=Resonator(100, 200, 300))
    with pytest.raises(UnsupportedLayer, match="phase: NIR has no node for a ComplexDense"):
        loihi_sca.write_nir(Network("x", (layer,)), tmp_path / "x.nir")
    assert not list(tmp_path.iterdir())


def test_everything_that_nir_cannot_say_is_listed(network, tmp_path) -> None:
    other = OtherLayer("rec", (10,), "dense_rec", (10,), weights={"weight": np.ones((10, 10), int)})
    bare = Dense("bare", (10,), np.ones((10, 10), int))
    odd = network.replace(layers=(*network.layers, other, bare))
    with pytest.raises(UnsupportedLayer) as caught:
        loihi_sca.write_nir(odd, tmp_path / "x.nir")
    assert "rec: NIR has no node for a OtherLayer" in str(caught.value)
    assert "bare: it has no neuron" in str(caught.value)


def test_options_that_cannot_be_are_refused(network, tmp_path) -> None:
    path = tmp_path / "x.nir"
    with pytest.raises(ConfigError, match=r"tool 'snntorhc'.*did you mean 'snntorch'"):
        loihi_sca.write_nir(network, path, tool="snntorhc")
    with pytest.raises(ConfigError, match=r"dt is 0.001, but snntorch takes 0.0001"):
        loihi_sca.write_nir(network, path, tool="snntorch", dt=1e-3)
    for dt in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="must be a number of seconds above 0"):
            loihi_sca.write_nir(network, path, dt=dt)
    with pytest.raises(InputError, match="cannot write"):
        loihi_sca.write_nir(network, tmp_path / "nowhere" / "x.nir")
    with pytest.raises(ConfigError, match="reset 'soft'"):
        loihi_sca.read_nir(path, reset="soft")
    assert not path.exists()


def test_what_a_tool_will_not_do_is_said(tmp_path) -> None:
    weight = np.full((4, 1, 2, 3), 2)
    layers = (
        Conv("c", (2, 6, 6), weight, groups=2, bias=np.arange(4), neuron=Cuba(100, 100, 1)),
        Pool("p", (4, 5, 4), np.full((2, 2), 16), stride=(2, 2), neuron=Cuba(4096, 4096, 1)),
    )
    network, path = Network("x", layers), tmp_path / "x.nir"
    said = {tool: "\n".join(loihi_sca.write_nir(network, path, tool=tool)) for tool in TOOLS}
    assert "p: nir 1.0.8 takes the channels of a group for all" in said["nir"]
    assert "c: nir 1.0.8 takes the kernel (2, 3) for a square" in said["nir"]
    assert "snntorch refuses it" in said["snntorch"]
    assert "norse adds it to the current as well" in said["norse"]
    assert "sinabs reads no CubaLIF" in said["sinabs"]
    assert "v_reset" not in read_graph(path).nodes["1_neuron"].fields  # sinabs was the last


def test_sinabs_graphs_are_what_the_oldest_nir_reads(network, tmp_path) -> None:
    loihi_sca.write_nir(network, tmp_path / "x.nir", tool="sinabs")
    graph = read_graph(tmp_path / "x.nir")
    neuron = graph.nodes["1_neuron"]
    assert (graph.version, neuron.type, "v_reset" in neuron.fields) == ("1.0.4", "LIF", False)
    assert np.allclose(np.exp(-1 / neuron.fields["tau"]), 1 - 500 / 4096)
    assert np.allclose(neuron.fields["v_threshold"], 60 + 1 / 128)  # for those that fire at it


def test_files_are_small(network, tmp_path) -> None:
    loihi_sca.write_nir(network, tmp_path / "x.nir")
    assert Path(tmp_path / "x.nir").stat().st_size < 40_000
