"""Files that are damaged or made to harm: one clear error, in bounded time and memory."""

import resource

import h5py
import nir_graphs as g
import numpy as np
import pytest

import loihi_sca
from loihi_sca.errors import LoihiScaError, NetworkError, UnsupportedLayer
from loihi_sca.hdf5_texts import read_texts
from loihi_sca.network import Cuba, Dense, Network


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.nir"


@pytest.fixture
def ours(path):
    layer = Dense("x", (2,), np.full((3, 2), 4), bias=np.arange(3), neuron=Cuba(7, 8, 9))
    loihi_sca.write_nir(Network("x", (layer,)), path)
    return path


def test_what_is_no_nir_is_said(path, tmp_path) -> None:
    with pytest.raises(NetworkError, match="no such file"):
        loihi_sca.read_nir(path)
    path.write_text("hello")
    with pytest.raises(NetworkError, match="not a readable HDF5 file"):
        loihi_sca.read_nir(path)
    layer = Dense("x", (2,), np.array([[2, 4]]), neuron=Cuba(7, 8, 9))
    loihi_sca.write(Network("x", (layer,)), tmp_path / "x.net")
    with pytest.raises(NetworkError, match="no group 'node': not a NIR graph"):
        loihi_sca.read_nir(tmp_path / "x.net")
    with h5py.File(path, "w") as file:
        file["node/type"] = "LIF"
    with pytest.raises(NetworkError, match="a file of one node alone"):
        loihi_sca.read_nir(path)
    with pytest.raises(NetworkError, match="a folder, and no NIR file"):
        loihi_sca.read_nir(tmp_path)


def test_fields_that_claim_more_than_there_is_are_refused(path) -> None:
    g.write(path, {"input": g.input_(1), "fc": g.linear([[1.0]]), "n": g.lif()})
    with h5py.File(path, "r+") as file:
        del file["node/nodes/fc/weight"]
        file["node/nodes/fc"].create_dataset("weight", (1 << 15, 1 << 13), dtype="f8")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(NetworkError, match=r"weight' claims 268435456 values: damaged"):
        loihi_sca.read_nir(path, dt=1e-4)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_equal_values_that_gzip_packs_well_are_no_damage(path) -> None:
    """Other writers compress all arrays; deflate packs 1032 equal bytes into one at best."""
    side = 1000
    node = g.lif(np.full((1, side, side), 3.0), np.full((1, side, side), 8.0))
    graph = {"input": g.input_(1, side, side), "c": g.conv([[[[2.0]]]]), "n": node}
    g.write(path, graph)
    with h5py.File(path, "r+") as file:
        group = file["node/nodes/n"]
        for key in ("tau", "r", "v_leak", "v_threshold", "v_reset"):
            value = group[key][()]
            del group[key]
            group.create_dataset(key, data=value, compression="gzip", compression_opts=9,
                                 chunks=value.shape)  # fmt: skip
        assert group["v_leak"].nbytes > 1000 * group["v_leak"].id.get_storage_size()
    found = loihi_sca.read_nir(path, dt=1e-4, timesteps=1)
    assert found.layers[1].neuron == Cuba(4096, 512, 3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(path, value) -> None:
    g.write(path, {"input": g.input_(1), "fc": g.linear([[value]]), "n": g.lif()})
    with pytest.raises(NetworkError, match="weight' holds NaN or infinity"):
        loihi_sca.read_nir(path, dt=1e-4)


def test_a_very_long_chain_is_refused(path) -> None:
    with h5py.File(path, "w") as file:
        file["node/type"] = "NIRGraph"
        file["node/nodes/a/type"] = "LIF"
        pairs = np.full((20_000, 2), "a", dtype=object)
        file.create_dataset("node/edges", data=pairs, dtype=h5py.string_dtype())
    with pytest.raises(NetworkError, match="20000 edges, more than 10000"):
        loihi_sca.read_nir(path, dt=1e-4)


def test_many_nodes_on_a_ring_are_found_in_time(path) -> None:
    names = [f"n{i}" for i in range(1500)]
    with h5py.File(path, "w") as file:
        file["node/type"] = "NIRGraph"
        for name in names:
            file[f"node/nodes/{name}/type"] = "LIF"
        pairs = list(zip(names, names[1:] + names[:1], strict=True))
        file.create_dataset("node/edges", data=pairs, dtype=h5py.string_dtype())
    with pytest.raises(UnsupportedLayer, match="form a cycle"):
        loihi_sca.read_nir(path, dt=1e-4)


def test_metadata_of_a_newer_version_are_refused(ours) -> None:
    _replace_json(ours, '"schema": 1', '"schema": 99')
    with pytest.raises(NetworkError, match="written by a newer loihi-sca"):
        loihi_sca.read_nir(ours)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("9]", "10]"), ('"kind": "dense"', '"kind": "y"'), ("{", "["),
        ('"0_dense"', '"nothing"'), ('"layers": [', '"layers": ["a", '),
        ('"dt": 0.0001', '"dt": "x"'),
        ('"for": "nir"', '"for": "me"'), ('"digest": "', '"digest": "0'), ("[7,", '["a",'),
    ],
)  # fmt: skip
def test_damaged_metadata_are_noticed(ours, before, after) -> None:
    _replace_json(ours, before, after)
    with pytest.raises(LoihiScaError, match=r"damaged|lacks|tool 'me'"):
        loihi_sca.read_nir(ours)


def _replace_json(path, before: str, after: str) -> None:
    with h5py.File(path, "r+") as file:
        text = file["node/metadata/loihi_sca"][()].decode()
        assert before in text
        del file["node/metadata/loihi_sca"]
        file["node/metadata/loihi_sca"] = text.replace(before, after)


def test_bytes_that_are_flipped_never_give_another_network(ours) -> None:
    network, image = loihi_sca.read_nir(ours).network, ours.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(image)
        for _ in range(int(rng.choice([1, 3, 10]))):
            damaged[rng.integers(len(image))] = int(rng.integers(256))
        ours.write_bytes(bytes(damaged))
        try:
            found = loihi_sca.read_nir(ours)
        except LoihiScaError:
            continue
        assert found.network == network


def test_text_of_variable_length_is_read_from_where_it_lies(path) -> None:
    names = ["input", "fé", "n"]
    g.write(path, dict(zip(names, (g.input_(1), g.linear([[1.0]]), g.lif()), strict=True)))
    with h5py.File(path) as file:
        for name in ("node/type", "version", "node/edges"):
            ours, theirs = read_texts(file[name]), np.asarray(file[name][()], dtype=object)
            assert ours.tolist() == theirs.tolist()
    assert loihi_sca.read_nir(path, dt=1e-4).network.in_shape == (1,)


def test_text_in_pieces_is_refused(path) -> None:
    g.write(path, {"input": g.input_(1), "fc": g.linear([[1.0]]), "n": g.lif()})
    with h5py.File(path, "r+") as file:
        pairs = file["node/edges"][()]
        del file["node/edges"]
        file.create_dataset("node/edges", data=pairs, dtype=h5py.string_dtype(), chunks=(1, 2))
    with pytest.raises(NetworkError, match="text of variable length in pieces"):
        loihi_sca.read_nir(path, dt=1e-4)
