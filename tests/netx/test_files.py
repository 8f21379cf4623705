"""Files: round trips, the same bytes for the same network, files of others."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_strategies import networks

from loihi_sca import netx
from loihi_sca.compiler.pipeline import PASSES_UNROLLING, run_passes
from loihi_sca.errors import InputError, NetworkError, UnsupportedLayer
from loihi_sca.network import (
    Conv,
    Cuba,
    Dense,
    Input,
    Network,
    OtherLayer,
    Pool,
    Readout,
)
from loihi_sca.network.fixed_point import MAX_DECAY
from loihi_sca.netx.limits import DEFAULT_NEURON, tables_as_loaded

LEAKY = Cuba(current_decay=1024, voltage_decay=128, threshold=60)


def network():
    rng = np.random.default_rng(0)
    layers = (
        Input("eyes", (2, 5, 4), neuron=LEAKY, weight=32, bias=-3),
        Conv("first", (2, 5, 4), 2 * rng.integers(-9, 9, (3, 2, 2, 3)), neuron=LEAKY,
             bias=np.array([1, 0, -4]), stride=(2, 1), padding=(1, 2), dilation=(1, 2)),
        Dense("second", (3, 3, 4), 2 * rng.integers(-9, 9, (4, 36)), neuron=LEAKY,
              delay=rng.integers(0, 62, (4, 36))),
    )  # fmt: skip
    readout = Readout("affine", weight=np.arange(8).reshape(2, 4), neuron=Cuba(3, 4, 0))
    return Network("named", layers, 17, readout, {"source": "somewhere"})


def test_a_round_trip_keeps_everything(tmp_path):
    netx.write(network(), tmp_path / "x.net")
    read = netx.read(tmp_path / "x.net")
    assert read == network()
    assert (read.name, read.metadata) == ("named", {"source": "somewhere"})
    assert [x.name for x in read] == ["eyes", "first", "second"]


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_network_that_can_be_written_comes_back(data):
    drawn = data.draw(networks(weights=data.draw(st.sampled_from(["chip", "wild"]))))
    drawn = run_passes(drawn, PASSES_UNROLLING).network
    steps = data.draw(st.sampled_from([None, 1, 16]))
    drawn = drawn.replace(timesteps=steps, metadata={"x": data.draw(st.text(max_size=5))})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.net")
        try:
            netx.write(drawn, path)
        except UnsupportedLayer:
            assert not path.exists()
            assert list(Path(folder).iterdir()) == []
            return
        read = netx.read(path)
        assert read == drawn
        assert read.metadata == drawn.metadata
        first = path.read_bytes()
        netx.write(read, path)
        assert path.read_bytes() == first


def test_the_same_network_gives_the_same_bytes_in_another_process_at_another_time(tmp_path):
    netx.write(network(), tmp_path / "here.net")
    time.sleep(1.1)
    code = "import sys; from loihi_sca import netx; netx.write(netx.read(sys.argv[1]), sys.argv[2])"
    paths = [str(tmp_path / "here.net"), str(tmp_path / "there.net")]
    subprocess.run([sys.executable, "-c", code, *paths], check=True, env={"PYTHONHASHSEED": "7"})
    assert (tmp_path / "here.net").read_bytes() == (tmp_path / "there.net").read_bytes()


def test_our_own_group(tmp_path):
    netx.write(network(), tmp_path / "x.net")
    with h5py.File(tmp_path / "x.net") as file:
        own = dict(file["loihi_sca"].attrs)
        assert own["schema"] == 1
        assert own["timesteps"] == 17
        assert own["digest"] == network().digest()
        assert own["tool"].startswith("loihi-sca ")


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.net"
    netx.write(network(), path)
    before = path.read_bytes()

    def fails(*_):
        raise RuntimeError("disk on fire")

    monkeypatch.setattr("loihi_sca.netx.writer._write_own_group", fails)
    with pytest.raises(RuntimeError):
        netx.write(network().replace(timesteps=3), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.net"]


def test_what_cannot_be_written(tmp_path):
    pool = Pool("p", (2, 5, 5), np.ones((2, 2), dtype=int), neuron=LEAKY)
    per_channel = Cuba(np.array([1, 2, 3]), 3, 60)
    map_of = Conv("c", (2, 4, 4), np.ones((3, 2, 2, 2), dtype=int), neuron=per_channel)
    late = Dense("d", (3, 3, 3), np.ones((3, 27), dtype=int), neuron=LEAKY,
                 delay=np.full((3, 27), 63), axon_delay=np.array([0, 0, 1]))  # fmt: skip
    zero = Dense("z", (3,), np.zeros((2, 3), dtype=int), neuron=LEAKY)
    wild = Dense("w", (2,), np.ones((2, 2), dtype=int), neuron=Cuba(1, 1, 1 << 18),
                 bias=np.array([0, 4096]))  # fmt: skip
    with pytest.raises(UnsupportedLayer) as caught:
        netx.write(Network("net", (pool, map_of, late, zero, wild)), tmp_path / "x.net")
    for part in ("p: Pool has no", "c: decays per channel", "d: axon delays", "d: delay 63",
                 "z: netx would change its weights", "w: threshold 262144",
                 "w: biases 0 to 4096 exceed"):  # fmt: skip
        assert part in str(caught.value)
    with pytest.raises(InputError, match="cannot write"):
        netx.write(network(), tmp_path / "no" / "x.net")


def test_a_newer_file_is_refused(tmp_path):
    netx.write(network(), tmp_path / "x.net")
    with h5py.File(tmp_path / "x.net", "r+") as file:
        file["loihi_sca"].attrs["schema"] = 3
    with pytest.raises(NetworkError, match="written by a newer loihi-sca"):
        netx.read(tmp_path / "x.net")


def test_a_constant_channel_is_kept_in_the_file(tmp_path):
    """A loihi-sca that does not know of it must not take the file for one of another input."""
    plain = Network("x", (Input("in", (3,)), Dense("a", (3,), np.full((2, 3), 2), neuron=LEAKY)))
    constant = plain.replace(layers=(replace(plain.layers[0], constant=True), plain.layers[1]))
    for net, schema in ((plain, 1), (constant, 2)):
        netx.write(net, tmp_path / "x.net")
        assert netx.read(tmp_path / "x.net") == net
        with h5py.File(tmp_path / "x.net") as file:
            assert file["loihi_sca"].attrs["schema"] == schema
    assert plain.digest() != constant.digest()
    assert constant.data_shape == (2,)
    with pytest.raises(NetworkError, match="in has one channel, which is constant"):
        Input("in", (1, 4, 4), constant=True)
    second = Dense("b", (3,), np.full((2, 3), 2), neuron=LEAKY, source="in")
    with pytest.raises(UnsupportedLayer, match="in: a constant channel has no place"):
        netx.save(constant.replace(layers=(*constant.layers, second)), tmp_path / "x.net")


def foreign(path, **fields):
    """Write one dense layer as lava-dl does."""
    values = {
        "type": np.array([b"dense"]), "shape": np.array([2, 1, 1]), "weight": np.ones((2, 3)),
        "inFeatures": 3, "outFeatures": 2, "neuron/type": np.bytes_("CUBA"),
        "neuron/iDecay": 5, "neuron/vDecay": 6, "neuron/vThMant": 7, **fields,
    }  # fmt: skip
    with h5py.File(path, "w") as file:
        for name, value in values.items():
            if value is not None:
                file[f"layer/0/{name}"] = value
    return netx.read(path)


def test_a_dense_layer_of_lava_dl(tmp_path):
    layer = foreign(tmp_path / "x.net")["0-dense"]
    assert (layer.out_shape, layer.neuron) == ((2,), Cuba(5, 6, 7))
    assert foreign(tmp_path / "x.net", weight=np.ones(6))["0-dense"].weight.shape == (2, 3)
    assert foreign(tmp_path / "x.net", bias=4)["0-dense"].bias.tolist() == [4, 4]


@pytest.mark.parametrize(
    ("delay", "spread"),
    [(3, [[3, 3, 3], [3, 3, 3]]), ([1, 2], [[1, 1, 1], [2, 2, 2]]),
     ([1, 2, 3], [[1, 2, 3], [1, 2, 3]]), ([[0, 1, 2], [3, 4, 5]], [[0, 1, 2], [3, 4, 5]])],
)  # fmt: skip
def test_delays_of_lava_dl(tmp_path, delay, spread):
    layer = foreign(tmp_path / "x.net", delay=np.array(delay, dtype=float))["0-dense"]
    assert layer.delay.tolist() == spread


def test_a_dense_layer_without_neuron_gets_netx_own(tmp_path):
    layer = foreign(tmp_path / "x.net", **{f"neuron/{n}": None for n in
                    ("type", "iDecay", "vDecay", "vThMant")})["0-dense"]  # fmt: skip
    assert layer.neuron == DEFAULT_NEURON
    assert layer.neuron.voltage_decay == MAX_DECAY


def test_a_block_we_do_not_run_can_be_read(tmp_path):
    read = foreign(tmp_path / "x.net", weight=None, **{
        "weight/real": np.ones((2, 3)), "weight/imag": np.ones((2, 3)),
    })  # fmt: skip
    assert isinstance(read.layers[0], OtherLayer)


LAVA_WEIGHTS = """
import sys
from loihi_sca.engine.lava_shims import import_netx

