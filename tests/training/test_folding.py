"""Training with batch norm: it folds by its schedule, resumes to the bit, and ships integers."""

import json

import pytest
import torch
from tiny_training import tiny_recipe

import loihi_sca
from loihi_sca.config import Recipe
from loihi_sca.errors import ConfigError
from loihi_sca.model.folding import open_norms
from loihi_sca.toml_files import validate
from loihi_sca.training import checkpoint as checkpoints
from loihi_sca.training.session import Interrupted, RunFolder, load_split, train


def recipe(dense: bool = False, **training) -> Recipe:
    given = tiny_recipe(pruning={"stop": 0.4}, **{"epochs": 4, "fold": 0.5, **training})
    values = given.model_dump(mode="json", exclude_none=True)
    values["model"]["norm"] = "batch"
    if dense:
        del values["pruning"]
    return Recipe.model_validate(values)


@pytest.mark.parametrize("stopped_after", [1, 2, 3])
def test_before_and_behind_the_fold_it_resumes_to_the_bit(tmp_path, stopped_after) -> None:
    said: list[str] = []
    train(recipe(), tmp_path / "straight", note=said.append)
    assert len(said) == 1
    assert said[0].startswith("folded: 3 layers folded, signal to noise ")
    assert "validation accuracy" in said[0]

    def stop(epoch) -> None:
        if epoch.number == stopped_after:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        train(recipe(), tmp_path / "stopped", on_epoch=stop)
    train(recipe(), tmp_path / "stopped", resume=True)
    for which in (lambda run: run.saved("pruned")[0], lambda run: run.best("pruned")):
        a, b = (
            checkpoints.load(which(RunFolder(tmp_path / name))).tensors
            for name in ("straight", "stopped")
        )
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)
    metrics = [(tmp_path / n / "metrics.jsonl").read_text() for n in ("straight", "stopped")]
    assert metrics[0] == metrics[1]
    lines = [json.loads(line) for line in metrics[0].splitlines()]
    assert [number for number, line in enumerate(lines, 1) if "folding" in line] == [2]
    folding = lines[1]["folding"]
    assert folding["accuracy_after"] == lines[1]["validation_accuracy"]
    assert [layer["name"] for layer in folding["layers"]] == ["conv1", "dense2", "output"]


def test_what_ships_are_its_integers(tmp_path) -> None:
    best = train(recipe(dense=True, epochs=12, learning_rate=2e-2), tmp_path)
    assert best.epoch >= 6
    model = best.model()
    assert not open_norms(model)
    test = load_split(best.recipe, "test").first(200)
    compiled = loihi_sca.compile(model, timesteps=4)
    spikes = torch.from_numpy(test.spikes(slice(None))).float()
    with torch.no_grad():
        wanted = model(spikes)
    given = loihi_sca.run(compiled, test.spikes(slice(None))).spikes
    assert torch.equal(torch.from_numpy(given).float(), wanted)
    right = wanted.sum(dim=-1).argmax(dim=1) == torch.from_numpy(test.labels)
    assert float(right.float().mean()) > 0.3  # chance is 0.1


def test_a_class_is_the_mean_of_its_neurons_from_training_to_the_file(tmp_path) -> None:
    values = recipe(epochs=2).model_dump(mode="json", exclude_none=True)
    values["model"]["neurons_per_class"] = 3
    values["data"] |= {"encoding": "thermometer", "levels": 2}
    best = train(Recipe.model_validate(values), tmp_path / "run")
    model, test = best.model(), load_split(best.recipe, "test").first(50)
    with torch.no_grad():
        scores = model(torch.from_numpy(test.spikes()).float())
    assert scores.shape == (50, 10, 4)
    compiled = loihi_sca.compile(model, timesteps=4)
    assert compiled.layers[0].in_shape == (2, 8, 8)
    assert compiled.layers[-1].out_shape == (30,)
    compiled.save(tmp_path / "a.net")
    found = loihi_sca.evaluate(tmp_path / "a.net", test)
    counts = (3 * scores.sum(dim=-1)).round()
    right = counts.argmax(dim=1) == torch.from_numpy(test.labels)
    assert found.accuracy == int(right.sum()) / 50


def test_pruning_starts_from_a_folded_network_and_folds_again(tmp_path) -> None:
    dense = train(recipe(dense=True), tmp_path / "dense")
    said: list[str] = []
    pruned = train(recipe(epochs=3), tmp_path / "pruned", start=dense, note=said.append)
    assert len(said) == 1
    assert not open_norms(pruned.model())
    assert loihi_sca.compile(pruned.model(), timesteps=4).layers[1].out_shape[0] < 6


@pytest.mark.parametrize("fold", [0.01, 1.0])
def test_at_the_ends_of_the_schedule_it_folds_after_an_epoch(tmp_path, fold) -> None:
    best = train(recipe(dense=True, epochs=2, fold=fold), tmp_path)
    assert not open_norms(best.model())
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert ["folding" in json.loads(line) for line in lines] == [fold < 1, fold == 1]


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"fold": 0.0}, "training.fold.*greater than 0"),
        ({"fold": 1.5}, "training.fold.*less than or equal to 1"),
        ({"fold": 0.3}, "fold = 0.3 lies before pruning.stop = 0.4.*at pruning.stop or later"),
        ({"batch_size": 1}, "batch_size = 1 .* one sample has no variance"),
    ],
)
def test_schedules_that_cannot_be_meant(training: dict, message: str) -> None:
    values = recipe().model_dump(mode="json", exclude_none=True)
    values["training"] |= training
    with pytest.raises(ConfigError, match=message):
        validate(Recipe, values, "recipe tiny")
