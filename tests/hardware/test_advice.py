"""Advice on latency, tested by doing it: the change is made by hand, and the step must fall."""

from __future__ import annotations

import pytest

from loihi_sca.hardware import estimate, load_profile
from loihi_sca.hardware.architecture import ArchitectureFile, LayerEntry, build
from loihi_sca.hardware.cost.activity import Activity, LayerCounts, from_rates
from loihi_sca.hardware.schema import Profile


def conv(name, channels, **options):
    return LayerEntry(type="conv", name=name, channels=channels, kernel=3, padding=1, **options)


def dense(name, neurons):
    return LayerEntry(type="dense", name=name, neurons=neurons)


def pool(name):
    return LayerEntry(type="pool", name=name, kernel=2)


CLASSES = dense("classes", 10)

SYNOPS = ArchitectureFile(
    name="synops", input=(2, 16, 16), timesteps=8, weight_bits=8,
    layer=(conv("a", 24), pool("p"), conv("b", 32), CLASSES),
)  # fmt: skip
UPDATES = ArchitectureFile(
    name="updates", input=(2, 16, 16), timesteps=8, weight_bits=4,
    layer=(conv("a", 12), conv("b", 4), CLASSES),
)  # fmt: skip
MESSAGES = ArchitectureFile(
    name="messages", input=64, timesteps=8, weight_bits=8,
    layer=(dense("a", 1000), dense("b", 40), CLASSES),
)  # fmt: skip


def chip(name):
    """Return a profile; of ``slow axons`` messages take long, which shipped profiles let pass."""
    if name != "slow axons":
        return load_profile(name)
    values = load_profile("loihi2").model_dump(by_alias=True)
    values["time"]["axon_in"] |= {"value": 200.0, "high": None}
    return Profile.model_validate(values)


CASES = {  # architecture, profile, rate, rates, what binds
    "synops": (SYNOPS, "loihi2", 0.1, {}, "synops"),
    "updates": (UPDATES, "loihi2", 0.001, {}, "updates"),
    "updates of Loihi 1": (UPDATES, "loihi1", 0.001, {}, "updates"),
    "messages": (MESSAGES, "slow axons", 0.2, {}, "messages"),
}


def test_no_channels_are_taken_that_a_layer_hears_in_groups():
    """Two maps of each channel: it is no depthwise layer, whose channels follow those before."""
    layers = (conv("a", 64), conv("b", 128, groups=64), conv("c", 128), CLASSES)
    plan = ArchitectureFile(
        name="grouped", input=(4, 16, 16), timesteps=8, weight_bits=8, layer=layers
    )
    for rate in (0.01, 0.9):
        found = estimated(plan, "loihi2", rate, {}).advice
        assert not {"a", "b"} & set(found.channels)


def estimated(plan, profile, rate, rates):
    architecture, board = build(plan), chip(profile)
    return estimate(architecture, board, from_rates(architecture, board, rate, None, rates))


def changed(plan, channels):
    """Return the file with the channels written into it, as a person would."""
    sizes = {"conv": "channels", "dense": "neurons"}
    layers = tuple(
        layer.model_copy(update={sizes[layer.type]: channels[layer.name]})
        if layer.name in channels
        else layer
        for layer in plan.layer
    )
    return plan.model_copy(update={"layer": layers})


@pytest.mark.parametrize("case", CASES)
def test_doing_it_shortens_the_step_as_said(case):
    plan, profile, rate, rates, binds = CASES[case]
    now = estimated(plan, profile, rate, rates)
    assert now.latency.binding.what == binds
    advice = now.advice
    assert advice.channels
    assert advice.timesteps is None
    assert "classes" not in advice.channels
    for name, count in advice.channels.items():
        assert f"{count} instead of" in advice.text
        assert name in advice.text
    after = estimated(changed(plan, advice.channels), profile, rate, rates)
    assert after.step_time_us == pytest.approx(advice.step_us)
    assert after.latency.sample_us.best == pytest.approx(advice.sample_us)
    assert after.step_time_us < 0.9 * now.step_time_us
    assert f"a step takes {after.step_time_us:.3g} us" in advice.text


