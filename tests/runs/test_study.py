"""Studies: what is searched, that they go on where they stopped, and whose front it is."""

from __future__ import annotations

import importlib.util
import json

import pytest
from html_page import check_page
from ray_or_skip import started
from tiny_training import tiny_recipe

from loihi_sca.config import Budget
from loihi_sca.errors import ConfigError, InputError, Interrupted
from loihi_sca.execution.on_ray import OnRay
from loihi_sca.pipeline.report import report
from loihi_sca.reporting.studies import front_picture
from loihi_sca.runs.ledger import Watcher
from loihi_sca.runs.study import default_space, parse_space, run_study
from loihi_sca.runs.study.space import Choice, Range, corners, job_of

needs_optuna = pytest.mark.skipif(
    importlib.util.find_spec("optuna") is None,
    reason="needs Optuna: pip install 'loihi-sca[optuna]'",
)
RECIPE = tiny_recipe(epochs=1)
SPACE = parse_space(["connections=0.5:0.9", "learning_rate=1e-3:1e-2:log", "criterion=sca,l1"])


class Log(Watcher):
    """Remembers, and stops or spoils a study when it is told to."""

    def __init__(self, stop_at: int = 0, spoil=()) -> None:
        self.started, self.failed, self.stop_at, self.spoil = [], [], stop_at, spoil

    def start(self, job, number, jobs) -> None:
        self.started.append(job.name)
        for path in self.spoil:
            path.mkdir(parents=True, exist_ok=True)

    def batch(self, done, total) -> None:
        if self.stop_at and len(self.started) == self.stop_at:
            raise KeyboardInterrupt

    def failure(self, job, failure, number, jobs) -> None:
        self.failed.append((job.name, failure.kind))


def study(folder, trials: int, watcher=None, executor=None, space=SPACE, recipe=RECIPE):
    return run_study(
        recipe, space, folder, trials=trials, verify_samples=2, watcher=watcher, executor=executor
    )


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return folder, study(folder, 5)


def beats(a: dict, b: dict) -> bool:
    """Whether a is at least as good as b in all goals, and better in one."""
    ours, theirs = ((-r["accuracy"], r["cores"], r["energy"]) for r in (a, b))
    return ours != theirs and all(x <= y for x, y in zip(ours, theirs, strict=True))


@needs_optuna
def test_the_front_is_what_no_other_trial_beats(straight) -> None:
    folder, found = straight
    assert len(found.rows) == 5
    expected = [a for a in found.rows if not any(beats(b, a) for b in found.rows)]
    assert found.front == expected
    assert json.loads((folder / "front.json").read_text())["front"] == expected
    assert "test data" in front_picture(found.rows, "energy", "uJ").svg()


@needs_optuna
def test_the_report_of_a_study(straight, tmp_path) -> None:
    folder, found = straight
    page = check_page(report(folder, out=tmp_path / "page.html").read_text())
    assert f"5 trials, of which {len(found.front)} are on the front" in page.text
    for row in found.rows:
        assert f'<th scope="row">{row["trial"]}</th>' in page.text
    points = [e for e in page.elements if e.attributes.get("tabindex") == "0" and "aria-label" in
              e.attributes and e.tag == "g"]  # fmt: skip
    assert len(points) == 2 * (5 + len(found.front))  # against cores and energy; test data too
    assert report(folder, out=tmp_path / "again.html").read_text() == page.text


@needs_optuna
def test_trials_are_judged_on_validation_samples_as_deployed(straight) -> None:
    folder, found = straight
    results = [json.loads(x) for x in (folder / "results.jsonl").read_text().splitlines()]
    for row, result in zip(found.rows, results, strict=True):
        assert row["accuracy"] == result["validation"]["accuracy"]
        assert row["accuracy"] == pytest.approx(result["validation_accuracy"], abs=0.02)
        assert row["test_accuracy"] == result["accuracy"]
        assert row["cores"] == result["chips"]["loihi2"]["cores"]
        assert row["energy"] == result["validation"]["chips"]["loihi2"]["energy_uj"]["best"]
        assert row["search"] == result["search"]
        assert 0.5 <= row["search"]["pruning.connections"] <= 0.9
        assert result["budget"] == {"connections": row["search"]["pruning.connections"]}


@needs_optuna
def test_a_stopped_study_goes_on_to_the_same_trials(straight, tmp_path) -> None:
    log = Log(stop_at=3)
    with pytest.raises(Interrupted, match=r"stopped with 2 of 5 runs done\. The same command"):
        study(tmp_path, 5, log)
    assert "2 trials, of which" in report(tmp_path).read_text()
    log = Log()
    again = study(tmp_path, 5, log)
    assert log.started == ["trial-0002", "trial-0003", "trial-0004"]
    assert again.rows == straight[1].rows
    log = Log()
    assert study(tmp_path, 5, log).rows == again.rows
    assert not log.started
    with pytest.raises(InputError, match=r"holds another study \(search differ\)"):
        study(tmp_path, 5, space=parse_space(["connections=0.5:0.8"]))


