"""Cliffs against asking for every channel count, and the picture against the placement."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from files_of_lava_dl import installed

from loihi_sca import netx
from loihi_sca.hardware import describe, load_profile, map_network
from loihi_sca.hardware.architecture import ArchitectureFile, LayerEntry, build
from loihi_sca.hardware.mapping.cliffs import cliffs
from loihi_sca.hardware.mapping.memory import core_budget_of
from loihi_sca.hardware.mapping.need import cores_and_words
from loihi_sca.hardware.mapping.utilisation import utilisations
from loihi_sca.hardware.shapes import Geometry
from loihi_sca.reporting.mesh import layer_colour, mesh


@pytest.fixture
def chain():
    layers = (
        LayerEntry(type="conv", name="a", channels=64, kernel=3, padding=1, weight_bits=4),
        LayerEntry(type="pool", name="p", kernel=2),
        LayerEntry(type="conv", name="b", channels=48, kernel=3, padding=1),
        LayerEntry(type="dense", name="c", neurons=40),
    )
    return build(ArchitectureFile(name="chain", input=(3, 32, 32), weight_bits=8, layer=layers))


def rebuilt(chain, name, channels):
    """Return the chain with other channels in one layer, built from scratch."""
    layers = []
    for spec in chain.layers:
        g = spec.geometry
        n = channels if spec.name == name else g.out_shape[0]
        kind = {"conv": "conv", "pool": "pool", "dense": "dense"}[spec.type]
        size = {"channels": n} if kind == "conv" else {"neurons": n} if kind == "dense" else {}
        window = {} if kind == "dense" else {"kernel": g.kernel, "padding": g.padding}
        layers.append(
            LayerEntry(type=kind, name=spec.name, weight_bits=g.bits[0], **size, **window)
        )
    return build(
        ArchitectureFile(name="chain", input=(3, 32, 32), weight_bits=8, layer=tuple(layers))
    )


@pytest.mark.parametrize("name", ["loihi2", "loihi2-2023"])
def test_a_cliff_saves_what_mapping_the_smaller_network_saves(chain, name):
    profile = load_profile(name)
    now = map_network(chain, profile)
    words_now = sum(int(layer.words.sum()) for layer in now.layers)
    found = {x.layer: x for x in cliffs(chain, profile)}
    # pooling has no channels of its own, and those of the last layer are the classes
    assert set(found) == {"a", "b"}
    for layer in found.values():
        assert layer.cliffs
        for cliff in layer.cliffs:
            smaller = map_network(rebuilt(chain, layer.layer, cliff.channels), profile)
            assert now.cores - smaller.cores == cliff.saved_cores
            words = sum(int(x.words.sum()) for x in smaller.layers)
            assert words_now - words == cliff.saved_words


def test_cliffs_never_get_dearer_and_nothing_cheaper_lies_between(chain):
    profile = load_profile("loihi2")
    budget = core_budget_of(profile)
    conv = chain.layers[0].geometry
    (found,) = (x for x in cliffs(chain, profile) if x.layer == "a")
    cores = [found.need.cores + found.following_cores]
    cores += [c.cores + c.following_cores for c in found.cliffs]
    assert cores == sorted(cores, reverse=True)
    assert [c.channels for c in found.cliffs] == sorted(
        (c.channels for c in found.cliffs), reverse=True
    )
    for channels in found.dearer:
        assert cores_and_words(conv, budget, channels).total_words > found.need.total_words


def test_56_channels_of_8_bit_are_dearer_than_64():
    budget = core_budget_of(load_profile("loihi2"))
    conv = Geometry("conv", (32, 8, 8), (64, 8, 8), (3, 3), padding=(1, 1), bits=(8,))
    now, fewer = (cores_and_words(conv, budget, n).words for n in (64, 56))
    assert fewer / now == pytest.approx(1.11, abs=0.01)


def test_need_is_that_of_the_mapper():
    for ending in ("gts/pilotnet_lif/network.net", "netx/tiny.net", "netx/mnist.net"):
        architecture = describe(netx.read(installed(ending)))
        profile = load_profile("loihi2")
        for placed in map_network(architecture, profile).layers:
            need = cores_and_words(placed.spec.geometry, core_budget_of(profile))
            assert need == (placed.cores, placed.words.max(), placed.words.sum())


def test_no_cliffs_where_channels_are_the_classes_behind_pooling_too():
    layers = (
        LayerEntry(type="conv", name="a", channels=30, kernel=3),
        LayerEntry(type="conv", name="b", channels=10, kernel=3),
        LayerEntry(type="pool", name="p", kernel=2),
    )
    plan = ArchitectureFile(name="pooled", input=(3, 20, 20), weight_bits=8, layer=layers)
    assert [x.layer for x in cliffs(build(plan), load_profile("loihi2"))] == ["a"]


@pytest.mark.parametrize(
    ("groups", "out", "sizes"), [(4, 32, {4, 8, 12}), (16, 32, set()), (16, 16, set(range(1, 16)))]
)
def test_channels_that_are_heard_in_groups_have_the_cliffs_of_whole_groups(groups, out, sizes):
    """Of 15 channels no four groups can be made; a depthwise layer has as many as there are."""
    layers = (
        LayerEntry(type="conv", name="a", channels=16, kernel=3),
        LayerEntry(type="conv", name="b", channels=out, kernel=3, groups=groups),
        LayerEntry(type="dense", name="c", neurons=10),
    )
    plan = ArchitectureFile(name="grouped", input=(3, 40, 40), weight_bits=8, layer=layers)
    found = cliffs(build(plan), load_profile("loihi2")).of("a")[0]
    counts = {cliff.channels for cliff in found.cliffs}
    assert counts <= sizes
    assert bool(counts) == bool(sizes)
    assert set(found.dearer) <= sizes


# --- the picture ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["loihi1", "loihi2"])
def test_the_picture_shows_every_core_twice(gesture, name):
    placement = map_network(gesture, load_profile(name))
    root = ET.fromstring(mesh(placement).svg())  # noqa: S314 - our own text
    titles = [e.text for e in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == 2 * placement.cores + 1
    assert titles[0].startswith(f"The mesh: gesture on {name}: {placement.cores} cores")
    assert titles[1].startswith("core 0: input, 1024 neurons" if name == "loihi1" else "core 0")
    texts = " ".join(e.text for e in root.iter("{http://www.w3.org/2000/svg}text"))
    for layer in placement.layers:
        assert f"{layer.spec.name} ({layer.cores})" in texts


def test_names_are_escaped_in_the_picture():
    plan = ArchitectureFile(
        name="<&>", input=4, weight_bits=8, layer=(LayerEntry(type="dense", neurons=2, name="a<b"),)
    )
    picture = mesh(map_network(build(plan), load_profile("loihi2"))).svg()
    ET.fromstring(picture)  # noqa: S314 - our own text
    assert "a&lt;b" in picture


def test_loads_set_the_shade(gesture):
    placement = map_network(gesture, load_profile("loihi1"))
    loads = np.arange(placement.cores, dtype=float)
    picture = mesh(placement, loads.tolist(), "synops")
    shades = [f"load-{i}" for i in (0, placement.cores // 2, placement.cores - 1)]
    drawn = {p.get_gid(): p.get_facecolor()[-1] for p in picture.figure.axes[1].patches}
    assert [drawn[gid] for gid in shades] == sorted(drawn[gid] for gid in shades)
    assert drawn[shades[-1]] == 1.0
    assert "darkest = 48" in picture.svg()
    assert max(utilisations(placement)) <= 1.0
    assert len({layer_colour(i, 6) for i in range(6)}) == 6


def test_several_chips_are_drawn():
    plan = ArchitectureFile(
        name="wide", input=8, weight_bits=8, layer=(LayerEntry(type="dense", neurons=200_000),)
    )
    placement = map_network(build(plan), load_profile("loihi1"))
    assert "chip 1" in mesh(placement).svg()
