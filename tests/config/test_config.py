import pytest

from loihi_sca.config import Recipe, load_recipe, shipped_recipes
from loihi_sca.errors import ConfigError


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
        (MODEL + "[pruning]\nkeep = 0.1\nregenerate = 0.2\n", r"regenerate = 0.2 must be below"),
        (MODEL + "[pruning]\nstart = 0.9\nstop = 0.1\n", r"start = 0.9 lies behind"),
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
