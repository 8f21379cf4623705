"""Data in a wrong arrangement: the message says which one, and its way out works."""

from __future__ import annotations

import re

import numpy as np
import pytest

from loihi_sca.engine import fast, reference
from loihi_sca.errors import InputError
from loihi_sca.network import Conv, Cuba, Dense, Input, Network

NEURON = Cuba(1024, 128, 80)
RNG = np.random.default_rng(0)
MAPS = Network("maps", (
    Conv("a", (2, 6, 5), 2 * RNG.integers(-40, 60, (3, 2, 3, 3)), neuron=NEURON),
))  # fmt: skip
FLAT = Network("flat", (Dense("a", (60,), 2 * RNG.integers(-40, 60, (4, 60)), neuron=NEURON),))


def spikes(*shape):
    return (RNG.random(shape) < 0.3).astype(np.uint8)


def refused(network, data):
    """Return what both engines say about data in a wrong arrangement."""
    with pytest.raises(InputError) as caught:
        fast.run(network, data)
    with pytest.raises(InputError) as other:
        reference.run(network, data)
    assert str(caught.value) == str(other.value)
    return str(caught.value)


def follow(text, data):
    """Return the data as each piece of advice in a message makes them."""
    found = []
    for axes, one in re.findall(r"x\.transpose\(([\d, ]+)\)(\[None\])?", text):
        moved = data.transpose([int(axis) for axis in axes.split(",")])
        found.append(moved[None] if one else moved)
    return found


@pytest.mark.parametrize(
    ("order", "name"),
    [((0, 4, 1, 2, 3), "(N, T, C, H, W)"), ((0, 2, 3, 1, 4), "(N, H, W, C, T)"),
     ((0, 1, 4, 2, 3), "(N, C, T, H, W)"), ((0, 4, 2, 3, 1), "(N, T, H, W, C)")],
)  # fmt: skip
def test_maps(order, name):
    right = spikes(3, 2, 6, 5, 8)
    data = right.transpose(order)
    text = refused(MAPS, data)
    assert f"It looks like {name}" in text
    np.testing.assert_array_equal(follow(text, data)[0], right)


def test_time_before_samples():
    right = spikes(3, 2, 6, 5, 8)
    data = right.transpose(4, 0, 1, 2, 3)
    np.testing.assert_array_equal(follow(refused(MAPS, data), data)[1], right)


def test_axes_that_are_missing():
    right = spikes(1, 2, 6, 5, 8)
    assert "one sample: pass x[None]." in refused(MAPS, right[0])
    frames = right[0].transpose(3, 0, 1, 2)
    np.testing.assert_array_equal(follow(refused(MAPS, frames), frames)[0], right)
    assert "lacks the axes of samples and of time" in refused(MAPS, spikes(2, 6, 5))


def test_flat_and_flattened():
    maps = spikes(3, 2, 6, 5, 8)
    flat = maps.reshape(3, 60, 8)
    assert "Pass x.reshape(len(x), 60, x.shape[-1])" in refused(FLAT, maps)
    assert "Pass x.reshape(len(x), 2, 6, 5, x.shape[-1])" in refused(MAPS, flat)
    late = flat.transpose(0, 2, 1)
    np.testing.assert_array_equal(follow(refused(FLAT, late), late)[0], flat)


def test_what_fits_nothing_gets_no_advice():
    assert refused(FLAT, spikes(3, 7, 8)).endswith("got (3, 7, 8).")


@pytest.mark.parametrize(
    ("change", "message"),
    [(3, r"span 0 to 3, allowed is 0 to 1.*counts.*numpy.minimum"), (-1, "one for each polarity")],
)
def test_values_that_are_no_spikes(change, message):
    data = spikes(2, 60, 5).astype(int)
    data[0, 0, 0], data[0, 0, 1] = change, 0
    for engine in (fast, reference):
        with pytest.raises(InputError, match=message):
            engine.run(FLAT, data)


def test_values_beyond_64_bits_are_told_without_a_warning():
    for engine in (fast, reference):
        with pytest.raises(InputError, match=r"span 0 to \d+, allowed is 0 to 1"):
            engine.run(FLAT, spikes(2, 60, 5) * 1e30)


def test_values_beyond_the_mantissa():
    driven = Network("driven", (Input("in", (4,), neuron=NEURON),))
    with pytest.raises(InputError, match=r"bias mantissas.*Scale the values down"):
        fast.run(driven, np.full((1, 4, 2), 5000))
