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
    other = tmp_path / "other.toml"  # of the same shape, and another network all the same
    other.write_text(RECIPE.replace("[model]", "[model]\nneuron = { threshold = 2.0 }"))
    refused = cli("plan", other, "--cores", 4, "--run", tmp_path / "run")
    assert refused.code == 2
    assert "another network than the recipe's: its model section" in refused.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--cores", 1), "cores = 1 cannot be reached"),
        (("--cores", 4, "--keep", 0.3), "gives keep and cores; one budget at a time"),
        (("--cores", -4), "cores=-4: must be a whole number above 0"),
        (("--cores", 4, "--profile", "loihi9"), "no profile 'loihi9'"),
        (("--fits", "a chip"), "fits=a chip: must be a number of whole chips"),
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


def test_a_plan_leaves_the_run_and_its_model_as_they_were(cli, recipe, tmp_path) -> None:
    run = tmp_path / "run"
    assert cli("train", recipe, "--out", run).code == 0
    before = {p: p.read_bytes() for p in sorted(run.rglob("*")) if p.is_file()}
    plan = cli("plan", recipe, "--cores", 4, "--run", run, "--json").json
    assert {p: p.read_bytes() for p in sorted(run.rglob("*")) if p.is_file()} == before
    assert set(plan["weight_bits"]) == {"conv1", "conv2", "dense3", "output"}

    from loihi_sca.pruning.criteria import CRITERIA
    from loihi_sca.pruning.importance import importance_of
    from loihi_sca.training.session import RunFolder, load_split

    _, checkpoint = RunFolder(run).trained()
    model = checkpoint.model()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    samples = load_split(checkpoint.recipe, "train").first(64)
    importance_of(model, samples, CRITERIA["sca"])
    assert not model.training
    assert all((value == state[name]).all() for name, value in model.state_dict().items())
    assert all(block.observer is None for _, block in model.gated)


def test_it_says_why_a_budget_is_not_used(cli, recipe) -> None:
    plan = cli("plan", recipe, "--cores", 400, "--json").json
    assert "every layer keeps all its channels" in plan["reason"]
    assert "Less than the budget: every layer" in " ".join(
        cli("plan", recipe, "--cores", 400).out.split()
    )


def test_energy_is_planned_with_the_measured_rate_of_the_input(cli, recipe) -> None:
    plan = cli("plan", recipe, "--energy-uj", 30, "--json").json
    assert "of the input, measured" in plan["rates"]
    assert "static power included" in plan["unit"]
