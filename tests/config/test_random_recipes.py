"""Random recipes: valid ones mean the same when they are read again and build, others are named."""

from __future__ import annotations

import copy
from importlib import resources

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loihi_sca.config import Recipe, shipped_recipes
from loihi_sca.errors import ConfigError
from loihi_sca.toml_files import parse_toml, validate

ODD = [
    -1, 0, 1, 2, 3, 7, 63, 64, 10**6, 2**70, -0.5, 0.0, 0.3, 1.0, 1e300, float("nan"), float("inf"),
    True, "", "conv", "dense", "pool", "residual", "direct", "rate", "digits", "sigma-delta", "é\0",
    [], [0], [1, 2], [3, -3], [[1]], {}, {"type": "dense", "neurons": 3}, {"x": 1},
    [{"type": "conv", "channels": 3}], [{"type": "pool"}, {"type": "dense", "neurons": 2}],
]  # fmt: skip


def shipped(name):
    text = (resources.files("loihi_sca") / "recipes" / f"{name}.toml").read_text("utf-8")
    return parse_toml(text, name)


WITH_ALL = {
    "name": "all",
    "seed": 3,
    "data": {"name": "digits", "timesteps": 4, "limit": 64, "encoding": "rate"},
    "model": {
        "weight_scale": 2,
        "neuron": {"threshold": 1.0, "current_decay": 0.3, "voltage_decay": 0.1},
        "layers": [
            {"type": "conv", "channels": 4, "kernel": 3, "stride": 1, "padding": 1},
            {"type": "pool", "kernel": 2},
            {"type": "dense", "neurons": 9},
        ],
    },
    "training": {"epochs": 2, "batch_size": 8, "learning_rate": 0.01},
    "pruning": {"keep": 0.5, "min_channels": 2, "start": 0.2, "stop": 0.6},
}
EVERY = st.sampled_from([*(shipped(name) for name in shipped_recipes()), WITH_ALL])


def places(values, at=()):
    """Yield the place of every value within a recipe."""
    pairs = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in pairs:
        yield (*at, key)
        if isinstance(value, dict | list):
            yield from places(value, (*at, key))


@st.composite
def recipes(draw, bases=EVERY):
    """Draw a recipe of which a few values were changed, taken away, renamed or added."""
    recipe = copy.deepcopy(draw(bases))
    for _ in range(draw(st.integers(0, 3))):
        found = sorted(places(recipe), key=repr)
        if not found:
            break
        *way, last = draw(st.sampled_from(found))
        holder = recipe
        for key in way:
            holder = holder[key]
        act = draw(st.sampled_from(["change", "change", "remove", "rename", "add"]))
        value = copy.deepcopy(draw(st.sampled_from(ODD)))
        if act == "change":
            holder[last] = value
        elif act == "remove":
            del holder[last]
        elif isinstance(holder, dict):
            name = f"{last}s" if act == "rename" else draw(st.sampled_from(["type", "keep", "zzz"]))
            holder[name] = holder.pop(last) if act == "rename" else value
        else:
            holder.append(value)
    return recipe


def read(values):
    """Return the recipe, or None where it is refused by name."""
    try:
        return validate(Recipe, values, "recipe drawn")
    except ConfigError as error:
        told = str(error)
    assert told.startswith("recipe drawn: ")
    return None


def shapes_of(recipe):
    """Return the shapes of the layers on digits, or None where they do not fit and that is said."""
    try:
        return [shape for *_, shape in recipe.model.shapes((1, 8, 8), 10)]
    except ConfigError:
        return None


def check(values):
    recipe = read(values)
    if recipe is not None:
        assert validate(Recipe, recipe.model_dump(mode="json"), "again") == recipe
        shapes_of(recipe)


@given(recipes())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_recipe_is_read_or_its_problem_named(values):
    check(values)


@pytest.mark.slow
@given(recipes())
@settings(max_examples=6000, deadline=None, suppress_health_check=list(HealthCheck))
def test_very_many_recipes(values):
    check(values)


@pytest.mark.slow
@pytest.mark.train
@given(recipes(st.just(WITH_ALL)))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_valid_builds(values):
    from loihi_sca.model.build import build

    recipe = read(values)
    shapes = None if recipe is None else shapes_of(recipe)
    if not shapes or max(shape[0] for shape in shapes) > 4096:
        return
    model = build(recipe.model, (1, 8, 8), 10, values=recipe.data.are_values)
    assert sum(1 for _ in model.parameters()) > 0
