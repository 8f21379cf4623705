"""Networks that other people trained: all engines agree, and their golden spikes come out.

The installed lava-dl brings some; more lie in the folder that ``LOIHI_SCA_DATA`` names.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from files_of_lava_dl import installed, installed_files

import loihi_sca
from loihi_sca import hardware, netx
from loihi_sca.compiler import compile_network
from loihi_sca.compiler.verify import verify
from loihi_sca.engine import fast, reference
from loihi_sca.network import Dense, Input


def extra(name):
    """Return the path of a file in the folder of further networks."""
    folder = os.environ.get("LOIHI_SCA_DATA")
    if not folder:
        pytest.skip("LOIHI_SCA_DATA does not name a folder with further networks")
    path = Path(folder, "netx", name)
    if not path.exists():
        pytest.skip(f"no {name} in LOIHI_SCA_DATA")
    return path


NETWORKS = {
    "mnist": (lambda: installed("netx/mnist.net"), 16, "pipelined"),
    "tiny": (lambda: installed("netx/tiny.net"), 16, "pipelined"),
    "ntidigits": (lambda: installed("gts/ntidigits/ntidigits.net"), 40, "pipelined"),
    "ntidigits, cold": (lambda: installed("gts/ntidigits/ntidigits.net"), 60, "cold"),
    "pilotnet": (lambda: installed("gts/pilotnet_lif/network.net"), 16, "pipelined"),
    "pilotnet, cold": (lambda: installed("gts/pilotnet_lif/network.net"), 20, "cold"),
    "oxford": (lambda: extra("oxford.net"), 100, "pipelined"),
    "oxford, cold": (lambda: extra("oxford.net"), 100, "cold"),
    "more tiny": (lambda: extra("tiny.net"), 16, "pipelined"),
    "more pilotnet": (lambda: extra("pilotnet_lif.net"), 16, "pipelined"),
    "braille, recurrent": (lambda: extra("others/braille_rec_th10.net"), 60, "pipelined"),
    "braille, cold": (lambda: extra("others/braille_rec_th10.net"), 60, "cold"),
    "more ntidigits": (lambda: extra("others/ntidigits.net"), 40, "pipelined"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_reference_and_fast_agree(name):
    path, steps, schedule = NETWORKS[name]
    found = verify(
        path(), engines=["reference", "fast"], samples=2, steps=steps, schedule=schedule, seed=1
    )
    assert found.mismatches == 0
    assert sum(found.spikes.values()) > 10


@pytest.mark.lava
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NETWORKS)
def test_lava_agrees(name):
    path, steps, schedule = NETWORKS[name]
    found = verify(path(), samples=3, steps=steps, schedule=schedule, seed=2)
    assert found.engines == ("reference", "fast", "lava")
    assert found.mismatches == 0


@pytest.mark.lava
@pytest.mark.timeout(120)
def test_lava_agrees_on_a_layer_without_a_neuron():
    """``mnist.net`` ends in one, of which netx makes an integrator that never spikes."""
    found = verify(installed("netx/mnist.net"), samples=2, steps=8)
    assert found.spikes["2-dense"] > 0
    assert found.spikes["3-dense"] == 0
    assert any("3-dense did not spike and never does" in note for note in found.notes)


# --- golden spikes ------------------------------------------------------------------------------


def channels_first(array):
    """Turn (W, H, C, T) into (C, H, W, T); (N, T) stays."""
    return np.moveaxis(array, -1, 0).T if array.ndim == 4 else array


@pytest.mark.parametrize("engine", [reference, fast], ids=["reference", "fast"])
def test_pilotnet_golden(engine):
    folder = installed("gts/pilotnet_lif/network.net").parent
    network = netx.read(folder / "network.net")
    names = ["input", *(f"conv-{i}" for i in range(5)), *(f"fc-{i}" for i in range(4))]
    image = np.load(folder / "image.npy").T
    data = np.repeat(image[None, ..., None], 16, axis=-1)
    traces = engine.run(network, data, record=[x.name for x in network]).traces
    compared = 0
    for late, (layer, name) in enumerate(zip(network, names, strict=True)):
        trace = traces[layer.name]
        ours = {"": trace.spikes, "-s": trace.spikes}
        if name != "fc-3":  # its golden states are of another run: they lack a spike of fc-2
            # a neuron that spiked shows its refractory counter on the chip, 2 << 6
            ours |= {"-u": trace.current, "-v": np.where(trace.spikes, 128, trace.voltage)}
        for suffix, array in ours.items():
            path = folder / f"{name}{suffix}.npy"
            if not path.is_file() or array is None:
                continue
            theirs = channels_first(np.load(path))[..., late:]
            steps = min(16, theirs.shape[-1])
            np.testing.assert_array_equal(array[0, ..., :steps], theirs[..., :steps])
            compared += 1
    assert compared == 2 + 8 * 3 + 1


@pytest.mark.parametrize("engine", [reference, fast], ids=["reference", "fast"])
def test_ntidigits_golden(engine):
    folder = installed("gts/ntidigits/ntidigits.net").parent
    network = netx.read(folder / "ntidigits.net")
    steps = 400 if engine is fast else 150
    data = np.load(folder / "input.npy")[None, None, None, :, :steps].astype(int)
    spikes = engine.run(network, data, schedule="cold").spikes[0]
    theirs = np.load(folder / "output.npy")[:, 1:steps]  # recorded one step later
    assert theirs.sum() > 500
    np.testing.assert_array_equal(spikes[:, :-1], theirs)


def test_tinynet_golden():
    """lava-dl's own ground truth for ``tiny.net``, which its test compares with Lava."""
    folder = installed("gts/tinynet/output.npy").parent
    network = netx.read(installed("netx/tiny.net"))
    bias = np.load(folder / "input_bias.npy").T
    theirs = np.load(folder / "output.npy")[0]  # (C, H, W, T)
    steps = theirs.shape[-1]
    data = np.repeat(bias.reshape(1, *network.in_shape)[..., None], steps, axis=-1)
    ours = fast.run(network, data.astype(int)).spikes[0]
    assert theirs.any()
    np.testing.assert_array_equal(ours[..., : steps - 1], theirs[..., 1:])


