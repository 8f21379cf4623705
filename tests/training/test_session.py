import json

import numpy as np
import pytest
import torch

from loihi_sca.config import Recipe
from loihi_sca.errors import ConfigError, InputError, TrainingError
from loihi_sca.training import checkpoint as checkpoints
from loihi_sca.training.loss import Loss
from loihi_sca.training.session import Interrupted, RunFolder, train


def recipe(shift: int = 0, **training) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "tiny",
            "data": {"limit": 128, "timesteps": 4, "shift": shift},
            "model": {
                "layers": [
                    {"type": "conv", "channels": 6, "stride": 2},
                    {"type": "dense", "neurons": 12},
                ]
            },
            "training": {"epochs": 3, "batch_size": 32, **training},
            "pruning": {"keep": 0.5, "min_channels": 2, "start": 0.3, "stop": 0.7},
        }
    )


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("shift", [0, 1])
def test_a_resumed_run_is_bit_identical_to_one_that_never_stopped(tmp_path, shift) -> None:
    train(recipe(shift), tmp_path / "straight")

    def stop_after_two(epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"at once in epoch 3; .*pruned-00002-000000.* --resume"):
        train(recipe(shift), tmp_path / "stopped", on_epoch=stop_after_two)
    train(recipe(shift), tmp_path / "stopped", resume=True)

    for which in (lambda run: run.saved("pruned")[0], lambda run: run.best("pruned")):
        a, b = (
            checkpoints.load(which(RunFolder(tmp_path / name))) for name in ("straight", "stopped")
        )
        assert same(a.tensors, b.tensors)
    metrics = [(tmp_path / n / "metrics.jsonl").read_text() for n in ("straight", "stopped")]
    assert metrics[0] == metrics[1]
    assert [json.loads(line)["number"] for line in metrics[0].splitlines()] == [1, 2, 3]


