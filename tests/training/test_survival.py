"""Kills, damage, full disks, bad data: what was learnt stays, and resuming changes no bit."""

import errno
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import tiny_training
import torch
from tiny_training import tiny_recipe

from loihi_sca.data import Dataset
from loihi_sca.errors import ConfigError, DataError, InputError, TrainingError
from loihi_sca.model.build import build
from loihi_sca.training import checkpoint as checkpoints
from loihi_sca.training.folder import RunFolder
from loihi_sca.training.interrupt import StopRequest
from loihi_sca.training.loop import Trainer
from loihi_sca.training.session import Interrupted, load_split, train
from loihi_sca.training.validation import diagnosis


def files_of(folder: Path) -> dict[str, bytes]:
    found = {p.name: p.read_bytes() for p in (folder / "checkpoints").iterdir()}
    return found | {"metrics": (folder / "metrics.jsonl").read_bytes()}


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> dict[str, bytes]:
    """Return the files of a training that nothing happened to."""
    folder = tmp_path_factory.mktemp("straight")
    train(tiny_recipe(), folder)
    return files_of(folder)


def start(folder: Path, epochs: int) -> subprocess.Popen:
    command = [sys.executable, tiny_training.__file__, str(folder), str(epochs)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_at_random(folder: Path, epochs: int) -> None:
    """Kill a training some time after its next checkpoint."""
    before = RunFolder(folder).saved("pruned")[:1]
    process = start(folder, epochs)
    try:
        while process.poll() is None and RunFolder(folder).saved("pruned")[:1] == before:
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.4))  # noqa: S311
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL, "it was over before it could be killed"


def test_killed_at_a_random_moment_and_resumed_it_ends_in_the_same_bits(tmp_path) -> None:
    epochs = 20
    kill_at_random(tmp_path / "killed", epochs)
    assert RunFolder(tmp_path / "killed").newest("pruned", print).epoch < epochs
    for name in ("killed", "straight"):
        train(tiny_recipe(epochs=epochs), tmp_path / name, resume=True)
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "straight")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_ten_times_it_ends_in_the_same_bits(tmp_path) -> None:
    epochs = 200
    for _ in range(10):
        kill_at_random(tmp_path / "killed", epochs)
    for name in ("killed", "straight"):
        train(tiny_recipe(epochs=epochs), tmp_path / name, resume=True)
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "straight")


def test_same_recipe_and_seed_make_the_same_files(tmp_path, straight) -> None:
    process = start(tmp_path, 3)
    assert process.wait() == 0
    assert files_of(tmp_path) == straight
    train(tiny_recipe().model_copy(update={"seed": 1}), tmp_path / "other")
    assert files_of(tmp_path / "other") != straight


def test_the_last_few_checkpoints_are_kept(tmp_path) -> None:
    train(tiny_recipe(epochs=4, keep_checkpoints=3), tmp_path)
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == [
        "pruned-00002-000000.safetensors",
        "pruned-00003-000000.safetensors",
        "pruned-00004-000000.safetensors",
        "pruned-best.safetensors",
    ]


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)


def flip_a_bit_of_what_it_says(path: Path) -> None:
    content = path.read_bytes()
    assert content.count(b'\\"epoch\\": 3') == 1
    path.write_bytes(content.replace(b'\\"epoch\\": 3', b'\\"epoch\\": 2'))


def flip_a_bit_of_a_name(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b"batch_size", b"bauch_size"))


@pytest.mark.parametrize(
    "damage", [cut_in_half, flip_a_bit, flip_a_bit_of_what_it_says, flip_a_bit_of_a_name]
)
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, straight, damage) -> None:
    train(tiny_recipe(), tmp_path)
    run = RunFolder(tmp_path)
    damage(run.saved("pruned")[0])
    (run.checkpoints / ".pruned-00003-000000.safetensors.x.tmp").write_bytes(b"half")
    with run.metrics.open("a") as file:
        file.write('{"model": "pru')
    notes = []
    train(tiny_recipe(), tmp_path, resume=True, note=notes.append)
    assert len(notes) == 1
    assert "damaged" in notes[0]
    assert "Going on from the one before, pruned-00002-000000.safetensors" in notes[0]
    (run.checkpoints / "pruned-00003-000000.damaged").unlink()
    assert files_of(tmp_path) == straight


@pytest.mark.parametrize("days", [-4000, 4000])
def test_a_clock_that_jumped_does_not_choose_the_checkpoint(tmp_path, straight, days) -> None:
    """The newest is the one with the most batches behind it, whatever time its file has."""
    train(tiny_recipe(), tmp_path)
    newest, *before = RunFolder(tmp_path).saved("pruned")
    newest.unlink()
    for age, path in enumerate(before):
        moment = time.time() + 86_400 * days + 60 * age  # the older, the later
        os.utime(path, (moment, moment))
    notes: list[str] = []
    train(tiny_recipe(), tmp_path, resume=True, note=notes.append)
    assert notes == []
    assert files_of(tmp_path) == straight


