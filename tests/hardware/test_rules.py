"""Each limit broken once, and the message that says so."""

from __future__ import annotations

import re

import numpy as np
import pytest

from loihi_sca.compiler.refuse import find_problems
from loihi_sca.errors import DoesNotFit
from loihi_sca.hardware import (
    RANGE_RULES,
    RULES,
    describe,
    find_violations,
    load_profile,
    map_network,
    require_fit,
)
from loihi_sca.hardware.schema import Profile
from loihi_sca.network import (
    Conv,
    Cuba,
    Delta,
    Dense,
    Input,
    Network,
    OtherNeuron,
    Sigma,
    SigmaDelta,
)

NEURON = Cuba(4096, 128, 80)


def profile_with(name, **limits):
    """Return a shipped profile with other limits."""
    values = load_profile(name).model_dump(by_alias=True)
    for key, value in limits.items():
        entry = values["limits"].get(key)
        if entry is None:
            unit = "position" if key in ("kernel_edge", "stride") else "axon/core"
            entry = {"unit": unit, "source": "this test", "confidence": "D"}
        values["limits"][key] = {**entry, "value": value, "low": None, "high": None}
    return Profile.model_validate(values)


def dense(n_in, n_out, weight=6, **more):
    more.setdefault("neuron", NEURON)
    name = more.pop("name", "fc")
    return Dense(name, (n_in,), np.full((n_out, n_in), weight), **more)


def violations(profile, *layers):
    return find_violations(map_network(Network("net", layers), profile))


def the_only(profile, *layers):
    (found,) = violations(profile, *layers)
    return found


def test_compartments():
    found = the_only(profile_with("loihi2", compartments=1), dense(2, 3))
    assert str(found) == (
        "fc needs 2 compartments on a core, limit 1 (loihi2.limits.compartments: Intel compiler "
        "tables in the lava-dl and lava-optimization tutorial notebooks). Use a neuron with fewer "
        "compartments."
    )


def test_synapse_words():
    # 1000 inputs of 3 + 12 bits and a header of 10 take a word each for a single neuron
    found = the_only(profile_with("loihi2", synapse_words=800), dense(1000, 3))
    assert (found.rule, found.layer, found.actual, found.limit) == (
        "synapse_words",
        "fc",
        1000,
        800,
    )
    assert "fc needs 1 000 synapse words on a core, limit 800" in str(found)
    assert "prune the layer before it to 800 inputs or fewer" in str(found)


def test_in_axons():
    found = the_only(load_profile("loihi1"), dense(5000, 3))
    assert "fc needs 5 000 input axons on a core, limit 4 096" in str(found)
    assert "prune the layer before it to 4096 inputs or fewer" in str(found)


def test_out_axons():
    profile = profile_with("loihi1", out_axons=3, synapse_words=300)
    second = Dense("next", (20,), np.full((600, 20), 254), neuron=NEURON)
    found = the_only(profile, dense(2, 20), second)
    assert (found.layer, found.rule) == ("fc", "out_axons")
    assert re.search(r"fc needs \d+ output axons on a core, limit 3", str(found))
    assert "Prune the layer after it" in str(found)


def test_axon_map():
    found = the_only(profile_with("loihi2", axon_map=20), dense(2, 30))
    assert "fc needs 30 entries of AxonMap on a core, limit 20" in str(found)


def test_neuron_groups():
    layer = dense(2, 3, neuron=OtherNeuron("SDNN", {"sigma_output": True}))
    found = the_only(profile_with("loihi2", neuron_groups=1), layer)
    assert "fc needs 2 neuron groups on a core, limit 1" in str(found)


def test_weight_bits():
    weight = np.array([[511, 1]])
    found = the_only(load_profile("loihi2"), Dense("fc", (2,), weight, neuron=NEURON))
    assert "fc needs 10 bits per weight, limit 8" in str(found)
    assert "Quantise" in str(found)


def test_delay():
    layer = dense(3, 2, delay=np.full((2, 3), 63))
    found = the_only(load_profile("loihi2"), layer)
    assert "fc needs 63 steps of delay, limit 62" in str(found)


def test_axon_delay_counts_as_delay():
    layer = dense(3, 2, axon_delay=np.array([0, 70]))
    assert the_only(load_profile("loihi2"), layer).actual == 70


