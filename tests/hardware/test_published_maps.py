"""The maps that are published: Intel's tables for Loihi 2, SNN-Toolbox's for Loihi 1."""

from __future__ import annotations

import golden_tables as golden
import numpy as np
import pytest
from files_of_lava_dl import installed

from loihi_sca import netx
from loihi_sca.hardware import describe, estimate, find_violations, load_profile, map_network
from loihi_sca.hardware.architecture import ArchitectureFile, LayerEntry, build
from loihi_sca.hardware.mapping.memory import core_budget_of
from loihi_sca.hardware.shapes import Geometry
from loihi_sca.network import Conv, Network, OtherNeuron

PROFILES = tuple(golden.OPEN_TABLES)


def differences(values):
    return [value for value in values if value.printed != value.ours]


@pytest.mark.parametrize("name", PROFILES)
def test_every_printed_value_of_the_open_tables(name):
    assert differences(golden.compare(load_profile(name))) == []


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_claims_what_its_compilers_tables_show(name):
    profile = load_profile(name)
    values = golden.compare(profile)
    right = len(values) - len(differences(values))
    (claim,) = (x for x in profile.calibration if x.what == "mapping")
    assert f"{right} of {len(values)} printed values" in claim.error
    assert claim.error.startswith("none" if right == len(values) else f"{len(values) - right} ")
    named = {value.network for value in values}
    assert all(network in claim.error for network in named)
    assert all(value.column in claim.error for value in values)
    assert "AxonMem" in claim.not_covered


def test_yolo_kp_takes_574_cores():
    placement = map_network(golden.yolo_kp(), load_profile("loihi2"))
    cores = [layer.cores for layer in placement.layers]
    assert cores == [224, 112, 56, 28, 56, 16, 32, 14, 32, 4]
    assert placement.cores == 574
    assert not find_violations(placement)


def test_yolo_kp_with_random_weights_takes_574_cores():
    """Weights of the table's bits instead of a claim of so many bits."""
    rng = np.random.default_rng(0)
    layers, shape = [], (3, 448, 448)
    for channels, kernel, stride, bits, *_ in golden.YOLO_KP:
        size = (channels, shape[0], kernel, kernel)
        top = 1 << (bits - 1)
        weight = rng.integers(-top, top, size)
        weight.flat[:2] = -top, 1
        layers.append(
            Conv(
                f"conv{len(layers)}", shape, weight, stride=(stride, stride),
                padding=(kernel // 2, kernel // 2), neuron=OtherNeuron("SDNN"),
            )
        )  # fmt: skip
        shape = layers[-1].out_shape
    found = estimate(Network("yolo-kp", tuple(layers)), load_profile("loihi2"))
    assert [layer.cores for layer in found.placement.layers] == [
        224, 112, 56, 28, 56, 16, 32, 14, 32, 4,
    ]  # fmt: skip
    assert found.fits
    assert found.cores_low < found.cores == 574


def check_pilotnet(path):
    profile = load_profile("loihi2-2023")
    network = describe(netx.read(path))
    assert differences(golden.pilotnet_values(profile, network)) == []
    placement = map_network(network, profile)
    assert placement.cores == 74
    assert placement.chips == 1
    assert placement.layers[6].neurons.tolist() == [9] * 11 + [1]


def test_pilotnet_of_lava_dl_takes_74_cores():
    check_pilotnet(installed("gts/pilotnet_lif/network.net"))


def test_pilotnet_takes_74_cores(shared_net):
    check_pilotnet(shared_net("pilotnet_lif.net"))


def test_oxford_takes_3_and_2_cores(shared_net):
    network, profile = describe(netx.read(shared_net("oxford.net"))), load_profile("loihi2-2023")
    assert differences(golden.oxford_values(profile, network)) == []
    assert map_network(network, profile).cores == 5


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


def test_pilotnets_first_layer_at_16_and_15_channels():
    network = netx.read(installed("gts/pilotnet_lif/network.net"))
    from loihi_sca.hardware.mapping.need import cores_and_words

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


def test_nxtf_mnist_network_takes_14_cores_on_loihi_1():
    """28x28-16C5s2-32C3-64C3s2-10C4; published: 14 cores."""
    layers = [LayerEntry(type="input")]
    for channels, kernel, stride in ((16, 5, 2), (32, 3, 1), (64, 3, 2), (10, 4, 1)):
        layers.append(LayerEntry(type="conv", channels=channels, kernel=kernel, stride=stride))
    plan = ArchitectureFile(
        name="nxtf-mnist", input=(1, 28, 28), weight_bits=8, layer=tuple(layers)
    )
    placement = map_network(build(plan), load_profile("loihi1"))
    assert placement.cores == 14
    assert not find_violations(placement)


@pytest.mark.parametrize(
    ("bits", "cores"), [(6, [9, 8, 1]), (7, [9, 10, 1]), (8, [9, 10, 1])]
)  # fmt: skip
def test_slayers_nmnist_network_is_a_miss(bits, cores):
    """34x34x2-512-10; published: 17 cores, 7 + 9 + 1, the bits of its weights are not.

    We are one core above at 6 bits and three at 7, which the profile stores as 8, and at 8.
    """
    dense = tuple(LayerEntry(type="dense", neurons=n) for n in (512, 10))
    plan = ArchitectureFile(
        name="nmnist", input=(2, 34, 34), weight_bits=bits,
        layer=(LayerEntry(type="input"), *dense),
    )  # fmt: skip
    placement = map_network(build(plan), load_profile("loihi1"))
    assert [layer.cores for layer in placement.layers] == cores


def test_other_networks_of_lava_dl_map():
    """Sigma-delta, delays, layers without neuron: resources depend on shapes and weights only."""
    for ending in (
        "gts/ntidigits/ntidigits.net", "gts/pilotnet_sdnn/network.net",
        "gts/pilotnet_sdnn/square_network.net", "netx/mnist.net", "netx/tiny.net",
    ):  # fmt: skip
        network = netx.read(installed(ending))
        for name in ("loihi1", "loihi2", "loihi2-2023"):
            placement = map_network(network, load_profile(name))
            graded = "sdnn" in ending and name == "loihi1"
            assert {v.rule for v in find_violations(placement)} == (
                {"payload_bits"} if graded else set()
            )
            for layer in placement.layers:
                has_cores = layer.spec.geometry.kind != "port"
                assert layer.neurons.sum() == layer.spec.geometry.neurons * has_cores
