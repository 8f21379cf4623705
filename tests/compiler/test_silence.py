"""What is said beside the zero of a layer that did not spike."""

from __future__ import annotations

import numpy as np

from loihi_sca.compiler.bounds import bounds
from loihi_sca.compiler.silence import explain_silence
from loihi_sca.network import Cuba, Dense, Network
from loihi_sca.network.fixed_point import MAX_THRESHOLD


def chain(*thresholds, weight=2, decay=0):
    return Network("net", tuple(
        Dense(f"d{i}", (3,), np.full((3, 3), weight), neuron=Cuba(decay, decay, threshold))
        for i, threshold in enumerate(thresholds)
    ))  # fmt: skip


def test_a_layer_that_spiked_needs_no_word():
    assert explain_silence(chain(1, 1), {"d0": 3, "d1": 1}) == ()


def test_a_layer_that_could_have_spiked():
    (text,) = explain_silence(chain(1, 1), {"d0": 3, "d1": 0})
    assert text == "d1 did not spike on these data, although some input would make it"
    assert explain_silence(chain(1, 1), {"d0": 0, "d1": 0}) == ()  # the data are silent


def test_a_layer_that_never_spikes():
    (text,) = explain_silence(chain(1, 1, weight=-2, decay=4096), {"d0": 0, "d1": 0})[-1:]
    assert "never does: no input drives its voltage above its threshold" in text
    assert "say nothing about classes" in text


def test_a_threshold_above_every_voltage_is_not_reached_by_currents_that_wrap():
    """A current without decay grows until it wraps, but the voltage saturates below."""
    network = chain(1, MAX_THRESHOLD)
    assert bounds(network)[1].can_wrap
    assert not bounds(network)[1].can_spike.any()
    (text,) = explain_silence(network, {"d0": 3, "d1": 0})
    assert "its threshold 131072 is more than a voltage of 24 bits reaches" in text
