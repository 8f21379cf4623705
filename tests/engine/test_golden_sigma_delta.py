"""Sigma-delta: the golden arrays of lava-dl's PilotNet, some of which its Loihi 2 test asserts."""

from __future__ import annotations

import numpy as np
import pytest
from files_of_lava_dl import golden

from loihi_sca import netx
from loihi_sca.engine import fast, reference
from loihi_sca.network import Delta, Sigma, SigmaDelta

STEPS = 20


@pytest.fixture(scope="module")
def files():
    """Return the files that lava-dl installs for PilotNet SDNN, by name."""
    return golden("pilotnet_sdnn")


def channels_first(path):
    """Turn (W, H, C, T) into (C, H, W, T)."""
    return np.moveaxis(np.load(path), -1, 0).T


def still(files, width, steps):
    """Return the golden image, cut to a width, as a video (1, C, H, W, T) that stands still."""
    image = channels_first(files["input.npy"])[None, ..., :width, :]
    return np.repeat(image, steps, axis=-1)


@pytest.mark.parametrize("engine", [reference, fast], ids=["reference", "fast"])
@pytest.mark.parametrize(
    ("file", "suffix", "layers", "values"),
    [("network.net", "", 2, 497_280), ("square_network.net", "_square", 4, 183_760)],
)
def test_every_sum_is_as_on_the_chip(files, engine, file, suffix, layers, values):
    network = netx.read(files[file])
    names = [layer.name for layer in network]
    data = still(files, network.in_shape[2], STEPS)
    result = engine.run(network, data, schedule="cold", record=names)
    compared = 0
    for number in range(1, layers + 1):
        theirs = channels_first(files[f"sigma{number}{suffix}.npy"])
        ours = result.traces[names[number]].sigma[0]
        np.testing.assert_array_equal(ours, theirs, err_msg=names[number])
        compared += ours.size
    assert compared == values
    if not suffix:
        theirs = channels_first(files["act0.npy"])
        np.testing.assert_array_equal(result.traces[names[0]].spikes[0], theirs)


@pytest.mark.parametrize("engine", [reference, fast], ids=["reference", "fast"])
def test_the_output_is_as_on_the_chip(files, engine):
    network = netx.read(files["network.net"])
    theirs = np.load(files["output.npy"])
    result = engine.run(network, still(files, 100, theirs.shape[-1]), schedule="cold")
    assert result.spikes.dtype == np.int32
    np.testing.assert_array_equal(result.spikes[0], theirs)


def test_the_file_is_read_whole(files):
    network = netx.read(files["network.net"])
    assert network.layers[0].neuron == Delta(0)
    assert [x.neuron for x in network.layers[1:-1]] == [
        SigmaDelta(n) for n in (13, 0, 0, 0, 23, 1, 6)
    ]
    assert network.layers[-1].neuron == Sigma()
    assert network.is_graded
