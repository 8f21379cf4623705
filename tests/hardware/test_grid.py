import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihi_sca.hardware import Geometry, load_profile
from loihi_sca.hardware.mapping.grid import input_steps, need_table
from loihi_sca.hardware.mapping.loihi2 import tile
from loihi_sca.hardware.mapping.memory import core_budget_of
from loihi_sca.hardware.mapping.need import cores_and_words


@st.composite
def geometries(draw) -> Geometry:
    bits = (draw(st.sampled_from([1, 4, 8])),)
    if draw(st.booleans()):
        inputs, neurons = draw(st.integers(1, 5000)), draw(st.integers(1, 5000))
        flat = draw(st.booleans())
        return Geometry("dense", (inputs, 1, 1), (neurons, 1, 1), bits=bits, from_map=flat)
    kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    side = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    padding = draw(st.integers(0, 2))
    out = tuple(max(1, (n + 2 * padding - kernel) // stride + 1) for n in side)
    kind = {"kernel": (kernel, kernel), "stride": (stride, stride), "padding": (padding, padding)}
    channels = draw(st.integers(1, 600)), draw(st.integers(1, 600))
    return Geometry("conv", (channels[0], *side), (channels[1], *out), bits=bits, **kind)


@pytest.mark.parametrize("profile", ["loihi1", "loihi2", "loihi2-2023"])
@settings(deadline=None, max_examples=60)
@given(geometry=geometries(), data=st.data())
def test_tables_say_what_the_mapper_says(profile: str, geometry: Geometry, data) -> None:
    budget = core_budget_of(load_profile(profile))
    if profile == "loihi1":  # counts of its own, and slow: a small layer will do
        geometry = geometry.with_channels(min(20, geometry.out_shape[0]))
    some = st.lists(st.integers(1, 700), min_size=1, max_size=3)
    outputs, inputs = (np.array(data.draw(some)) for _ in range(2))
    table = need_table(geometry, budget, outputs, inputs)
    for row, o in enumerate(outputs):
        for column, i in enumerate(inputs):
            need = cores_and_words(geometry, budget, int(o), int(i))
            found = (int(table.cores[row, column]), int(table.words[row, column]))
            assert found == (need.cores, need.total_words), (o, i)


def test_a_depthwise_layer_follows_its_input() -> None:
    budget = core_budget_of(load_profile("loihi2"))
    pool = Geometry("conv", (8, 8, 8), (8, 4, 4), (2, 2), (2, 2), groups=8, bits=(1,))
    table = need_table(pool, budget, np.array([4, 200]), np.array([4]))
    assert table.cores[:, 0].tolist() == [
        cores_and_words(pool, budget, 4).cores,
        cores_and_words(pool, budget, 200).cores,
    ]


@pytest.mark.parametrize("profile", ["loihi2", "loihi2-2023"])
@settings(deadline=None, max_examples=60)
@given(geometry=geometries())
def test_between_two_steps_no_core_is_won_or_lost(profile: str, geometry: Geometry) -> None:
    budget = core_budget_of(load_profile(profile))
    outputs = geometry.out_shape[0]
    steps = input_steps(geometry, budget, outputs, 700)
    if steps is None:
        assert profile == "loihi2-2023"
        return
    inputs = np.arange(1, 701)
    cores = need_table(geometry, budget, np.unique([1, outputs // 3 + 1, outputs]), inputs).cores
    changes = inputs[:-1][(np.diff(cores, axis=1) != 0).any(axis=0)]
    assert set(changes) <= set(steps.tolist())


@settings(deadline=None, max_examples=100)
@given(geometry=geometries(), fewer=st.integers(1, 7))
def test_fewer_bits_and_fewer_inputs_never_cut_finer(geometry: Geometry, fewer: int) -> None:
    """What the planner relies on when it assumes weights of 8 bits."""
    budget = core_budget_of(load_profile("loihi2"))
    wide = dataclasses.replace(geometry, bits=(8,))
    half = max(1, geometry.in_shape[0] // 2)
    for lighter in (dataclasses.replace(wide, bits=(fewer,)), wide.with_channels(into=half)):
        assert tile(lighter, budget).channels >= tile(wide, budget).channels
        if geometry.kind == "dense":
            assert cores_and_words(lighter, budget).cores <= cores_and_words(wide, budget).cores


def test_a_coarser_cut_of_channels_can_take_more_cores() -> None:
    """Columns are powers of two: 16 x 17 fits one tile of 16 x 32, or two of 8 x 32."""
    budget = core_budget_of(load_profile("loihi2"))
    conv = Geometry("conv", (321, 16, 17), (57, 16, 17), (5, 5), padding=(2, 2), bits=(8,))
    fewer = dataclasses.replace(conv, bits=(1,))
    assert (tile(conv, budget), tile(fewer, budget)) == ((4, 16, 32), (8, 8, 32))
    assert [cores_and_words(each, budget).cores for each in (conv, fewer)] == [15, 16]
