"""Sweeps whose runs fail or whose workers are killed: the others go on, the same bits come out."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray_or_skip import started
from tiny_training import tiny_recipe
from work_to_do import kill_a_worker

from loihi_sca.errors import ConfigError, InputError, Interrupted, TrainingError
from loihi_sca.execution import Local
from loihi_sca.execution.on_ray import OnRay
from loihi_sca.runs import job as runs
from loihi_sca.runs.job import Job, Runner
from loihi_sca.runs.ledger import Watcher
from loihi_sca.runs.sweep import grid, parse_budgets, run_sweep

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray: pip install 'loihi-sca[ray]'"
)
EPOCHS = 40
OPTIONS = {"profiles": ["loihi2"], "verify_samples": 2}


def jobs(epochs: int = 1) -> list[Job]:
    recipe = tiny_recipe(epochs=epochs, keep_checkpoints=epochs)
    return grid(recipe, parse_budgets(["keep=0.5"]), ["sca", "random"], [0, 1])


class Log(Watcher):
    def __init__(self) -> None:
        self.started, self.failed = [], []

    def start(self, job, number, jobs) -> None:
        self.started.append(job.name)

    def failure(self, job, failure, number, jobs) -> None:
        self.failed.append((job.name, failure.kind))


def without_time(results: list) -> list:
    return [{k: v for k, v in result.items() if k != "seconds"} for result in results]


class Executioner:
    """Kills a worker once all runs under way have saved some epochs, and none is near its end."""

    def __init__(self, runner: Runner, jobs: list[Job]) -> None:
        self.runner, self.jobs = runner, jobs
        self.killed: int | None = None
        self.saved: dict[Path, int] = {}
        self.notes: list[str] = []

    def tick(self) -> None:
        busy = [
            job
            for job in self.jobs
            if self.runner.epochs_done(job) and self.runner.finished(job) is None
        ]
        if self.killed or len(busy) < 2:  # the one killed may be either worker's
            return
        if all(3 <= self.runner.epochs_done(job) <= EPOCHS // 2 for job in busy):
            self.killed = kill_a_worker()
            for job in busy:
                for path in runs.RunFolder(self.runner.place(job)).checkpoints.glob("*-00001-*"):
                    self.saved[path] = path.stat().st_mtime_ns


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_six_runs_survive_a_killed_worker_and_give_the_same_bits(tmp_path) -> None:
    planned = jobs(EPOCHS)
    assert len(planned) == 6
    spy = Executioner(Runner(tmp_path / "ray", ("loihi2",)), planned)
    with started(OnRay(workers=2, threads=1, note=spy.notes.append, tick=spy.tick)) as ray:
        swept = run_sweep(planned, tmp_path / "ray", executor=ray, **OPTIONS)
    assert spy.killed
    assert len(spy.notes) == 1
    victim = spy.notes[0].partition(":")[0]
    assert victim in {job.name for job in planned}
    assert not swept.failures
    assert [r["run"] for r in swept.results] == [job.name for job in planned]
    # the run went on where it was: its first epoch, saved before the kill, was not done again
    [first] = [path for path in spy.saved if f"/{victim}/" in str(path)]
    assert first.stat().st_mtime_ns == spy.saved[first]
    lines = (tmp_path / "ray" / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["run"] for line in lines] == [job.name for job in planned]

    here = run_sweep(planned, tmp_path / "here", executor=Local(threads=1), **OPTIONS)
    assert without_time(here.results) == without_time(swept.results)
    assert all(result["threads"] == 1 for result in here.results)


def spoiled(folder: Path, job: Job) -> Path:
    """Put a folder where a run writes its network, so that it fails, late."""
    path = folder / "runs" / job.name / "network.net"
    path.mkdir(parents=True)
    return path


@pytest.fixture(params=["here", pytest.param("ray", marks=[needs_ray, pytest.mark.slow])])
def executor(request) -> Iterator[Local | OnRay]:
    with Local(threads=1) if request.param == "here" else started(OnRay(workers=2)) as found:
        yield found


def test_a_run_that_fails_is_marked_and_tried_again(tmp_path, executor) -> None:
    planned = jobs()[:3]
    obstacle = spoiled(tmp_path, planned[1])
    log = Log()
    swept = run_sweep(planned, tmp_path, watcher=log, executor=executor, **OPTIONS)
    assert [r["run"] for r in swept.results] == [planned[0].name, planned[2].name]
    assert log.failed == [(planned[1].name, "InputError")]
    failed = json.loads((tmp_path / "runs" / planned[1].name / "failed.json").read_text())
    assert (failed["run"], failed["error"]) == (planned[1].name, "InputError")
    assert "it is a folder" in failed["message"]
    with pytest.raises(TrainingError, match=rf"1 runs failed: {planned[1].name}\. .* again"):
        swept.check()

    obstacle.rmdir()
    log = Log()
    again = run_sweep(planned, tmp_path, watcher=log, executor=executor, **OPTIONS)
    assert log.started == [planned[1].name]
    assert [r["run"] for r in again.results] == [job.name for job in planned]
    assert not (tmp_path / "runs" / planned[1].name / "failed.json").exists()
    assert not again.failures


def test_a_mistake_that_all_runs_share_ends_the_sweep(tmp_path) -> None:
    planned = jobs()[:3]
    run_sweep(planned[1:2], tmp_path, **OPTIONS)
    (tmp_path / "runs" / planned[1].name / "result.json").unlink()
    other = [Job(j.name, j.recipe.model_copy(update={"seed": 5}), j.budget) for j in planned]
    log = Log()
    with pytest.raises(ConfigError, match=f"{planned[1].name}: .* holds a run of another recipe"):
        run_sweep(other[1:], tmp_path, watcher=log, **OPTIONS)
    assert log.started == [planned[1].name]


def test_missing_data_end_it_before_it_starts(tmp_path) -> None:
    data = jobs()[0].recipe.data.model_copy(update={"name": "mnist", "root": str(tmp_path)})
    recipe = jobs()[0].recipe.model_copy(update={"data": data})
    log = Log()
    with pytest.raises(InputError, match=r"no mnist\.npz"):
        run_sweep([Job("a", recipe, None)], tmp_path / "out", watcher=log)
    assert not log.started


def test_ctrl_c_says_how_far_it_got_and_the_seconds_add_up(tmp_path, monkeypatch) -> None:
    planned = jobs(2)[:2]
    train = runs.train

    def interrupted(recipe, folder, **options):
        if "sca" in str(folder):
            train(recipe, folder, **{**options, "progress": press})
        return train(recipe, folder, **options)

    def press(done, total) -> None:
        if (tmp_path / "runs" / planned[1].name / "seconds.json").exists():
            os.kill(os.getpid(), 2)

    monkeypatch.setattr(runs, "train", interrupted)
    with pytest.raises(Interrupted, match=r"stopped with 1 of 2 runs done\. The same command"):
        run_sweep(planned, tmp_path, **OPTIONS)
    monkeypatch.undo()
    clock = tmp_path / "runs" / planned[1].name / "seconds.json"
    clock.write_text('{"seconds": 1000.0}')
    log = Log()
    swept = run_sweep(planned, tmp_path, watcher=log, **OPTIONS)
    assert log.started == [planned[1].name]
    assert 1000 < swept.results[1]["seconds"] < 1100
    assert swept.results[0]["seconds"] < 100
