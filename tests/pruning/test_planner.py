"""One way from a recipe to a plan; budgets that are used, or the reason; words are not monotone."""

import itertools

import numpy as np
import pytest

import loihi_sca
from loihi_sca.config import Budget, ModelConfig, PruningConfig, Recipe
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.hardware import load_profile, map_network
from loihi_sca.hardware.mapping.memory import core_budget_of
from loihi_sca.hardware.mapping.need import cores_and_words
from loihi_sca.planning.chain import chain_of
from loihi_sca.planning.meters import meter_of
from loihi_sca.planning.outline import Outline, outline
from loihi_sca.planning.planner import plan_for, plan_recipe
from loihi_sca.planning.ranking import lists_of, longest_within
from loihi_sca.planning.rates import Rates

THIN_VGG9 = {
    "layers": [
        {"type": "conv", "channels": 24, "kernel": 3, "padding": 1},
        {"type": "conv", "channels": 32, "kernel": 3, "padding": 1, "stride": 2},
        {"type": "conv", "channels": 48, "kernel": 3, "padding": 1},
        {"type": "conv", "channels": 64, "kernel": 3, "padding": 1, "stride": 2},
        {"type": "conv", "channels": 96, "kernel": 3, "padding": 1},
        {"type": "conv", "channels": 96, "kernel": 3, "padding": 1, "stride": 2},
        {"type": "dense", "neurons": 192},
    ]
}
BITS = {f"conv{n}": 5 for n in range(1, 7)} | {"dense7": 4, "dense3": 4, "output": 6}
"""Fewer than 8, as trained weights may have."""


def net_of(model: dict) -> Outline:
    return outline(ModelConfig.model_validate(model), (1, 28, 28), 10, timesteps=4)


def pruning(**values) -> PruningConfig:
    return PruningConfig.model_validate({"regenerate": 0.0, **values})


@pytest.mark.parametrize("bits", [{}, BITS], ids=["8 bits", "bits of a run"])
@pytest.mark.parametrize(
    ("model", "cores"),
    [
        *((THIN_VGG9, n) for n in (95, 79, 54, 38, 22)),
        *(({"zoo": "lenet"}, n) for n in (12, 10, 7, 5, 4)),
    ],
)
def test_a_plan_for_loihi_1_uses_its_cores_or_says_why(model: dict, cores: int, bits: dict) -> None:
    net = net_of(model)
    found = plan_for(net, pruning(cores=cores, profile="loihi1"), Rates(4), bits=bits)
    mapped = map_network(found.architecture, load_profile("loihi1")).cores
    assert mapped == found.promised <= cores
    if found.promised >= 0.95 * cores:
        assert found.reason == ""
    else:
        assert "every layer keeps all" in found.reason or "a cliff: the next count" in found.reason
        # which is true: one more channel of any layer goes over the limit
        for name, count in found.channels.items():
            if count < dict(_sizes(net))[name]:
                more = found.channels | {name: count + 1}
                larger = net.with_bits(bits).with_channels(more)
                assert map_network(larger, load_profile("loihi1")).cores > cores


def _sizes(net: Outline) -> list[tuple[str, int]]:
    return [(s.name, s.shape[0]) for s in net.architecture.layers]


def test_words_fall_as_channels_grow_and_the_longest_list_is_found() -> None:
    model = {"layers": [{"type": "conv", "channels": 64, "padding": 1}]}
    net = outline(ModelConfig.model_validate(model), (16, 16, 16), 10, timesteps=4)
    chip = load_profile("loihi2")
    conv = net.architecture.layers[1].geometry
    words = [cores_and_words(conv, core_budget_of(chip), n).total_words for n in range(1, 65)]
    falls = [n for n, (a, b) in enumerate(itertools.pairwise(words), start=1) if b < a]
    assert falls, "no count takes fewer words than the one before"
    meter = meter_of("synapse_words", "loihi2", net.prunable, Rates())
    units = chain_of(net)
    lists = lists_of(units, [np.arange(64, 0, -1.0), np.zeros(0)], [1, 10])
    for limit in sorted({meter.total(net.with_channels({"conv1": n + 1})) for n in falls}):
        found = longest_within(units, meter, lists, limit, lambda _: np.nan)
        most = max(n for n in range(1, 65) if meter.total(net.with_channels({"conv1": n})) <= limit)
        assert found is not None
        assert found[0] == most


