import pytest

RECIPE = """
name = "small"
[data]
limit = 128
timesteps = 4
[model]
layers = [
  { type = "conv", channels = 40, padding = 1 },
  { type = "conv", channels = 40, stride = 2, padding = 1 },
  { type = "dense", neurons = 150 },
]
[training]
epochs = 1
[pruning]
exclude = ["conv1"]
min_channels = 4
"""


@pytest.fixture
def recipe(tmp_path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(RECIPE)
    return str(path)


def test_it_shows_what_each_layer_keeps(cli, recipe) -> None:
    result = cli("plan", recipe, "--cores", 4, "--json")
    assert result.code == 0
    plan = result.json
    assert plan["budget"] == {"cores": 4}
    assert plan["promised"] == plan["planned_cores"] == 4
    assert plan["promised"] == sum(layer["planned_cores"] for layer in plan["layers"])
    layers = {layer["name"]: layer for layer in plan["layers"]}
    assert layers["conv1"]["planned_channels"] == 40
    assert layers["output"]["planned_channels"] == 10
    assert layers["dense3"]["planned_channels"] < 150
    assert "dense3" in cli("plan", recipe, "--cores", 4).out


def test_without_a_budget_the_recipes_own_is_used(cli, recipe) -> None:
    plan = cli("plan", recipe, "--json").json
    assert plan["budget"] == {"keep": 0.4}


@pytest.mark.train
def test_importance_may_come_from_a_run(cli, recipe, tmp_path) -> None:
    assert cli("train", recipe, "--out", tmp_path / "run").code == 0
    plan = cli("plan", recipe, "--cores", 4, "--run", tmp_path / "run", "--json").json
    assert plan["importance"].startswith("sca of ")
    assert plan["planned_cores"] == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--cores", 1), "cores = 1 cannot be reached"),
        (("--cores", 4, "--keep", 0.3), "gives keep and cores; one budget at a time"),
        (("--cores", -4), "cores: Input should be greater than 0"),
        (("--cores", 4, "--profile", "loihi9"), "no profile 'loihi9'"),
        (("--fits", "a chip"), "fits: String should match"),
    ],
)
def test_nonsense_is_named(cli, recipe, options, message: str) -> None:
    result = cli("plan", recipe, *options)
    assert result.code == 2
    assert message in result.err


def test_an_excluded_layer_must_exist(cli, recipe, tmp_path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(RECIPE.replace('"conv1"', '"conv9"'))
    result = cli("plan", path)
    assert "no prunable block 'conv9'; there are" in result.err