def test_where_updates_bind_silence_does_not_help_and_is_not_advised():
    quiet = estimated(UPDATES, "loihi2", 0.0, {})
    some = estimated(UPDATES, "loihi2", 0.001, {})
    assert quiet.step_time_us == some.step_time_us
    assert set(some.advice.channels) == {"a"}  # its own neurons, not what feeds it


def test_a_barrier_of_half_the_step_does_not_hide_what_channels_bring():
    plan = SYNOPS.model_copy(update={"input": (2, 8, 8), "layer": (conv("a", 16), CLASSES)})
    now = estimated(plan, "loihi2", 0.1, {})
    assert now.latency.binding.time_us.best < now.latency.barrier_us.best
    after = estimated(changed(plan, now.advice.channels), "loihi2", 0.1, {})
    assert after.step_time_us < 0.9 * now.step_time_us


def test_fewer_timesteps_where_no_channels_help():
    plan = ArchitectureFile(
        name="tiny", input=8, timesteps=8, weight_bits=8, layer=(dense("a", 8), CLASSES)
    )
    now = estimated(plan, "loihi2", 0.1, {})
    assert now.advice.channels == {}
    assert (now.advice.timesteps, now.advice.step_us) == (4, now.step_time_us)
    shorter = estimated(plan.model_copy(update={"timesteps": 4}), "loihi2", 0.1, {})
    assert shorter.latency.sample_us.best == pytest.approx(now.advice.sample_us)
    assert shorter.latency.sample_us.best == pytest.approx(now.latency.sample_us.best / 2)
    one = estimated(plan.model_copy(update={"timesteps": 1}), "loihi2", 0.1, {})
    assert one.advice.timesteps is None
    assert "No change of channels" in one.advice.text


def test_a_change_of_many_layers_is_told_in_one_sentence():
    layers = tuple(conv(f"c{i}", 8 + i % 2) for i in range(9))
    plan = ArchitectureFile(
        name="deep", input=(8, 24, 24), timesteps=4, weight_bits=8, layer=(*layers, CLASSES)
    )
    now = estimated(plan, "loihi2", 0.2, {})
    assert len(now.advice.channels) == 9
    before, after = 4 * 8 + 4 * 9 + 8, sum(now.advice.channels.values())
    assert f"{after} instead of {before} channels, all 9 layers that can be" in now.advice.text
    narrower = estimated(changed(plan, now.advice.channels), "loihi2", 0.2, {})
    assert narrower.step_time_us == pytest.approx(now.advice.step_us)


def test_measured_counts_are_kept_where_nothing_changes():
    """Counts of a run are not those of a uniform rate; only what changes is scaled."""
    architecture = build(SYNOPS)
    counts = (
        LayerCounts("a", 3000.0, 4e5, 98304.0), LayerCounts("p", 900.0, 3000.0, 24576.0),
        LayerCounts("b", 500.0, 2e6, 32768.0), LayerCounts("classes", 3.0, 1e4, 160.0),
    )  # fmt: skip
    now = estimate(architecture, chip("loihi2"), Activity(counts, 500.0, 8, "this test"))
    assert now.latency.binding.layer == "b"
    (name, count), *_ = now.advice.channels.items()
    share = count / {"a": 24, "b": 32}[name]
    assert now.advice.step_us == pytest.approx(
        now.latency.barrier_us.best + share * now.latency.binding.time_us.best, rel=0.05
    )


@pytest.mark.parametrize(
    "layers",
    [
        (conv("a", 16), conv("b", 16, groups=2), CLASSES),
        (LayerEntry(type="input", name="a"), CLASSES),
        (CLASSES,),
        (dense("a", 500), LayerEntry(type="dense", name="b", neurons=700, recurrent=True), CLASSES),
    ],
)
def test_advice_can_always_be_followed(layers):
    plan = ArchitectureFile(name="any", input=(4, 12, 12), timesteps=4, weight_bits=8, layer=layers)
    now = estimated(plan, "loihi2", 0.3, {})
    after = estimated(changed(plan, now.advice.channels), "loihi2", 0.3, {})
    if now.advice.channels:
        assert after.step_time_us == pytest.approx(now.advice.step_us)
        assert after.step_time_us < 0.9 * now.step_time_us
    else:
        assert now.advice.timesteps == 2