# --- the compiler on them -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["tiny", "ntidigits", "pilotnet", "oxford", "more ntidigits", "braille, recurrent"]
)
def test_compiling_them_changes_no_output(name):
    network = netx.read(NETWORKS[name][0]())
    compiled = compile_network(network)
    first = network.layers[0]
    rng = np.random.default_rng(0)
    size = (1, *network.in_shape, 16)
    driven = isinstance(first, Input) and first.neuron is not None
    data = rng.integers(0, 400, size) if driven else (rng.random(size) < 0.2).astype(int)
    np.testing.assert_array_equal(fast.run(compiled, data).spikes, fast.run(network, data).spikes)


# --- what is not simulated is mapped, and refused by name ---------------------------------------


@pytest.mark.parametrize("name", ["network.net", "square_network.net"])
def test_sigma_delta_is_verified_and_compiled(name):
    path = installed(f"gts/pilotnet_sdnn/{name}")
    network = netx.read(path)
    done = verify(path, engines=("reference", "fast"), samples=1, steps=5, schedule="cold")
    assert min(done.spikes.values()) > 0
    assert loihi_sca.check(path) == ()
    compiled = compile_network(network)
    rng = np.random.default_rng(0)
    data = rng.integers(-64, 65, (1, *network.in_shape, 6))
    result = fast.run(compiled, data, schedule="cold")
    np.testing.assert_array_equal(result.spikes, fast.run(network, data, schedule="cold").spikes)


def test_every_file_of_lava_dl_is_read():
    """Those above are simulated; the others are at least mapped. None has an unknown field."""
    found = {path: netx.read(path) for path in installed_files() if path.suffix == ".net"}
    assert len(found) >= 6
    chip = hardware.load_profile("loihi2")
    assert all(hardware.map_network(network, chip).cores for network in found.values())


def test_ntidigits_is_read_whole():
    """An old file: LOIHI neurons, axonal delays, an average of 242 outputs to 11 classes."""
    network = netx.read(extra("others/ntidigits.net"))
    assert [layer.neurons for layer in network] == [64, 256, 256, 242]
    assert [int(layer.delay.max()) for layer in network.layers[1:3]] == [62, 62]
    assert (network.readout.kind, network.readout.groups) == ("average", 11)
    assert network.timesteps == 3000
    assert netx.notes_of(network) == ()
    assert loihi_sca.check(network) == ()


def test_braille_counts_its_recurrent_weights():
    network = netx.read(extra("others/braille_rec_th10.net"))
    layer = network["2-recurrent"]
    assert (layer.weight.shape, layer.feedback.shape) == ((450, 48), (450, 450))
    assert loihi_sca.check(network) == ()
    fields = {"neuron": layer.neuron, "bias": layer.bias}
    without = network.replace(layers=(
        network.layers[0], Dense(layer.name, layer.in_shape, layer.weight, **fields),
        network.layers[2],
    ))  # fmt: skip
    chip = hardware.load_profile("loihi2")
    cores = [hardware.estimate(x, chip).cores for x in (network, without)]
    assert cores[0] - cores[1] >= 5  # as many as 202 500 synapses of 8 bits take


@pytest.mark.parametrize(("name", "too_long"), [("delays", True), ("nodelay", False)])
def test_n_dns_is_refused_and_its_delays_are_said(name, too_long):
    path = extra(f"others/ndns_sdnn_{name}.net")
    problems = loihi_sca.check(path)
    assert ["2-dense: needs 64 steps of delay, limit 62" in str(x) for x in problems].count(
        True
    ) == too_long
    result = hardware.estimate(netx.read(path), hardware.load_profile("loihi2"))
    assert bool(result.violations) == too_long
    assert result.cores > 10