def test_threshold():
    layer = dense(3, 2, neuron=Cuba(4096, 128, (1 << 17) + 1))
    found = the_only(load_profile("loihi2"), layer)
    assert "fc needs 18 bits for its threshold, limit 17" in str(found)


def test_the_threshold_of_a_read_out_is_let_through():
    assert not violations(load_profile("loihi2"), dense(3, 2, neuron=Cuba(0, 4096, 1 << 17)))


def test_bias_mantissa():
    found = the_only(load_profile("loihi2"), dense(3, 2, bias=np.array([4097, 1])))
    assert "fc needs 14 bits for a bias mantissa, limit 13" in str(found)


def test_a_round_bias_fits_by_its_exponent():
    assert not violations(load_profile("loihi2"), dense(3, 2, bias=np.array([4096, -8192])))


def test_a_bias_beyond_the_largest_exponent():
    found = the_only(load_profile("loihi2"), dense(3, 2, bias=np.array([1 << 20, 0])))
    assert "fc needs 15 bits for a bias mantissa, limit 13" in str(found)  # 2^13 * 2^7


def test_decay():
    found = the_only(profile_with("loihi2", decay_bits=11), dense(3, 2))
    assert "fc needs 12 bits for a decay, limit 11" in str(found)


def test_payload():
    found = the_only(load_profile("loihi1"), dense(3, 2, neuron=OtherNeuron("SDNN")))
    assert "fc needs 1 bits of payload per spike, limit 0" in str(found)
    assert not violations(load_profile("loihi2"), dense(3, 2, neuron=OtherNeuron("SDNN")))


def test_payload_is_said_once_for_a_whole_network():
    layers = (
        Input("in", (3,), neuron=Delta(6)), dense(3, 3, name="a", neuron=SigmaDelta(6)),
        dense(3, 2, name="b", neuron=Sigma()),
    )  # fmt: skip
    network = Network("net", layers)
    (found,) = find_violations(map_network(network, load_profile("loihi1")))
    assert str(found).startswith("in needs 1 bits of payload per spike, limit 0")
    assert str(found).endswith("So do 2 other layers.")
    assert find_violations(map_network(network, load_profile("loihi2"))) == ()
    (problem,) = find_problems(network, "loihi1")
    assert problem.limit
    assert problem.reason in str(found)
    assert find_problems(network, "loihi2") == ()


@pytest.mark.parametrize(("limit", "text"), [("kernel_edge", "5 positions"), ("stride", "2 pos")])
def test_window(limit, text):
    weight = np.full((1, 1, 5, 3), 2)
    layer = Conv("conv", (1, 9, 9), weight, stride=(2, 1), neuron=NEURON)
    found = the_only(profile_with("loihi2", **{limit: 1}), layer)
    assert f"conv needs {text}" in str(found)


def test_all_violations_come_at_once_and_exit_code_is_3():
    layer = dense(
        5000, 2, neuron=Cuba(4096, 128, (1 << 17) + 1), bias=np.array([4097, 1]),
        delay=np.full((2, 5000), 70),
    )  # fmt: skip
    placement = map_network(Network("net", (layer,)), load_profile("loihi1"))
    found = {v.rule for v in find_violations(placement)}
    assert found == {"in_axons", "delay", "threshold_bits", "bias_bits"}
    with pytest.raises(DoesNotFit, match=r"(?s)input axons.*delay.*threshold.*bias") as caught:
        require_fit(placement)
    assert caught.value.exit_code == 3


def test_a_network_that_fits_breaks_no_rule():
    placement = map_network(Network("net", (dense(30, 20),)), load_profile("loihi2"))
    assert find_violations(placement) == ()
    require_fit(placement)
    assert len(RULES) + len(RANGE_RULES) == 12


def test_violation_as_json_has_layer_actual_limit_source_and_hint():
    value = the_only(load_profile("loihi1"), dense(5000, 3)).as_json()
    assert {"layer", "rule", "actual", "limit", "unit", "source", "hint", "message"} <= set(value)


def test_ranges_are_checked_without_a_core_map():
    profile = load_profile("loihi2")
    layer = dense(3, 2, neuron=Cuba(4096, 128, (1 << 17) + 1), delay=np.full((2, 3), 63))
    (spec,) = describe(Network("net", (layer,))).layers
    found = {violation.rule for rule in RANGE_RULES for violation in rule(spec, profile)}
    assert found == {"threshold_bits", "delay"}
