"""Samples that are windows of one recording: state carried on, or fresh, and said which."""

from __future__ import annotations

import numpy as np
import pytest

import loihi_sca
from loihi_sca.engine import reference
from loihi_sca.engine.windows import as_stream, as_windows
from loihi_sca.errors import ConfigError
from loihi_sca.network import (
    ComplexDense,
    Cuba,
    Delta,
    Dense,
    Input,
    Network,
    Recurrent,
    Resonator,
    Sigma,
    SigmaDelta,
)

LEAKY = Cuba(300, 100, 60)


def table(rng, outputs, inputs):
    return 2 * rng.integers(-30, 50, (outputs, inputs))


def spiking(rng):
    return Network("spiking", (
        Dense("a", (6,), table(rng, 8, 6), bias=rng.integers(-3, 9, 8), neuron=LEAKY),
        Recurrent("b", (8,), table(rng, 7, 8), feedback=table(rng, 7, 7), neuron=LEAKY),
    ), timesteps=5)  # fmt: skip


def resonating(rng):
    neuron = Resonator(2287, 3300, 20)
    real, imag = table(rng, 8, 6), table(rng, 8, 6)
    return Network("resonating", (ComplexDense("a", (6,), real, imag, neuron=neuron),), 5)


def graded(rng):
    return Network("graded", (
        Input("in", (6,), neuron=Delta(6)),
        Dense("a", (6,), table(rng, 8, 6), bias=rng.integers(-30, 30, 8), neuron=SigmaDelta(5)),
        Dense("b", (8,), table(rng, 4, 8), neuron=Sigma()),
    ), timesteps=5)  # fmt: skip


KINDS = {"spiking": spiking, "resonating": resonating, "graded": graded}


def made(kind, windows=4):
    rng = np.random.default_rng(1)
    network = KINDS[kind](rng)
    if network.is_graded:
        return network, rng.integers(-64, 65, (windows, 6, 5))
    return network, (rng.random((windows, 6, 5)) < 0.4).astype(int)


def test_windows_come_one_after_the_other():
    windows = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    stream = as_stream(windows)
    assert stream.shape == (1, 3, 4, 10)
    np.testing.assert_array_equal(stream[0], np.concatenate(list(windows), axis=-1))
    np.testing.assert_array_equal(as_windows(stream, 2), windows)


@pytest.mark.parametrize("schedule", ["pipelined", "cold"])
@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("kind", KINDS)
def test_carried_on_is_one_long_sample_and_fresh_is_each_alone(kind, engine, schedule):
    network, data = made(kind)
    names = [layer.name for layer in network]
    options = {"schedule": schedule, "record": names}
    carried = loihi_sca.run(network, data, engine, state="carried", **options)
    fresh = loihi_sca.run(network, data, engine, **options)
    long = reference.run(network, np.concatenate(list(data), axis=-1)[None], **options)
    assert carried.spikes.shape == fresh.spikes.shape
    for name in names:
        ours, theirs = carried.traces[name], long.traces[name]
        for what in ("spikes", "current", "voltage", "sigma"):
            one, two = getattr(ours, what), getattr(theirs, what)
            assert (one is None) == (two is None)
            if one is not None:
                np.testing.assert_array_equal(np.concatenate(list(one), axis=-1), two[0])
    np.testing.assert_array_equal(carried.spikes[0], fresh.spikes[0])
    assert (carried.spikes[1:] != fresh.spikes[1:]).any()
    assert carried.activity == long.activity
    assert (carried.state, fresh.state) == ("carried", "fresh")
    assert carried.as_json()["state"] == "carried"
    assert "state carried on" in carried.about()
    assert "state" not in fresh.about()


def test_verify_says_what_it_has_compared():
    network, data = made("graded")
    engines = ("reference", "fast")
    found = loihi_sca.verify(network, data=data, state="carried", engines=engines)
    assert (found.state, found.samples, found.timesteps) == ("carried", 4, 5)
    assert "4 samples of 5 steps (given, state carried on)" in found.about()
    assert loihi_sca.verify(network, data=data, engines=engines).state == "fresh"


def test_evaluate_carries_on_over_all_samples():
    rng = np.random.default_rng(1)
    output = Dense("out", (1, 8, 8), table(rng, 10, 64), neuron=LEAKY)
    network = Network("digits", (Input("in", (1, 8, 8)), output), timesteps=4)
    digits = loihi_sca.load_data("digits", timesteps=4).first(12)
    fresh, carried = (
        loihi_sca.evaluate(network, digits, state=state) for state in ("fresh", "carried")
    )
    wanted = loihi_sca.run(network, digits.spikes(slice(0, 12)), state="carried")
    assert carried.activity == wanted.activity != fresh.activity
    assert (carried.state, fresh.state) == ("carried", "fresh")
    answers = wanted.counts.argmax(axis=1)
    assert np.trace(carried.confusion) == int((answers == digits.labels[:12]).sum())


def test_another_state_is_refused():
    network, data = made("spiking")
    for call in (loihi_sca.run, loihi_sca.verify):
        with pytest.raises(ConfigError, match="state 'warm': fresh or carried"):
            call(network, data=data, state="warm")
    with pytest.raises(ConfigError, match="state 'warm': fresh or carried"):
        loihi_sca.evaluate(network, loihi_sca.load_data("digits").first(2), state="warm")


@pytest.mark.lava
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("kind", ["spiking", "graded"])
def test_lava_carries_on(kind):
    network, data = made(kind, 3)
    if kind == "spiking":  # a bias before a recurrent layer acts before the first input
        network = network.replace(layers=network.layers[1:])
        data = np.pad(data, [(0, 0), (0, 2), (0, 0)], mode="wrap")
    found = loihi_sca.verify(network, data=data, state="carried")
    assert found.engines == ("reference", "fast", "lava")
    assert min(found.spikes.values()) > 5


def test_a_schedule_that_is_none_is_not_taken_for_another():
    network = spiking(np.random.default_rng(0))
    data = np.ones((2, 6, 5), np.uint8)
    for engine in ("reference", "fast"):
        with pytest.raises(ConfigError, match="schedule 'pipeline': pipelined or cold"):
            loihi_sca.run(network, data, engine, schedule="pipeline")
    with pytest.raises(ConfigError, match="schedule 'pipeline'"):
        loihi_sca.verify(network, engines=("reference", "fast"), data=data, schedule="pipeline")
