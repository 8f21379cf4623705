"""Architecture files: the same map as a network of that shape, and mistakes that are named."""

from __future__ import annotations

import textwrap

import pytest
from files_of_lava_dl import installed

from loihi_sca import netx
from loihi_sca.errors import ConfigError
from loihi_sca.hardware import describe, load_profile, map_network
from loihi_sca.hardware.architecture import read_architecture

PILOTNET = """
name = "pilotnet"
input = [3, 66, 200]
timesteps = 16
weight_bits = 4

[[layer]]
type = "input"

[[layer]]
type = "conv"
channels = 24
kernel = 3
stride = 2
weight_bits = 5

[[layer]]
type = "conv"
channels = 36
kernel = [3, 3]
stride = 2

[[layer]]
type = "conv"
channels = 48
kernel = 3
stride = 2

[[layer]]
type = "conv"
channels = 64
kernel = 3
stride = [2, 1]
padding = [1, 0]

[[layer]]
type = "conv"
channels = 64
kernel = 3

[[layer]]
type = "dense"
neurons = 100
weight_bits = 3

[[layer]]
type = "dense"
neurons = 50

[[layer]]
type = "dense"
neurons = 10
weight_bits = 5

[[layer]]
type = "dense"
neurons = 1
weight_bits = 6
"""


@pytest.fixture
def plan(tmp_path):
    def write(text: str):
        path = tmp_path / "plan.toml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


def test_pilotnet_without_weights_takes_74_cores(plan):
    placement = map_network(read_architecture(plan(PILOTNET)), load_profile("loihi2-2023"))
    assert [x.cores for x in placement.layers] == [13, 25, 13, 3, 3, 2, 12, 1, 1, 1]
    assert [int(x.words.max()) for x in placement.layers][:3] == [0, 81, 864]


def test_geometry_is_that_of_the_network(plan):
    network = describe(netx.read(installed("gts/pilotnet_lif/network.net")))
    architecture = read_architecture(plan(PILOTNET))
    for ours, theirs in zip(architecture.layers, network.layers, strict=True):
        assert ours.geometry == theirs.geometry
        assert ours.shape == theirs.shape
    assert architecture.timesteps == 16


def test_pool_recurrent_complex_groups_delays(plan):
    architecture = read_architecture(
        plan(
            """
            name = "all"
            input = [8, 16, 16]
            weight_bits = 8
            [[layer]]
            type = "conv"
            name = "grouped"
            channels = 12
            kernel = [3, 1]
            padding = [1, 0]
            groups = 4
            [[layer]]
            type = "pool"
            kernel = 2
            [[layer]]
            type = "dense"
            neurons = 30
            recurrent = true
            delay = 5
            [[layer]]
            type = "dense"
            neurons = 20
            complex = true
            neuron = "S4D"
            """
        )
    )
    grouped, pool, recurrent, complex_ = architecture.layers
    assert grouped.name == "grouped"
    assert grouped.geometry.in_per_group == 2
    assert pool.shape == (12, 8, 8)
    assert pool.geometry.groups == 12
    assert pool.geometry.stride == (2, 2)
    assert recurrent.geometry.recurrent_bits == (8,)
    assert recurrent.geometry.from_map
    assert recurrent.ranges.delay == 5
    assert complex_.geometry.bits == (8, 8)
    assert not complex_.geometry.from_map
    assert complex_.geometry.neuron == "s4d"
    assert map_network(architecture, load_profile("loihi2")).cores > 0


HEAD = 'name = "x"\ninput = [2, 8, 8]\nweight_bits = 8\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD, "'layer' is missing"),
        (HEAD + "layer = []", "layer"),
        (HEAD + '[[layer]]\ntype = "conv"\nchanels = 3', "did you mean 'channels'"),
        (HEAD + '[[layer]]\ntype = "conv"\nkernel = 3', "0-conv: a conv layer needs 'channels'"),
        (HEAD + '[[layer]]\ntype = "dense"', "needs 'neurons'"),
        (HEAD + '[[layer]]\ntype = "dense"\nneurons = 3\nkernel = 2', "'kernel'. mean nothing"),
        (HEAD + '[[layer]]\ntype = "dens"\nneurons = 3', "layer.0.type"),
        (HEAD + '[[layer]]\ntype = "conv"\nchannels = 3\nkernel = 9', "does not fit input"),
        (HEAD + '[[layer]]\ntype = "conv"\nchannels = 3\ngroups = 2', "do not divide into 2"),
        (HEAD + '[[layer]]\ntype = "conv"\nchannels = 0', "layer.0.channels"),
        (
            HEAD + '[[layer]]\ntype = "dense"\nneurons = 3\n[[layer]]\ntype = "conv"\nchannels = 2',
            "needs an input of C, H, W",
        ),
        (
            HEAD + '[[layer]]\ntype = "dense"\nneurons = 3\n[[layer]]\ntype = "input"',
            "can only be the first",
        ),
        (
            HEAD + 2 * '[[layer]]\nname = "a"\ntype = "dense"\nneurons = 3\n',
            "two layers are named 'a'",
        ),
        (
            HEAD + '[[layer]]\ntype = "dense"\nneurons = 2000000000\n',
            "at most 100000000",
        ),
        ("name = ", "is not TOML"),
    ],
)
def test_mistakes_are_named(plan, text, message):
    with pytest.raises(ConfigError, match=message):
        read_architecture(plan(text))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_architecture(tmp_path / "none.toml")
