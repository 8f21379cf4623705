"""The integer network: what it refuses, what it computes about itself, equality and digests."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from loihi_sca.errors import NetworkError
from loihi_sca.network import (
    Conv,
    Cuba,
    Dense,
    Input,
    Network,
    OtherLayer,
    Pool,
    Readout,
    values,
)

LEAKY = Cuba(current_decay=1024, voltage_decay=128, threshold=60)


def conv(**more):
    options = {"weight": np.ones((4, 2, 3, 3), dtype=int), "neuron": LEAKY, **more}
    return Conv("conv", options.pop("in_shape", (2, 8, 8)), **options)


def dense(**more):
    options = {"weight": np.ones((3, 6), dtype=int), "neuron": LEAKY, **more}
    return Dense("dense", options.pop("in_shape", (6,)), **options)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: conv(stride=(0, 1)), "stride is 0, must be at least 1"),
        (lambda: conv(padding=(-1, 0)), "padding is -1"),
        (lambda: conv(stride=(1, 1, 1)), "stride must be a pair"),
        (lambda: conv(in_shape=(2, 2, 2)), "does not fit input"),
        (lambda: conv(in_shape=(3, 8, 8)), "takes 2 input channels, but 3 arrive"),
        (lambda: conv(groups=2), "takes 4 input channels, but 2 arrive"),
        (lambda: conv(in_shape=(2, 8)), r"shape must be \(C, H, W\) or \(N,\)"),
        (lambda: conv(in_shape=(8,)), r"needs input \(C, H, W\)"),
        (lambda: conv(bias=np.ones(3, dtype=int)), r"bias must have shape \(4,\)"),
        (lambda: conv(weight=np.ones((4, 2, 3, 3))), "must hold integers, got float64"),
        (lambda: conv(weight=np.ones((4, 2, 3), dtype=int)), "must have 4 dimensions"),
        (lambda: conv(axon_delay=np.array([1, 2, 3, -1])), "axon_delay spans -1 to 3"),
        (lambda: conv(neuron=Cuba(np.array([1, 2]), 3, 4)), "has 4 output channels, but"),
        (lambda: dense(in_shape=(7,)), "takes 6 inputs, but 7 arrive"),
        (lambda: dense(delay=np.ones((6, 3), dtype=int)), r"delay must have shape \(3, 6\)"),
        (lambda: dense(weight=np.zeros((0, 6), dtype=int)), "weight is empty"),
        (lambda: Cuba(4097, 1, 2), "current_decay spans 4097"),
        (lambda: Cuba(1, 1, -2), "threshold is -2"),
        (lambda: Input("in", (1000, 1000, 1000)), "1000000000 neurons, more than"),
        (lambda: Input("in", "shape"), "is no shape"),
        (lambda: Network("net", ()), "has no layers"),
        (lambda: Network("net", (dense(), dense())), "two layers of one name"),
        (lambda: Network("net", (conv(), dense())), "dense takes .6,., but conv before it gives"),
        (lambda: Network("net", (dense(), Input("in", (3,)))), "in takes"),
        (lambda: Network("net", (dense(),), 0), "timesteps is 0"),
        (lambda: Readout("mean"), "unknown read-out 'mean'"),
        (lambda: Readout("average"), "groups must be an integer"),
    ],
)
def test_what_does_not_fit_is_refused(build, message):
    with pytest.raises(NetworkError, match=message):
        build()


def test_shapes_and_counts():
    layer = conv(stride=(2, 1), padding=(1, 0), dilation=(1, 2), bias=np.arange(4))
    assert layer.out_shape == (4, 4, 4)
    assert (layer.neurons, layer.parameters, layer.kernel) == (64, 76, (3, 3))
    pool = Pool("pool", (4, 4, 4), np.full((2, 2), 9), neuron=LEAKY, stride=(2, 2))
    flat = dense(in_shape=pool.out_shape, weight=np.ones((3, 16), dtype=int))
    network = Network("net", (Input("in", (2, 8, 8)), layer, pool, flat), 16)
    assert (network.in_shape, network.out_shape) == ((2, 8, 8), (3,))
    assert network.parameters == 76 + 4 + 48
    assert [x.name for x in network.synapse_layers] == ["conv", "pool", "dense"]
    assert network["pool"] is pool
    with pytest.raises(NetworkError, match="no layer 'x'"):
        network["x"]


def test_values_are_frozen():
    weight = np.ones((3, 6), dtype=np.int32)
    layer = dense(weight=weight)
    weight[0, 0] = 5
    assert layer.weight[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        layer.weight[0, 0] = 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        layer.name = "other"


def test_equality_is_by_content():
    assert dense() == dense()
    assert hash(dense()) == hash(dense())
    assert dense() != dense(bias=np.zeros(3, dtype=int))
    one, two = Network("a", (dense(),), 3), Network("b", (dense(),), 3, metadata={"x": "y"})
    assert one == two
    assert one != Network("a", (dense(),), 4)
    assert one.replace(timesteps=4) == Network("a", (dense(),), 4)


def test_digests_are_those_of_another_process():
    network = Network("net", (dense(),), 3)
    code = (
        "import numpy as np; from loihi_sca.network import *;"
        "print(Network('x', (Dense('dense', (6,), np.ones((3, 6), dtype=int), "
        "neuron=Cuba(1024, 128, 60)),), 3).digest())"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == network.digest()


def test_other_layers_only_have_shapes():
    layer = OtherLayer(
        "rec", (6,), "dense_rec", (4,), weights={"weight": np.ones((4, 6), dtype=int)}
    )
    assert (layer.out_shape, layer.neurons) == ((4,), 4)


def test_equality_is_by_values_whatever_type_holds_them():
    # NumPy 2 writes np.int64(64) where NumPy 1 writes 64: the text must not count
    assert values._plain((np.int64(64), (np.int32(1),))) == (64, (1,))
    assert {type(values._plain(kind(64))) for kind in (int, np.int8, np.int64)} == {int}
    ours = Dense("a", (3,), np.ones((2, 3), np.int32), neuron=Cuba(1024, 128, 64))
    theirs = Dense(
        "a",
        (np.int64(3),),  # type: ignore[arg-type]
        np.ones((2, 3), np.int32),
        neuron=Cuba(np.int64(1024), np.int32(128), np.int16(64)),  # type: ignore[arg-type]
    )
    assert ours == theirs
    one = Network("n", (ours,), 16)
    other = Network("n", (theirs,), np.int64(16))  # type: ignore[arg-type]
    assert one == other
    assert one.digest() == other.digest()
    assert one != Network("n", (ours,), 17)
