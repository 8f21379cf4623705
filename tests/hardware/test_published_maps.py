"""The maps that are published: Intel's tables for Loihi 2, SNN-Toolbox's for Loihi 1."""

from __future__ import annotations

import pytest

from loihi_sca import netx
from loihi_sca.hardware import describe, find_violations, load_profile, map_network
from loihi_sca.hardware.mapping.memory import core_budget_of
from loihi_sca.hardware.shapes import Geometry

# layer: words of the fullest core, cores, neurons of the fullest core
PILOTNET_2023 = [
    ("input", 0, 13, 3168),
    ("conv", 81, 25, 3072),
    ("conv", 864, 13, 2160),
    ("conv", 1620, 3, 2688),
    ("conv", 2160, 3, 2048),
    ("conv", 2880, 2, 2048),
    ("dense", 7680, 12, 9),
    ("dense", 1300, 1, 50),
    ("dense", 150, 1, 10),
    ("dense", 10, 1, 1),
]


def rows(placement):
    return [
        (x.spec.type, int(x.words.max()), x.cores, int(x.neurons.max())) for x in placement.layers
    ]


def check_pilotnet(path):
    placement = map_network(netx.read(path), load_profile("loihi2-2023"))
    assert rows(placement) == PILOTNET_2023
    assert placement.cores == 74
    assert placement.chips == 1
    split = placement.layers[6]
    assert split.neurons.tolist() == [9] * 11 + [1]
    assert round(split.words.mean()) == 7253


def test_pilotnet_of_lava_dl_takes_74_cores(installed_net):
    check_pilotnet(installed_net("gts/pilotnet_lif/network.net"))


def test_pilotnet_takes_74_cores(shared_net):
    check_pilotnet(shared_net("pilotnet_lif.net"))


def test_oxford_takes_3_and_2_cores(shared_net):
    placement = map_network(netx.read(shared_net("oxford.net")), load_profile("loihi2-2023"))
    first, second = placement.layers
    assert first.neurons.tolist() == [127, 127, 2]
    assert first.words.mean() == 5400
    assert second.neurons.tolist() == [127, 73]
    assert second.words.mean() == 8064
    assert placement.cores == 5


def test_unsplit_and_first_split_of_pilotnets_first_dense_layer():
    budget = core_budget_of(load_profile("loihi2-2023"))
    geometry = Geometry("dense", (2560, 1, 1), (100, 1, 1), bits=(3,))
    assert budget.dense_words(geometry, 100) == 61440
    assert budget.dense_words(geometry, 17) == 12800


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (4, {24: 3, 32: 3, 36: 4, 48: 5, 56: 6, 60: 7, 64: 5, 96: 8, 112: 10, 128: 9}),
        (8, {48: 8, 56: 10, 64: 9, 112: 17, 120: 19, 128: 17}),
    ],
)
def test_words_per_tap_and_input_channel(bits, words):
    budget = core_budget_of(load_profile("loihi2"))
    for channels, expected in words.items():
        geometry = Geometry("conv", (1, 1, 1), (channels, 1, 1), bits=(bits,))
        assert budget.shared_words(geometry, channels) == expected, channels


def test_pilotnets_first_layer_at_16_and_15_channels(installed_net):
    network = netx.read(installed_net("gts/pilotnet_lif/network.net"))
    from loihi_sca.hardware.mapping.cliffs import cores_and_words

    budget = core_budget_of(load_profile("loihi2-2023"))
    conv1 = describe(network).layers[1].geometry
    assert [cores_and_words(conv1, budget, n).cores for n in (24, 16, 15)] == [25, 25, 13]


def test_gesture_network_takes_49_cores_on_loihi_1(gesture):
    placement = map_network(gesture, load_profile("loihi1"))
    assert [layer.cores for layer in placement.layers] == [1, 8, 8, 22, 9, 1]
    assert placement.cores == 49
    assert placement.tightest.binding == "out_axons"
    assert placement.tightest.spec.name == "conv1"


def test_gesture_map_has_the_published_tiles(gesture):
    _, conv1, conv2, conv3, conv4, _ = map_network(gesture, load_profile("loihi1")).layers
    assert conv1.tiling == (16, 2, 15)  # 2 rows
    assert conv2.tiling == (4, 13, 13)  # 4 channels
    assert conv3.tiling == (32, 1, 11)  # 1 row of half the channels
    # one row in the published map; by symmetry a column is the same
    assert sorted(conv4.tiling) == [1, 9, 11]
    assert conv1.out_axons.max() == 3840


def test_other_networks_of_lava_dl_map(installed_net):
    """Sigma-delta, delays, layers without neuron: resources depend on shapes and weights only."""
    for ending in (
        "gts/ntidigits/ntidigits.net", "gts/pilotnet_sdnn/network.net",
        "gts/pilotnet_sdnn/square_network.net", "netx/mnist.net", "netx/tiny.net",
    ):  # fmt: skip
        network = netx.read(installed_net(ending))
        for name in ("loihi1", "loihi2", "loihi2-2023"):
            placement = map_network(network, load_profile(name))
            graded = "sdnn" in ending and name == "loihi1"
            assert {v.rule for v in find_violations(placement)} == (
                {"payload_bits"} if graded else set()
            )
            for layer in placement.layers:
                has_cores = layer.spec.geometry.kind != "port"
                assert layer.neurons.sum() == layer.spec.geometry.neurons * has_cores