def test_the_bits_of_weights_count() -> None:
    net = net_of(THIN_VGG9)
    config = pruning(cores=38, profile="loihi1")
    kept = [sum(plan_for(net, config, Rates(4), bits=b).channels.values()) for b in ({}, BITS)]
    assert kept[1] > kept[0]


def test_a_recipe_without_a_budget_has_no_plan() -> None:
    recipe = Recipe.model_validate({"name": "dense", "model": {"zoo": "lenet"}})
    with pytest.raises(ConfigError, match=r"no \[pruning\]"):
        plan_recipe(recipe, (1, 28, 28), 10)


def test_the_rates_of_a_plan_have_the_recipes_timesteps() -> None:
    values = {"energy_uj": 40.0, "regenerate": 0.0}
    recipe = Recipe.model_validate(
        {"name": "x", "data": {"timesteps": 8}, "model": {"zoo": "lenet"}, "pruning": values}
    )
    found = plan_recipe(recipe, (1, 28, 28), 10)
    same = plan_recipe(recipe, (1, 28, 28), 10, Rates(8))
    assert found.promised == same.promised
    assert found.target.dense != plan_recipe(recipe, (1, 28, 28), 10, Rates(4)).target.dense


def test_an_unknown_energy_is_an_error_by_name() -> None:
    net = net_of({"zoo": "lenet"})
    meter = meter_of("energy_uj", "loihi2", net.prunable, Rates(4))
    port = type(net.architecture)("nothing", net.architecture.layers[:1])
    with pytest.raises(InputError, match=r"nothing: .*not known"):
        meter.total(port)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("cores=8,16", (Budget("cores", 8), Budget("cores", 16))),
        ("keep=0.5", (Budget("keep", 0.5),)),
        ("fits=2 chips", (Budget("fits", "2 chips"),)),
    ],
)
def test_a_budget_is_read_from_text(text: str, parsed: tuple[Budget, ...]) -> None:
    assert Budget.parse(text) == parsed


@pytest.mark.parametrize(
    ("name", "amount"),
    [("core", 3), ("cores", 2.5), ("cores", True), ("cores", "8"), ("keep", 1.5), ("keep", 0),
     ("synops", float("nan")), ("energy_uj", float("inf")), ("fits", "half a chip"), ("fits", 1)],
)  # fmt: skip
def test_a_budget_that_cannot_be_meant_is_no_budget(name: str, amount: object) -> None:
    with pytest.raises(ConfigError, match=f"budget {name}="):
        Budget(name, amount)


def test_another_kept_fraction_regenerates_less_than_it_keeps() -> None:
    base = PruningConfig.model_validate({"regenerate": 0.1})
    assert base.changed({"keep": 0.1}, "x").regenerate == 0.05
    assert base.changed({"keep": 0.15}, "x").regenerate == 0.1
    assert base.changed({"cores": 4}, "x").budget == Budget("cores", 4)


@pytest.mark.parametrize("budget", [{"cores": 40}, {"energy_uj": 900.0}, {"fits": "1 chip"}])
def test_a_budget_of_a_chip_without_graded_spikes_is_none_for_sigma_delta(budget: dict) -> None:
    model = {"layers": [{"type": "dense", "neurons": 8}], "sigma_delta": {}}
    values = {"name": "x", "data": {"encoding": "video"}, "model": model}
    for profile in ("loihi1", "loihi2"):
        section = {"regenerate": 0.0, "profile": profile, **budget}
        recipe = Recipe.model_validate({**values, "pruning": section})
        if profile == "loihi2":
            assert plan_recipe(recipe, (1, 4, 4), 3).channels == {"dense1": 8}
            continue
        with pytest.raises(ConfigError, match=r"on loihi1: input needs 1 bits of payload.*2 other"):
            plan_recipe(recipe, (1, 4, 4), 3)
    section = {"regenerate": 0.0, "profile": "loihi1", "connections": 0.9}
    with pytest.raises(ConfigError, match=r"pruning\.connections on loihi1: input needs 1 bits"):
        loihi_sca.plan(Recipe.model_validate({**values, "pruning": section}))
    assert plan_recipe(Recipe.model_validate({**values, "pruning": section}), (1, 4, 4), 3)