def test_no_intact_checkpoint_is_an_error(tmp_path) -> None:
    train(tiny_recipe(epochs=1, keep_checkpoints=1), tmp_path)
    cut_in_half(RunFolder(tmp_path).saved("pruned")[0])
    with pytest.raises(InputError, match="No intact pruned checkpoint is left"):
        train(tiny_recipe(epochs=1, keep_checkpoints=1), tmp_path, resume=True)


@pytest.mark.parametrize("at", [1, 4, 6, 8])
def test_ctrl_c_finishes_the_step_and_saves_it(tmp_path, straight, at) -> None:
    calls = []

    def press(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) == at:
            os.kill(os.getpid(), signal.SIGINT)

    notes = []
    with pytest.raises(Interrupted, match="Go on with the same command and --resume") as caught:
        train(tiny_recipe(), tmp_path, progress=press, note=notes.append)
    assert caught.value.exit_code == 130
    assert len(calls) == at
    assert notes == ["finishing this step; a second Ctrl-C stops at once"]
    saved = RunFolder(tmp_path).newest("pruned", notes.append)
    assert saved.epoch * 4 + saved.sums.batches == at
    resumed = []
    train(tiny_recipe(), tmp_path, resume=True, progress=lambda *step: resumed.append(step))
    assert len(resumed) == 12 - at
    assert files_of(tmp_path) == straight


def test_the_second_ctrl_c_stops_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with StopRequest(patience_s=60) as stop:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert stop.requested
    assert signal.getsignal(signal.SIGINT) is before


def test_a_full_disk_loses_nothing(tmp_path, straight, monkeypatch) -> None:
    write, saves = safetensors.torch.save_file, []

    def fill(*arguments, **options) -> None:
        saves.append(arguments)
        if len(saves) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(*arguments, **options)

    monkeypatch.setattr(checkpoints, "save_file", fill)
    with pytest.raises(TrainingError, match=r"No space left on device\. Epoch 2 is not saved;"):
        train(tiny_recipe(), tmp_path)
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == [
        "pruned-00001-000000.safetensors"
    ]
    train(tiny_recipe(), tmp_path, resume=True)
    assert files_of(tmp_path) == straight


def test_two_runs_in_one_folder_are_refused(tmp_path) -> None:
    with RunFolder(tmp_path).locked():
        with pytest.raises(ConfigError, match="another process is training into it"):
            train(tiny_recipe(epochs=1), tmp_path, resume=True)
        assert not RunFolder(tmp_path).saved("pruned")
    assert train(tiny_recipe(epochs=1), tmp_path).epoch == 1


def test_an_unwritable_folder_fails_before_training(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot create folder"):
        train(tiny_recipe(), tmp_path / "file" / "run", progress=pytest.fail)


def test_samples_that_cannot_be_read_stop_it_and_lose_nothing(
    tmp_path, straight, monkeypatch
) -> None:
    read, calls = Dataset.spikes, []

    def fail_once(self: Dataset, *index: object) -> object:
        calls.append(len(self))
        if calls.count(128) == 7:
            raise OSError("Input/output error")
        return read(self, *index)

    monkeypatch.setattr(Dataset, "spikes", fail_once)
    message = (
        r"cannot be read in epoch 2, batch 2: OSError: Input/output error\. "
        r"Stopped and saved after 1 epochs and 1 batches of the next"
    )
    with pytest.raises(DataError, match=message):
        train(tiny_recipe(), tmp_path)
    train(tiny_recipe(), tmp_path, resume=True)
    assert files_of(tmp_path) == straight


def spoil(monkeypatch, step: int, change) -> None:
    """Change the model before a step, counted from 1."""
    original, steps = Trainer._step, []

    def spoiled(self: Trainer, *arguments):
        steps.append(1)
        if len(steps) == step:
            with torch.no_grad():
                change(self.model)
        return original(self, *arguments)

    monkeypatch.setattr(Trainer, "_step", spoiled)


def test_weights_that_are_no_numbers_name_their_block(tmp_path, straight, monkeypatch) -> None:
    spoil(monkeypatch, 6, lambda model: model.dense2.synapse.weight[0].fill_(torch.nan))
    message = r"weights of .*dense2 are no longer numbers.*last good checkpoint is .*pruned-00001-"
    with pytest.raises(TrainingError, match=message):
        train(tiny_recipe(), tmp_path)
    monkeypatch.undo()
    train(tiny_recipe(), tmp_path, resume=True)
    assert files_of(tmp_path) == straight


@pytest.mark.parametrize(
    ("weight", "said"),
    [(-1.0, "dense2 0.000.* of dense2 has died"), (50.0, "of dense2 has exploded")],
)
def test_the_block_whose_activity_went_astray_is_named(weight, said) -> None:
    recipe = tiny_recipe()
    model = build(recipe.model, (1, 8, 8), 10)
    with torch.no_grad():
        model.conv1.synapse.weight.fill_(0.5)
        model.dense2.synapse.weight.fill_(weight)
    assert re.search(said, diagnosis(model, load_split(recipe, "validation").first(16)))


def test_metrics_have_a_line_per_epoch(straight) -> None:
    lines = straight["metrics"].decode().splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3]