def test_training_learns_and_leaves_the_structure_asked_for(tmp_path) -> None:
    best = train(recipe(epochs=6), tmp_path)
    model = best.model()
    assert sum(int(b.alive.sum()) for _, b in model.gated if b.prunable) == 9
    lines = [json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < lines[0]["loss"]
    label, found = RunFolder(tmp_path).trained()
    assert label == "pruned"
    assert same(found.tensors, best.tensors)


def test_moved_samples_teach_something_else(tmp_path) -> None:
    still, moved = (
        train(recipe(shift, epochs=1), tmp_path / str(shift)).tensors for shift in (0, 1)
    )
    assert not same(still, moved)


def test_a_shift_out_of_sight_is_refused_before_the_first_epoch(tmp_path) -> None:
    with pytest.raises(ConfigError, match="shift = 8: samples of digits are 8 x 8"):
        train(recipe(8), tmp_path)


def test_a_finished_run_is_returned_at_once(tmp_path) -> None:
    first = train(recipe(), tmp_path)
    epochs = []
    second = train(recipe(), tmp_path, resume=True, on_epoch=epochs.append)
    assert not epochs
    assert same(first.tensors, second.tensors)


def test_a_folder_holds_the_dense_and_the_pruned_network_of_one_recipe(tmp_path) -> None:
    """It says in one place what its networks learned from: `--data RUN` asks there."""
    pruned = recipe(epochs=1)
    train(pruned, tmp_path)
    text = (tmp_path / "recipe.toml").read_text()
    others = pruned.model_copy(update={"pruning": None, "seed": 3, "name": "other"})
    with pytest.raises(
        ConfigError, match=r"holds a pruned run of another recipe \(name, seed differ\)"
    ):
        train(others, tmp_path)
    assert (tmp_path / "recipe.toml").read_text() == text
    # how long each of them trains is its own business
    longer = pruned.training.model_copy(update={"learning_rate": 0.02})
    train(pruned.model_copy(update={"pruning": None, "training": longer}), tmp_path)
    assert RunFolder(tmp_path).trained("dense")[1].recipe.data == pruned.data


def test_a_folder_is_never_overwritten(tmp_path) -> None:
    train(recipe(), tmp_path)
    with pytest.raises(ConfigError, match="already holds a pruned run"):
        train(recipe(), tmp_path)
    with pytest.raises(ConfigError, match=r"another recipe \(training differ\)"):
        train(recipe(epochs=4), tmp_path, resume=True)


def test_a_loss_that_is_no_number_stops_with_a_diagnosis(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(Loss, "__call__", lambda self, *_: torch.tensor(torch.nan))
    with pytest.raises(TrainingError, match=r"loss is nan in epoch 1; firing rates are conv1"):
        train(recipe(), tmp_path)


def test_a_damaged_checkpoint_is_named(tmp_path) -> None:
    with pytest.raises(InputError, match="no trained"):
        RunFolder(tmp_path).trained()
    path = tmp_path / "x.safetensors"
    with pytest.raises(InputError, match="no such checkpoint"):
        checkpoints.load(path)
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="not a checkpoint"):
        checkpoints.load(path)


def test_a_trained_network_is_pruned_from_where_it_is(tmp_path) -> None:
    dense = recipe().model_copy(update={"pruning": None})
    trained = train(dense, tmp_path / "dense")
    slow = recipe(epochs=2, learning_rate=1e-9)
    pruned = train(slow, tmp_path / "pruned", start=trained)
    assert pruned.origin == trained.weights_digest
    mask = pruned.tensors["masks/conv1"]
    ours, theirs = (c.tensors["model/conv1.synapse.weight"] for c in (pruned, trained))
    torch.testing.assert_close(ours, theirs[mask], atol=1e-6, rtol=0)

    def stop(epoch) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        train(slow, tmp_path / "stopped", start=trained, on_epoch=stop)
    with pytest.raises(ConfigError, match="started from other weights"):
        train(slow, tmp_path / "stopped", resume=True)
    assert same(
        train(slow, tmp_path / "stopped", resume=True, start=trained).tensors, pruned.tensors
    )


def test_only_the_same_dense_network_is_started_from(tmp_path) -> None:
    pruned = train(recipe(), tmp_path / "pruned")
    with pytest.raises(ConfigError, match="has lost channels of conv1"):
        train(recipe(), tmp_path / "again", start=pruned)
    model = recipe().model.model_copy(update={"norm": False})
    with pytest.raises(ConfigError, match="'tiny', whose model section or encoding differs"):
        train(recipe().model_copy(update={"model": model}), tmp_path / "other", start=pruned)


@pytest.mark.parametrize(
    ("shape", "classes"), [((1, 8, 8), 4), ((1, 4, 4), 3), ((1, 8, 2), 3), ((2, 4, 4), 3)]
)
def test_data_of_another_shape_or_other_classes_are_told(tmp_path, shape, classes) -> None:
    def write(shape: tuple[int, ...], classes: int) -> None:
        x, y = np.zeros((20, *shape), dtype=np.uint8), np.arange(20) % classes
        np.savez(tmp_path / "own.npz", x=x, y=y)

    layers = [{"type": "dense", "neurons": 4}]
    own = Recipe.model_validate(
        {
            "name": "own",
            "data": {"name": str(tmp_path / "own.npz"), "timesteps": 2},
            "model": {"layers": layers},
            "training": {"epochs": 1},
        }
    )
    write((1, 4, 4) if shape != (1, 4, 4) else (1, 2, 8), 3)
    trained = train(own, tmp_path / "dense")
    write(shape, classes)
    told = f"and there are spikes of shape {'x'.join(map(str, shape))} in {classes} classes now"
    with pytest.raises(ConfigError, match=f"to start from was trained on .*{told}"):
        train(own, tmp_path / "other", start=trained)
    with pytest.raises(ConfigError, match=f"holds a run of other data, .*{told}"):
        train(own, tmp_path / "dense", resume=True)
    assert not RunFolder(tmp_path / "other").saved("dense")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": np.arange(8)}, r"\(test\): labels span 0 to 7, allowed is 0 to 3"),
        ({"x_test": np.zeros((8, 1, 4, 5), np.uint8)}, r"to test with are \(1, 4, 5\)"),
        ({"x_test": np.full((8, 1, 4, 4), 1.5)}, "images must have values from 0 to 1, got 1.5"),
        ({"x_test": np.zeros((0, 1, 4, 4), np.uint8)}, "0 samples .* but 8 labels"),
    ],
)
@pytest.mark.parametrize("how", ["file", "function"])
def test_samples_to_test_with_are_looked_at_before_any_training(
    tmp_path, monkeypatch, how, changes, message
) -> None:
    x, y = np.zeros((20, 1, 4, 4), dtype=np.uint8), np.arange(20) % 4
    arrays = {"x_train": x, "y_train": y, "x_test": x[:8], "y_test": y[:8], **changes}
    np.savez(tmp_path / "own.npz", **arrays)
    code = (
        "import numpy as np\ndef read(split):\n    z = np.load('own.npz')\n"
        "    return z['x_' + split], z['y_' + split]\n"
    )
    (tmp_path / "samples_of_two_sides.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    name = "own.npz" if how == "file" else "samples_of_two_sides:read"
    own = Recipe.model_validate(
        {
            "name": "own",
            "data": {"name": name, "timesteps": 2},
            "model": {"layers": [{"type": "dense", "neurons": 4}]},
            "training": {"epochs": 1},
        }
    )
    with pytest.raises(InputError, match=message):
        train(own, "run")
    assert not (tmp_path / "run").exists()