import_netx()
import numpy as np
from lava.lib.dl.netx.utils import optimize_weight_bits
from lava.utils.weightutils import clip_weights, determine_sign_mode, truncate_weights

given, found = np.load(sys.argv[1]), {}
for name, weight in given.items():
    try:
        optimized, bits, exponent, _ = optimize_weight_bits(weight.astype(int))
    except OverflowError:
        continue
    sign = determine_sign_mode(optimized)
    stored = truncate_weights(clip_weights(optimized, sign, num_bits=8), sign, bits)
    spikes = np.eye(weight.shape[1], dtype=bool)
    sums = np.stack([stored[:, s].sum(axis=1) for s in spikes], axis=1)
    found[name] = sums << exponent if exponent > 0 else sums >> -exponent
np.savez(sys.argv[2], **found)
"""


@pytest.mark.lava
@pytest.mark.timeout(120)
def test_weights_as_loaded_are_those_of_lava(tmp_path):
    rng = np.random.default_rng(0)
    edges = [-512, -257, -256, -255, -254, -130, -128, -4, -2, -1, 0, 1, 2, 3, 127, 128, 254, 255]
    given = {f"{a} {b}": np.array([[a, b]]) for a in edges for b in edges}
    for i in range(300):
        low, high = sorted(rng.integers(-300, 300, 2))
        step = rng.choice([1, 2, 4])
        given[f"random {i}"] = step * (rng.integers(low, high + 1, (3, 4)) // step)
    np.savez(tmp_path / "given.npz", **given)
    paths = [str(tmp_path / "given.npz"), str(tmp_path / "lava.npz")]
    subprocess.run([sys.executable, "-c", LAVA_WEIGHTS, *paths], cwd=tmp_path, check=True,
                   capture_output=True)  # fmt: skip
    lava = np.load(tmp_path / "lava.npz")
    exact = changed = 0
    for name, weight in given.items():
        ours = tables_as_loaded([weight])
        ours = None if ours is None else ours[0]
        if ours is None:
            continue  # it fails, or shifting a sum down is not shifting its terms
        np.testing.assert_array_equal(ours, lava[name], err_msg=name)
        exact += np.array_equal(ours, weight)
        changed += not np.array_equal(ours, weight)
    assert exact > 200
    assert changed > 20


def test_threads_may_write_at_once(tmp_path) -> None:
    network = Network(
        "net", (Input("input", (40,)), Dense("d", (40,), np.full((30, 40), 2), neuron=LEAKY))
    )
    paths = [tmp_path / f"{i}.net" for i in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda path: netx.write(network, path), paths))
    assert len({path.read_bytes() for path in paths}) == 1
