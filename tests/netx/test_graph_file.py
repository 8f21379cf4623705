"""The file of a network that is no chain: what is written is read, and damage is refused."""

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from network_strategies import residual_networks

import loihi_sca
from loihi_sca import netx
from loihi_sca.compiler import compile_network
from loihi_sca.engine import lava_cpu
from loihi_sca.errors import NetworkError, UnsupportedLayer
from loihi_sca.network import (
    ComplexDense,
    Conv,
    Cuba,
    Dense,
    Input,
    Network,
    Pool,
    Readout,
    Recurrent,
    Resonator,
)

QUIET = [
    HealthCheck.function_scoped_fixture,
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
]
NEURON = Cuba(1024, 512, 40)


def network(**more):
    rng = np.random.default_rng(0)
    skip = Conv("skip", (2, 4, 4), rng.integers(-9, 9, (3, 2, 1, 1)) * 2, source="in")
    first = Conv("a", (2, 4, 4), rng.integers(-9, 9, (2, 1, 3, 3)) * 2, padding=(1, 1), groups=2,
                 neuron=Cuba(np.array([1, 2]), 5, 3), bias=np.array([3, -3]))  # fmt: skip
    last = Conv("b", (2, 4, 4), rng.integers(-9, 9, (3, 2, 1, 1)) * 2, neuron=NEURON,
                added=(skip,), axon_delay=np.array([0, 1, 2]))  # fmt: skip
    weight = rng.integers(-9, 9, (2, 48)) * 2
    out = Dense("out", (48,), weight, neuron=NEURON, delay=np.abs(weight) % 3)
    return Network("net", (Input("in", (2, 4, 4)), first, last, out), **more)


@given(residual_networks(pools=False, recurrent=False))
@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
def test_what_is_saved_is_read(tmp_path, drawn):
    assume(not drawn.wiring.is_chain)  # the files of chains have tests of their own
    netx.save(drawn, tmp_path / "net")
    assert netx.read(tmp_path / "net") == drawn


def test_all_that_a_network_knows_comes_back_and_the_same_bytes(tmp_path):
    saved = network(
        timesteps=7, readout=Readout("average", groups=2), metadata={"recipe": "x", "seed": "1"}
    )
    netx.save(saved, tmp_path / "a.net")
    netx.save(saved, tmp_path / "b.net")
    found = netx.read(tmp_path / "a.net")
    assert found == saved
    assert (found.name, dict(found.metadata)) == (saved.name, dict(saved.metadata))
    assert (tmp_path / "a.net").read_bytes() == (tmp_path / "b.net").read_bytes()
    assert netx.read(tmp_path / "a.net", timesteps=3).timesteps == 3


def test_a_chain_is_saved_as_netx(tmp_path):
    chain = Network("net", (Dense("out", (3,), np.full((2, 3), 2), neuron=NEURON),))
    netx.save(chain, tmp_path / "net")
    with h5py.File(tmp_path / "net") as file:
        assert "layer" in file
    assert netx.read(tmp_path / "net") == chain


def test_netx_cannot_say_it():
    with pytest.raises(UnsupportedLayer, match="netx knows chains only, without add"):
        netx.write(network(), "never.net")


def test_nir_says_it_and_gives_it_back(tmp_path):
    loihi_sca.write_nir(network(), tmp_path / "net.nir")
    assert loihi_sca.read_nir(tmp_path / "net.nir") == network()


def test_a_pool_has_no_place(tmp_path):
    layers = list(network().layers)
    pool = Pool("p", (2, 4, 4), np.full((1, 1), 2), neuron=NEURON)
    with pytest.raises(UnsupportedLayer, match="p: Pool has no place in the file"):
        netx.save(Network("x", (layers[0], pool, *layers[2:])), tmp_path / "net")
    assert not (tmp_path / "net").exists()


def newer(file):
    file.attrs["schema"] = 99


def changed(file):
    file["layers/1/weight"][0, 0, 0, 0] += 2


def strange(file):
    file["layers/1/strange"] = 1


def strange_attribute(file):
    file["layers/1"].attrs["strange"] = 1


def lacking(file):
    del file["layers/2/weight"]


def unknown(file):
    file["layers/1"].attrs["type"] = "loop"


def unnamed(file):
    del file.attrs["name"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (newer, "newer loihi-sca"),
        (changed, "not what its digest says"),
        (strange, "'strange', which is not known"),
        (strange_attribute, "'strange', which is not known"),
        (lacking, "damaged"),
        (unknown, "of type 'loop'"),
        (unnamed, "damaged"),
    ],
)
def test_damage_is_refused(tmp_path, damage, message):
    path = tmp_path / "net"
    netx.save(network(), path)
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(NetworkError, match=message):
        netx.read(path)


def test_recurrent_layers_and_resonators_have_no_place(tmp_path):
    weight = np.full((3, 3), 2)
    for layer, what in (
        (Recurrent("r", (3,), weight, feedback=weight, neuron=NEURON), "Recurrent"),
        (ComplexDense("r", (3,), weight, weight, neuron=Resonator(300, 3900, 3)), "ComplexDense"),
    ):
        other = Dense("c", (3,), weight, neuron=NEURON, source="in")
        heads = Network("heads", (Input("in", (3,)), layer, other))
        with pytest.raises(UnsupportedLayer, match=f"r: {what} has no place in the file"):
            netx.save(heads, tmp_path / "net")
        with pytest.raises(UnsupportedLayer, match=r"r: it is .* in a network whose layers hear"):
            compile_network(heads)


@pytest.mark.lava
def test_what_has_no_place_in_the_file_is_not_run_on_lava():
    weight = np.full((3, 3), 2)
    layer = Recurrent("r", (3,), weight, feedback=weight, neuron=NEURON)
    other = Dense("c", (3,), weight, neuron=NEURON, source="in")
    with pytest.raises(UnsupportedLayer, match="r: Recurrent has no place in the file"):
        lava_cpu.run(
            Network("heads", (Input("in", (3,)), layer, other)), np.zeros((1, 3, 3), dtype=np.uint8)
        )
