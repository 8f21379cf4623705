"""A recipe of sigma-delta blocks: it learns a small video, is pruned, and ships its integers."""

import numpy as np
import pytest
import torch

import loihi_sca
from loihi_sca.config import DataConfig, Recipe
from loihi_sca.data import load_as
from loihi_sca.errors import ConfigError
from loihi_sca.hardware import describe
from loihi_sca.model.build import build
from loihi_sca.model.graded_blocks import GradedConv
from loihi_sca.pipeline.deploy import check_deployable, deploy
from loihi_sca.planning.outline import outline_of
from loihi_sca.toml_files import validate
from loihi_sca.training import checkpoint as checkpoints
from loihi_sca.training.session import Interrupted, RunFolder, load_split, train


def values(**sections) -> dict:
    given = {
        "name": "video",
        "data": {"limit": 480, "timesteps": 4, "encoding": "video", "hold": 2, "reach": 1},
        "model": {
            "layers": [
                {"type": "conv", "channels": 8, "stride": 2, "padding": 1},
                {"type": "dense", "neurons": 16},
            ],
            "sigma_delta": {"threshold": 0.125, "input_threshold": 0.0625},
        },
        "training": {"epochs": 3, "batch_size": 32, "learning_rate": 2e-2},
        "pruning": {"keep": 0.5, "min_channels": 2, "regenerate": 0.05, "start": 0.0, "stop": 0.7},
    }
    return {k: {**v, **sections.get(k, {})} if isinstance(v, dict) else v for k, v in given.items()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("video")
    return folder, train(Recipe.model_validate(values()), folder)


def test_it_is_pruned_as_asked_and_what_ships_are_its_integers(trained, tmp_path) -> None:
    _, best = trained
    model = best.model()
    assert sum(block.channels for _, block in model.gated) == 12
    test = load_split(best.recipe, "test").first(64)
    found = deploy(best, test, tmp_path / "video.net", verify_samples=4)
    assert found.mismatches == 0
    assert found.network.is_graded
    frames = test.spikes()
    with torch.no_grad():
        wanted = model(torch.from_numpy(frames).float())
    given = loihi_sca.run(found.network, frames).spikes
    np.testing.assert_array_equal(given, np.rint(wanted.numpy() * 2.0**18))
    answers = model.scores(wanted).argmax(1).numpy()
    assert found.evaluation.accuracy == (answers == test.labels).mean() > 0.15  # chance is 0.1
    messages = {a.name: a.graded for a in found.evaluation.activity}
    assert messages["conv1"].message_bits > 0
    assert found.estimates["loihi2"].energy.total_uj.best > 0


def test_the_data_of_a_run_are_its_video(trained) -> None:
    folder, best = trained
    compiled = loihi_sca.compile(best.model(), timesteps=4)
    there = loihi_sca.evaluate(compiled, str(folder), limit=32)
    same = loihi_sca.evaluate(compiled, load_split(best.recipe, "test").first(32))
    np.testing.assert_array_equal(there.confusion, same.confusion)


def test_a_stopped_run_goes_on_to_the_bit(trained, tmp_path) -> None:
    def stop(epoch) -> None:
        if epoch.number == 1:
            raise KeyboardInterrupt

    recipe = Recipe.model_validate(values())
    with pytest.raises(Interrupted):
        train(recipe, tmp_path, on_epoch=stop)
    train(recipe, tmp_path, resume=True)
    a, b = (checkpoints.load(RunFolder(x).best("pruned")).tensors for x in (trained[0], tmp_path))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_block_computes_what_lava_dls_does() -> None:
    recipe = Recipe.model_validate(values())
    torch.manual_seed(0)
    ours = build(recipe.model, (1, 8, 8), 10, values=True).conv1.train()
    assert isinstance(ours, GradedConv)
    messages = torch.randint(-40, 41, (5, 1, 8, 8, 6)).float() / 64
    sent = ours(messages)
    before = ours.neuron.norm.running_mean.clone()
    ours.neuron.norm.running_mean.zero_()
    wanted = ours.neuron(ours.synapse(messages))
    assert torch.equal(sent, wanted)
    assert torch.equal(ours.neuron.norm.running_mean, before)
    assert sent.unique().numel() > 10
    ours.gate.data[2] = 0
    gated = ours(messages)
    assert not gated[:, 2].any()
    assert gated[:, 3].any()


def test_it_is_planned_as_it_is_compiled() -> None:
    recipe = Recipe.model_validate(values())
    check_deployable(recipe)
    planned = outline_of(recipe, (1, 8, 8), 10).architecture
    torch.manual_seed(0)
    model = build(recipe.model, (1, 8, 8), 10, values=True)
    compiled = describe(loihi_sca.compile(model, timesteps=4).network)
    ours, theirs = (
        [(s.name, s.geometry.neuron, s.geometry.out_shape) for s in x.layers]
        for x in (planned, compiled)
    )
    assert ours == theirs


def test_pictures_move_to_and_fro_and_are_the_same_whenever_they_are_loaded() -> None:
    config = DataConfig(encoding="video", hold=2, reach=1, timesteps=12)
    found = load_as(config, split="test")
    frames = found.spikes(slice(0, 40))
    np.testing.assert_array_equal(frames[5:9], load_as(config, split="test").spikes(slice(5, 9)))
    assert frames.max() == 64
    assert not (frames % 2).any()
    still = load_as(DataConfig(encoding="direct", timesteps=1), split="test").spikes(slice(0, 40))
    picture = still[..., 0] // 2 * 2
    offsets = found.samples.offsets(12)[:40]
    assert offsets.min() == -1
    assert offsets.max() == 1
    assert (np.abs(np.diff(offsets)) <= 1).all()
    assert not np.diff(offsets)[..., ::2].any()  # every second frame it stays
    for frame, way, whole in zip(frames, offsets, picture, strict=True):
        for t, (down, right) in enumerate(way.T):
            seen = frame[0, 1:-1, 1:-1, t]
            np.testing.assert_allclose(
                seen, whole[0, 1 - down : 7 - down, 1 - right : 7 - right], atol=2
            )
    resting = load_as(DataConfig(encoding="video", reach=0, timesteps=3), split="test")
    assert not np.diff(resting.spikes(slice(0, 4)).astype(int)).any()


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"data": {"encoding": "rate", "hold": 4, "reach": 2}},
            "send how values change. Set data.encoding",
        ),
        ({"model": {"norm": "batch"}}, "would keep the norm of every step"),
        ({"model": {"layers": [{"type": "pool"}]}}, "a pool block with sigma_delta"),
        ({"model": {"neuron": {"threshold": 2.0}}}, "gives both neuron and sigma_delta"),
        ({"model": {"neurons_per_class": 2}}, "neurons_per_class = 2 with sigma_delta"),
        ({"model": {"sigma_delta": {"threshold": 0.01}}}, "sigma_delta.threshold.*0.015625"),
        ({"training": {"synops": 0.1}}, "a message is no rate"),
    ],
)
def test_recipes_that_cannot_be_meant(sections: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validate(Recipe, values(**sections), "recipe video")


def test_what_lava_cannot_hold_is_said_before_training() -> None:
    layers = [{"type": "conv", "channels": 4, "stride": 200}]
    with pytest.raises(loihi_sca.errors.LoihiScaError, match="conv1"):
        check_deployable(Recipe.model_validate(values(model={"layers": layers})))
