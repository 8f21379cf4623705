"""Numbers and sizes at their ends: the fast engine is the reference, or both refuse by name."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from loihi_sca.compiler.verify import verify
from loihi_sca.engine import fast, reference
from loihi_sca.errors import InputError, NetworkError
from loihi_sca.network import (
    ComplexDense,
    Conv,
    Cuba,
    Delta,
    Dense,
    Input,
    Network,
    Pool,
    Recurrent,
    Resonator,
    Sigma,
    SigmaDelta,
)
from loihi_sca.network.fixed_point import MAX_THRESHOLD, MAX_VALUE, STATE_LIMIT

DECAYS = (0, 1, 4095, 4096)
THRESHOLDS = (0, 1, MAX_THRESHOLD - 1, MAX_THRESHOLD, 1 << 30)
EDGE = STATE_LIMIT // 64
"""A weight that takes a current from 0 to the end of its 24 bits."""

WEIGHTS = (2, -2, EDGE - 1, EDGE, EDGE + 1, -EDGE, -EDGE - 1)

FORMS = {
    "dense": lambda weight, neuron: Dense("x", (1,), [[weight]], neuron=neuron),
    "pixel": lambda weight, neuron: Conv("x", (1, 1, 1), [[[[weight]]]], neuron=neuron),
    "pool": lambda weight, neuron: Pool("x", (1, 1, 1), [[weight]], neuron=neuron),
    "recurrent": lambda weight, neuron: Recurrent(
        "x", (1,), [[weight]], feedback=[[-weight]], neuron=neuron),
}  # fmt: skip


def compare(layer, steps, schedule="pipelined", value=1):
    """Compare all of one layer, on silence, a value at each step, and one now and then."""
    data = np.zeros((3, *layer.in_shape, steps), dtype=np.int32)
    data[1], data[2, ..., ::3] = value, value
    return verify(
        Network("stress", (layer,)), engines=("reference", "fast"), data=data, schedule=schedule
    )


@pytest.mark.parametrize("form", FORMS)
def test_one_neuron_with_every_decay_and_weight(form):
    wraps = saturations = 0
    for du, dv, weight in itertools.product(DECAYS, DECAYS, WEIGHTS):
        found = compare(FORMS[form](weight, Cuba(du, dv, 1 << 30)), 5)
        wraps += found.current_wraps
        saturations += found.voltage_saturations
    assert wraps > 50
    assert saturations > 50


@pytest.mark.parametrize("form", FORMS)
def test_one_neuron_with_every_threshold(form):
    for threshold, weight in itertools.product(THRESHOLDS, WEIGHTS):
        found = compare(FORMS[form](weight, Cuba(0, 0, threshold)), 3, "cold")
        if threshold >= MAX_THRESHOLD:
            assert not sum(found.spikes.values())


def test_one_resonator_with_every_mantissa_and_threshold():
    decays = itertools.product((1, 4095, 4096), DECAYS)
    for (sin, cos), threshold, izhikevich in itertools.product(decays, THRESHOLDS, (False, True)):
        for weight in (-2, EDGE, -EDGE - 1):
            neuron = Resonator(sin, cos, threshold, izhikevich)
            compare(ComplexDense("x", (1,), [[weight]], [[-weight]], neuron=neuron), 5)


@pytest.mark.parametrize("threshold", [0, 1, MAX_VALUE])
def test_sigma_delta_at_its_ends(threshold):
    for weight in (2, -256, EDGE, -EDGE - 1):
        for value in (1, -1, STATE_LIMIT - 1, 1 - STATE_LIMIT):
            compare(Dense("x", (1,), [[weight]], neuron=SigmaDelta(threshold)), 4, value=value)
            compare(Conv("x", (1, 1, 1), [[[[weight]]]], neuron=Sigma()), 4, value=value)
    for value in (1, MAX_VALUE, -MAX_VALUE):
        compare(Input("x", (1,), neuron=Delta(threshold)), 4, value=value)


@pytest.mark.parametrize("steps", [1, 4096])
@pytest.mark.parametrize("schedule", ["pipelined", "cold"])
def test_samples_of_one_and_of_very_many_timesteps(steps, schedule):
    layers = [form(38, Cuba(1, 4095, 20)) for form in FORMS.values()]
    layers.append(ComplexDense("x", (1,), [[40]], [[-40]], neuron=Resonator(300, 4000, 3)))
    layers.append(Dense("x", (1,), [[-256]], neuron=SigmaDelta(3)))
    for layer in layers:
        compare(layer, steps, schedule)


def test_a_kernel_larger_than_its_map():
    weight = np.full((2, 1, 3, 4), 30)
    with pytest.raises(NetworkError, match="a 3x4 window"):
        Conv("x", (1, 2, 2), weight, neuron=Cuba(0, 0, 9))
    with pytest.raises(NetworkError, match="a 3x4 window"):
        Pool("x", (1, 2, 2), weight[0, 0], neuron=Cuba(0, 0, 9))
    padded = Conv("x", (1, 2, 2), weight, padding=(1, 1), neuron=Cuba(0, 0, 9))
    assert sum(compare(padded, 6).spikes.values()) > 0


@pytest.mark.parametrize("engine", [reference, fast], ids=["reference", "fast"])
@pytest.mark.parametrize("shape", [(0, 1, 4), (2, 1, 0)])
def test_no_samples_and_no_timesteps(engine, shape):
    network = Network("net", (FORMS["dense"](2, Cuba(0, 0, 1)),))
    with pytest.raises(InputError, match="the data are empty: shape"):
        engine.run(network, np.zeros(shape, dtype=int))
