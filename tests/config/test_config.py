import pytest

from loihi_sca.config import (
    ConvConfig,
    DataConfig,
    DenseConfig,
    ModelConfig,
    NeuronConfig,
    PoolConfig,
    PruningConfig,
    Recipe,
    ResidualConfig,
    StemConfig,
    TrainingConfig,
    load_recipe,
    shipped_recipes,
)
from loihi_sca.errors import ConfigError
from loihi_sca.toml_files import validate


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_loads(name: str) -> None:
    assert isinstance(load_recipe(name), Recipe)


def write(tmp_path, text: str):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


MODEL = 'name = "x"\n[model]\nlayers = [{ type = "conv", channels = 4 }]\n'


def test_defaults_are_filled_in(tmp_path) -> None:
    recipe = load_recipe(write(tmp_path, MODEL))
    assert recipe.data.name == "digits"
    assert recipe.pruning is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MODEL + "[training]\nepohcs = 3\n", r"'training.epohcs', did you mean 'epochs'"),
        (MODEL + "[pruning]\nkeap = 0.3\n", r"did you mean 'keep'"),
        (MODEL + "[trainig]\nepochs = 3\n", r"'trainig', did you mean 'training'"),
        (
            'name = "x"\n[model]\nlayers = [{ type = "conv", chanels = 4, channels = 4 }]\n',
            r"did you mean 'channels'",
        ),
        (MODEL + "[training]\nepochs = 0\n", r"training.epochs: .*greater than 0"),
        (MODEL + "[training]\nlabel_smoothing = 1.0\n", r"label_smoothing: .*less than 1"),
        (MODEL + "[pruning]\nkeep = 0.1\nregenerate = 0.2\n", r"regenerate = 0.2 must be below"),
        (MODEL + "[pruning]\nstart = 0.9\nstop = 0.1\n", r"start = 0.9 lies behind"),
        (MODEL + "neuron = { threshold = 0.01 }\n", r"neuron.threshold: .*equal to 0.015625"),
        (MODEL + "neuron = { threshold = 64 }\n", r"neuron.threshold: .*less than 64"),
        (MODEL + "sigma_delta = { threshold = 0.01 }\n", r"sigma_delta.threshold: .*0.015625"),
        (MODEL + "sigma_delta = { input_threshold = 0.01 }\n", r"input_threshold: .*0.015625"),
        ("name = ", r"not TOML"),
        ('name = "x"\n', r"'model' is missing"),
        ('name = "x"\n[model]\nlayers = [{ type = "pol" }]\n', r"'conv', 'pool', 'dense'"),
    ],
)
def test_nonsense_is_named(tmp_path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe(write(tmp_path, text))


def test_all_problems_are_reported_at_once(tmp_path) -> None:
    text = MODEL + "[training]\nepochs = 0\nbatch_size = -1\n"
    with pytest.raises(ConfigError, match=r"epochs.*batch_size"):
        load_recipe(write(tmp_path, text))


def test_an_unknown_recipe_suggests_a_shipped_one() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'digits'"):
        load_recipe("digit")


def _number_fields() -> list[tuple[str, str]]:
    """Return every field with a number in every table of a recipe, by its table."""
    tables = {
        "data": DataConfig, "training": TrainingConfig, "pruning": PruningConfig,
        "neuron": NeuronConfig, "conv": ConvConfig, "dense": DenseConfig, "pool": PoolConfig,
        "stem": StemConfig, "residual": ResidualConfig,
    }  # fmt: skip
    found = []
    for table, section in tables.items():
        for name, schema in section.model_json_schema()["properties"].items():
            kinds = {s.get("type") for s in (schema, *schema.get("anyOf", ()))}
            if kinds & {"integer", "number"}:
                found.append((table, name))
    return found


@pytest.mark.parametrize(("table", "field"), _number_fields())
@pytest.mark.parametrize("value", ["1", True])
def test_what_is_no_number_is_no_number(table: str, field: str, value: object) -> None:
    model: dict = {"layers": [{"type": "dense", "neurons": 4}]}
    recipe: dict = {"name": "x", "model": model}
    sizes = {"conv": "channels", "dense": "neurons", "stem": "channels", "residual": "channels"}
    if table in ("data", "training", "pruning"):
        recipe[table] = {field: value}
    elif table == "neuron":
        model["neuron"] = {field: value}
    else:
        size = {sizes[table]: 4} if table in sizes else {}
        model["layers"] = [{"type": table, **size, field: value}]
    with pytest.raises(ConfigError, match=field):
        validate(Recipe, recipe, "recipe")


def test_a_whole_number_will_do_for_a_fraction() -> None:
    recipe = {"name": "x", "model": {"zoo": "lenet", "weight_scale": 2}, "pruning": {"synops": 1}}
    assert validate(Recipe, recipe, "recipe").model.weight_scale == 2.0


def test_shapes_are_those_of_the_model_and_of_the_outline() -> None:
    layers = [
        {"type": "conv", "channels": 6, "kernel": 5, "stride": 2},
        {"type": "pool"},
        {"type": "dense", "neurons": 7},
    ]
    model = ModelConfig.model_validate({"layers": layers})
    assert [s for *_, s in model.shapes((1, 12, 12), 10)] == [(6, 4, 4), (6, 2, 2), (7,), (10,)]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([{"type": "pool", "kernel": 3}], "pool1: pooling by 3 does not divide a map of 8x8"),
        ([{"type": "conv", "channels": 2, "kernel": 9}], "conv1: a 9x9 window"),
        ([{"type": "dense", "neurons": 2}, {"type": "conv", "channels": 2}], "conv2: a conv block"),
    ],
)
def test_model_and_outline_refuse_the_same_shapes(layers: list, message: str) -> None:
    from loihi_sca.planning.outline import outline

    model = ModelConfig.model_validate({"layers": layers})
    with pytest.raises(ConfigError, match=message):
        list(model.shapes((1, 8, 8), 10))
    with pytest.raises(ConfigError, match=message):
        outline(model, (1, 8, 8), 10)
