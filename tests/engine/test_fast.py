"""The fast engine does what the reference engine does, bit for bit."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from network_strategies import data_for, networks

from loihi_sca.engine import fast, reference
from loihi_sca.network import Network


def assert_same(network: Network, data: np.ndarray, schedule: str = "pipelined", **options) -> None:
    """Compare all that engines return: spikes, counts, and traces of all layers."""
    names = [layer.name for layer in network]
    expected = reference.run(network, data, schedule=schedule, record=names)
    plain = fast.run(network, data, schedule=schedule, **options)
    traced = fast.run(network, data, schedule=schedule, record=names, **options)
    for actual in (plain, traced):
        np.testing.assert_array_equal(actual.spikes, expected.spikes)
        assert actual.spikes.dtype == np.uint8
        assert actual.activity == expected.activity
    assert not plain.traces
    assert list(traced.traces) == names
    for name, trace in expected.traces.items():
        for field in dataclasses.fields(trace):
            want, got = getattr(trace, field.name), getattr(traced.traces[name], field.name)
            np.testing.assert_array_equal(got, want, err_msg=f"{name}.{field.name}")
            assert want is None or want.dtype == got.dtype


@given(data=st.data(), schedule=st.sampled_from(["pipelined", "cold"]))
@settings(deadline=None, max_examples=150)
def test_equals_the_reference(data, schedule):
    network = data.draw(networks())
    assert_same(network, data.draw(data_for(network)), schedule)
