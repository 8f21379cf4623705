"""Random networks: compiled, they give the same spikes on the reference, the fast engine, Lava."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from network_strategies import data_for, networks

from loihi_sca.compiler.pipeline import PASSES_UNROLLING, run_passes
from loihi_sca.compiler.refuse import find_problems
from loihi_sca.compiler.verify import verify
from loihi_sca.engine import reference

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def compare(data):
    """Draw a network, compile it, and compare two engines on it, and it with its original."""
    network = data.draw(networks(weights="chip"))
    spikes = data.draw(data_for(network))
    compiled = run_passes(network, PASSES_UNROLLING).network
    found = verify(compiled, engines=["reference", "fast"], data=spikes)
    assert found.mismatches == 0
    expected = reference.run(network, spikes).spikes
    actual = reference.run(compiled, spikes).spikes
    np.testing.assert_array_equal(actual.reshape(expected.shape), expected)


@settings(max_examples=30, deadline=None, suppress_health_check=QUIET)
@given(data=st.data())
def test_random_networks(data):
    compare(data)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=QUIET)
@given(data=st.data())
def test_two_hundred_random_networks(data):
    compare(data)


@pytest.mark.slow
@pytest.mark.lava
@pytest.mark.timeout(1800)
@settings(
    max_examples=24, deadline=None, suppress_health_check=QUIET, phases=[Phase.generate],
    derandomize=True,
)  # fmt: skip
@given(data=st.data())
def test_random_networks_on_lava(data):
    network = data.draw(networks(weights="chip", per_channel=False, recurrent=False))
    compiled = run_passes(network, PASSES_UNROLLING).network
    assume(compiled.synapse_layers and not find_problems(compiled))
    spikes = data.draw(data_for(compiled, most_samples=2, most_steps=10))
    verify(compiled, data=spikes, timeout_s=120)
