"""Energy and latency: by hand, and what must hold always."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihi_sca.engine import reference
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.hardware import describe, estimate, load_profile, map_network
from loihi_sca.hardware.cost.activity import (
    Activity,
    LayerCounts,
    from_rates,
    from_run,
)
from loihi_sca.hardware.cost.load import loads
from loihi_sca.hardware.cost.mesh import places
from loihi_sca.hardware.schema import Profile
from loihi_sca.network import Conv, Cuba, Dense, Input, Network

NEURON = Cuba(1024, 128, 80)
STEPS = 8


@pytest.fixture(scope="module")
def network():
    rng = np.random.default_rng(3)
    conv = Conv(
        "conv", (2, 8, 8), 2 * rng.integers(-60, 90, (6, 2, 3, 3)), padding=(1, 1), neuron=NEURON
    )
    dense = Dense("dense", conv.out_shape, 2 * rng.integers(-60, 90, (5, 384)), neuron=NEURON)
    return Network("net", (Input("input", (2, 8, 8)), conv, dense), timesteps=STEPS)


@pytest.fixture(scope="module")
def run(network):
    rng = np.random.default_rng(4)
    return reference.run(network, (rng.random((3, 2, 8, 8, STEPS)) < 0.2).astype(int))


# --- by hand --------------------------------------------------------------------------------------


def test_items_are_counts_times_constants(network, run):
    profile = load_profile("loihi2")
    result = estimate(network, profile, run.activity, run.samples, run.timesteps)
    items = {(x.layer, x.item): x for x in result.energy.items}
    conv = run.activity[1]
    assert items["conv", "synop"].count == conv.synops / 3
    assert items["conv", "synop"].energy_uj.best == pytest.approx(conv.synops / 3 * 22e-6)
    assert items["conv", "core_step"].count == 1 * STEPS
    assert items["dense", "core_step"].energy_uj.high == pytest.approx(STEPS * 113e-3)
    assert items["conv", "core_step"].as_json()["note"].startswith("our assumption")
    # the engine counts neurons, the chip two compartments each
    assert items["conv", "update"].count == 2 * STEPS * 384
    # 384 neurons on one core, each reaching the one core of the dense layer
    assert items["conv", "axon_out"].count == conv.spikes / 3
    assert items["conv", "axon_in"].count == run.activity[0].spikes / 3
    assert items["dense", "axon_in"].count == conv.spikes / 3


def test_sums_agree(network, run):
    result = estimate(network, load_profile("loihi1"), run.activity, run.samples)
    energy = result.energy
    by_item = sum(x.energy_uj.best for x in energy.by_item)
    by_layer = sum(x.best for x in energy.by_layer().values())
    assert energy.dynamic_uj.best == pytest.approx(by_item)
    assert energy.dynamic_uj.best == pytest.approx(by_layer)
    total = energy.dynamic_uj.best + energy.static_uj.best
    assert energy.total_uj.best == pytest.approx(total)
    milliwatt_microseconds = 104 * result.latency.sample_us.best * result.chips
    assert energy.static_uj.best == pytest.approx(milliwatt_microseconds * 1e-3)


def test_static_power_is_that_of_the_board(network, run):
    chip = load_profile("loihi2")
    found = {
        board: estimate(network, chip, run.activity, run.samples, board=board)
        for board in (None, *chip.boards)
    }
    assert found[None].energy.static_uj == found["oheo-gulch"].energy.static_uj
    time = found["vpx"].latency.sample_us
    assert found["vpx"].energy.static_uj.best == pytest.approx(1000 * time.best * 1e-3)
    assert found["alia-point"].energy.static_uj.high == pytest.approx(700 * time.high * 1e-3)
    assert found["vpx"].energy.dynamic_uj == found[None].energy.dynamic_uj
    assert found["vpx"].as_json()["energy"]["board"]["name"] == "vpx"
    with pytest.raises(ConfigError, match="no board 'vxp' in profile 'loihi2', did you mean 'vpx'"):
        estimate(network, chip, board="vxp")


def test_static_power_per_core_counts_the_cores_in_use(network, run):
    found = estimate(network, load_profile("loihi1"), run.activity, run.samples, board="cores-only")
    expected = 0.55 * found.cores * found.latency.sample_us.best * 1e-3
    assert found.energy.static_uj.best == pytest.approx(expected)


def test_the_run_knows_its_timesteps(network):
    rng = np.random.default_rng(5)
    short = reference.run(network, (rng.random((2, 2, 8, 8, 5)) < 0.2).astype(int))
    chip = load_profile("loihi2")
    found = estimate(network, chip, short.activity, short.samples)  # the file says 8 steps
    assert found.energy.activity.timesteps == found.latency.timesteps == 5
    told = estimate(network, chip, short.activity, short.samples, short.timesteps)
    assert found.as_json() == told.as_json()
    with pytest.raises(InputError, match="of 5 timesteps per sample, not of 8"):
        estimate(network, chip, short.activity, short.samples, 8)
    with pytest.raises(InputError, match="no whole number of timesteps"):
        estimate(network, chip, short.activity, 3)


def test_samples_and_timesteps_that_contradict_what_is_known_are_refused(network, run):
    def told(activity=None, **given) -> float:
        return estimate(network, "loihi2", activity, **given).energy.total_uj.best

    counted = estimate(network, "loihi2", run).energy.activity
    for known, samples in ((run, run.samples), (counted, 1)):
        assert told(known, samples=samples, timesteps=run.timesteps) == told(run)
        with pytest.raises(
            InputError, match=rf"of {run.timesteps} timesteps per sample, and 4 are"
        ):
            told(known, timesteps=4)
        with pytest.raises(InputError, match=rf"of {samples} samples, and 99 are given"):
            told(known, samples=99)
    with pytest.raises(ConfigError, match="samples = 2: a rate is that of every sample"):
        told(rate=0.1, samples=2)
    assert told(rate=0.1, timesteps=4) < told(rate=0.1)
    for wrong in (0, -1, 2.5, True):
        with pytest.raises(
            InputError, match=f"timesteps is {wrong}, must be a whole number from 1"
        ):
            told(rate=0.1, timesteps=wrong)
        with pytest.raises(InputError, match=f"activity of {wrong} samples: a whole number"):
            told(run.activity, samples=wrong)


def test_latency_of_one_core_by_hand():
    dense = Dense("dense", (100,), np.full((50, 100), 2), neuron=NEURON)
    network = Network("net", (dense,))
    counts = LayerCounts("dense", spikes=50, synops=1e6, updates=1000)
    activity = Activity((counts,), input_spikes=20_000, timesteps=10, source="this test")
    latency = estimate(network, load_profile("loihi2"), activity).latency
    assert latency.step_us.best == pytest.approx((1e6 / 10 * 0.95 + 10_000) / 1000)
    assert latency.first_result_us.best == pytest.approx(11 * latency.step_us.best)
    assert latency.sample_us.best == pytest.approx(10 * latency.step_us.best)
    assert latency.samples_per_s.best == pytest.approx(1e6 / latency.sample_us.best)
    assert latency.samples_per_s.low < latency.samples_per_s.best < latency.samples_per_s.high
    binding = latency.binding
    assert (binding.layer, binding.core, binding.what) == ("dense", 0, "synops")
    assert binding.synops == 1e5


def test_own_constants_for_convolutions():
    values = load_profile("loihi2").model_dump(by_alias=True)
    values["energy"]["synop_conv"] = {**values["energy"]["synop"], "value": 12.0, "low": None}
    values["time"]["synop_dense"] = {**values["time"]["synop"], "value": 1.0, "high": 2.0}
    profile = Profile.model_validate(values)
    conv = Conv("conv", (1, 4, 4), np.full((1, 1, 3, 3), 2), neuron=NEURON)
    dense = Dense("dense", conv.out_shape, np.full((2, 4), 2), neuron=NEURON)
    network = Network("net", (conv, dense))
    result = estimate(network, profile, from_rates(describe(network), profile, 0.5, 4))
    items = {x.layer: x for x in result.energy.items if x.item == "synop"}
    assert items["conv"].constant.value == 12.0
    assert items["dense"].constant.value == 22.0
    assert [x.item for x in result.energy.by_item].count("synop") == 2


def test_constants_of_one_source_are_summed_each_by_itself(network, run):
    values = load_profile("loihi1").model_dump(by_alias=True)
    values["energy"] |= {
        f"synop_{kind}": {"value": pj, "unit": "pJ/synop", "source": "mine", "confidence": "A"}
        for kind, pj in (("conv", 10.0), ("dense", 40.0))
    }
    found = estimate(network, Profile.model_validate(values), run).as_json()["energy"]
    synops = [x for x in found["items"] if x["item"] == "synop" and x["source"] == "mine"]
    assert {x["unit_pj"]["best"] for x in synops} == {10.0, 40.0}
    for x in synops:
        assert x["energy_uj"]["best"] == pytest.approx(x["count"] * x["unit_pj"]["best"] / 1e6)


def test_without_activity_there_is_no_energy(network):
    result = estimate(network, load_profile("loihi2"))
    assert result.energy is None
    assert result.latency is None


def test_a_network_without_cores_has_no_energy(network):
    port = Network("port", (network.layers[0],), timesteps=4)
    result = estimate(
        port, load_profile("loihi2"), from_rates(describe(port), load_profile("loihi2"), 0.1)
    )
    assert (result.cores, result.energy) == (0, None)


# --- spread over cores ----------------------------------------------------------------------------


@given(rate=st.floats(0, 1), profile=st.sampled_from(["loihi1", "loihi2", "loihi2-2023"]))
@settings(max_examples=20, deadline=None)
def test_loads_of_cores_add_up_to_the_layer(gesture, rate, profile):
    chip = load_profile(profile)
    architecture = describe(gesture)
    activity = from_rates(architecture, chip, rate)
    placement = map_network(gesture, chip)
    spread = loads(placement, activity)
    for load, counts in zip(spread, activity.layers, strict=True):
        assert load.synops.sum() == pytest.approx(counts.synops)
        assert load.updates.sum() == pytest.approx(counts.updates)
        assert load.spikes.sum() == pytest.approx(counts.spikes)
    for before, after in itertools.pairwise(spread):
        assert before.messages_sent == pytest.approx(after.messages_received)
    sent = [float(layer.out_axons.sum()) for layer in placement.layers]
    for load, axons in zip(spread, sent, strict=True):
        assert load.messages_sent == pytest.approx(axons * rate * architecture.timesteps)


@given(rate=st.floats(0, 1), share=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_more_spikes_never_cost_less(gesture, rate, share):
    profile = load_profile("loihi1")
    quiet, busy = (
        estimate(gesture, profile, from_rates(describe(gesture), profile, r))
        for r in (rate * share, rate)
    )
    for band in (quiet.energy.total_uj, quiet.latency.step_us):
        assert 0 <= band.low <= band.best <= band.high
    assert quiet.energy.dynamic_uj.best <= busy.energy.dynamic_uj.best * (1 + 1e-9)
    assert quiet.latency.step_us.best <= busy.latency.step_us.best * (1 + 1e-9)


def test_tiles_are_filled_to_and_fro_and_chips_follow():
    profile = load_profile("loihi1")
    where = places(profile, 0, 260)
    assert (where.column[0], where.row[0], where.chip[0]) == (0, 0, 0)
    assert (where.column[31], where.row[31]) == (7, 0)
    assert (where.column[32], where.row[32]) == (7, 1)  # turns round
    assert (where.column[63], where.row[63]) == (0, 1)
    assert (where.chip[128], where.column[128], where.row[128]) == (1, 8, 0)
    assert where.chip[259] == 2
    steps = np.abs(np.diff(where.column[:128])) + np.abs(np.diff(where.row[:128]))
    assert steps.max() == 1  # neighbours in order are neighbours on the mesh


def test_recurrent_spikes_come_back():
    from loihi_sca.hardware.architecture import ArchitectureFile, LayerEntry, build

    plan = ArchitectureFile(
        name="rec", input=10, weight_bits=8, timesteps=4,
        layer=(LayerEntry(type="dense", neurons=20, recurrent=True),),
    )  # fmt: skip
    profile = load_profile("loihi2")
    activity = from_rates(build(plan), profile, 0.5)
    assert activity.synops == 4 * 0.5 * (10 * 20 + 20 * 20)
    (load,) = loads(map_network(build(plan), profile), activity)
    assert load.messages_sent == 4 * 0.5 * 20
    assert load.messages_received == 4 * 0.5 * (10 + 20)


def test_runs_and_rates_give_the_same_form(network, run):
    profile = load_profile("loihi2")
    counted = from_run(run.activity, describe(network), profile, 3, STEPS)
    rated = from_rates(describe(network), profile, 0.2)
    assert [x.name for x in counted.layers] == [x.name for x in rated.layers]
    assert [x.updates for x in counted.layers] == [x.updates for x in rated.layers]
    assert rated.layers[1].synops == pytest.approx(0.2 * STEPS * network.layers[1].fan_out().sum())


def test_layers_of_thousands_of_cores_need_little_memory():
    from loihi_sca.hardware.architecture import ArchitectureFile, LayerEntry, build

    wide = tuple(LayerEntry(type="dense", neurons=5_000_000) for _ in range(2))
    plan = ArchitectureFile(name="wide", input=10, weight_bits=8, timesteps=4, layer=wide)
    profile = load_profile("loihi1")
    result = estimate(build(plan), profile, from_rates(build(plan), profile, 0.1))
    assert result.cores > 9000  # as a matrix, its traffic would take 200 MB per layer
    assert not result.fits
    assert result.total_energy_uj > 0
    assert result.step_time_us > 0