@needs_optuna
def test_a_failed_trial_is_marked_and_made_up_for(tmp_path) -> None:
    log = Log(spoil=[tmp_path / "runs" / "trial-0000" / "network.net"])
    found = study(tmp_path, 2, log)
    assert log.failed == [("trial-0000", "InputError")]
    assert [row["trial"] for row in found.rows] == ["trial-0001"]
    log = Log()
    found = study(tmp_path, 2, log)
    assert log.started == ["trial-0002"]
    assert [row["trial"] for row in found.rows] == ["trial-0001", "trial-0002"]


@needs_optuna
@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray")
def test_a_study_on_ray(tmp_path) -> None:
    with started(OnRay(workers=2, threads=1)) as ray:
        found = study(tmp_path, 5, executor=ray)
    assert [row["trial"] for row in found.rows] == [f"trial-{n:04d}" for n in range(5)]
    assert found.front == [a for a in found.rows if not any(beats(b, a) for b in found.rows)]


def test_several_kinds_of_budget_are_checked_one_by_one() -> None:
    space = parse_space(["keep=0.2:0.5", "cores=3:5", "criterion=sca,l1,rate", "model.width=1:2"])
    found = corners(space)
    assert len(found) == 2 * (2 + 2)
    assert all(len({"pruning.keep", "pruning.cores"} & values.keys()) == 1 for values in found)
    job = job_of("wide", RECIPE, found[1])
    assert [layer.model_dump()["type"] for layer in job.recipe.model.layers] == ["conv", "dense"]
    assert job.recipe.model.layers[0].channels == 2 * RECIPE.model.layers[0].channels
    assert job.budget == Budget("keep", 0.5)


@needs_optuna
def test_several_kinds_of_budget_are_tried(tmp_path) -> None:
    found = study(tmp_path, 3, space=parse_space(["keep=0.5:0.9", "connections=0.5:0.9"]))
    kinds = [set(row["search"]) for row in found.rows]
    assert all(len(kind) == 1 for kind in kinds)
    assert len(set().union(*kinds)) == 2


def test_the_default_varies_how_much_which_and_how_fast() -> None:
    space = default_space(RECIPE)
    assert isinstance(space["pruning.criterion"], Choice)
    rate = RECIPE.training.learning_rate
    assert space["training.learning_rate"] == Range(rate / 3, 3 * rate, log=True)
    for values in corners(space):
        job_of("corner", RECIPE, values)


def test_names_and_types_are_those_of_the_recipe() -> None:
    space = parse_space(
        ["cores=2:4", "l1=0:1", "model.neuron.threshold=0.5,1", "norm=true,batch", "timesteps=4,8"]
    )
    assert space == {
        "pruning.cores": Range(2, 4, integer=True),
        "training.l1": Range(0.0, 1.0),
        "model.neuron.threshold": Choice((0.5, 1.0)),
        "model.norm": Choice((True, "batch")),
        "data.timesteps": Choice((4, 8)),
    }
    assert isinstance(space["pruning.cores"].ends[0], int)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning", r"'learning': a recipe has no such field|give NAME=LOW:HIGH"),
        ("learning=1:2", "no such field, did you mean"),
        ("seed=1,2", "a recipe has no such field"),
        ("data.name=digits,mnist", "a recipe has no such field"),
        ("cores=1.5:3", "1.5 and 3 must be whole numbers"),
        ("cores=a,b", "'a' is no number that will do"),
        ("l1=2:1", "LOW < HIGH must hold"),
        ("l1=0:1:log", "0 < LOW < HIGH must hold"),
        ("l1=1:2:lin", "give LOW:HIGH or LOW:HIGH:log"),
        ("criterion=1:2", "it has no numbers; give values with commas"),
        ("norm=yes", "'yes' must be one of true, false, batch"),
    ],
)
def test_nonsense_is_named(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_space([text])


@needs_optuna
@pytest.mark.parametrize(
    ("search", "message"),
    [
        ("cores=1:4", "search .*pruning.cores': 1.*cannot be"),
        ("criterion=sca,magic", "no criterion 'magic'"),
        ("start=0.9:1", "start = 0.9 lies behind stop"),
    ],
)
def test_corners_out_of_reach_end_a_study_before_it_starts(tmp_path, search, message) -> None:
    with pytest.raises(ConfigError, match=message):
        study(tmp_path / "out", 2, space=parse_space([search]))
    assert not (tmp_path / "out" / "runs").exists()


@needs_optuna
def test_an_unknown_goal_is_named(tmp_path) -> None:
    with pytest.raises(ConfigError, match="objective 'speed': one of accuracy, cores"):
        run_study(RECIPE, SPACE, tmp_path, trials=1, objectives=["speed"])


@needs_optuna
def test_a_seed_of_more_than_32_bits_is_one_for_optuna_too(tmp_path) -> None:
    log = Log()
    study(tmp_path, 1, log, recipe=RECIPE.model_copy(update={"seed": 2**33}))
    assert len(log.started) == 1
    assert not log.failed
