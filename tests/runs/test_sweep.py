import json
import shutil
from io import StringIO

import pytest
from html_page import check_page
from rich.console import Console

from loihi_sca.cli.sweep import _tables
from loihi_sca.config import DataConfig, Recipe
from loihi_sca.errors import ConfigError, DoesNotFit, InputError
from loihi_sca.pipeline.deploy import chips_for
from loihi_sca.pipeline.report import report
from loihi_sca.reporting.sweeps import front, mean_of, pareto, summary
from loihi_sca.runs.job import Job, Runner, as_json
from loihi_sca.runs.study import parse_space, run_study
from loihi_sca.runs.sweep import Watcher, grid, parse_budgets, run_sweep
from loihi_sca.training.folder import RunFolder

RECIPE = Recipe.model_validate(
    {
        "name": "tiny",
        "data": {"limit": 96, "timesteps": 4},
        "model": {
            "layers": [
                {"type": "conv", "channels": 8, "stride": 2},
                {"type": "dense", "neurons": 16},
            ],
            "weight_scale": 4.0,
        },
        "training": {"epochs": 2, "batch_size": 32},
        "pruning": {"min_channels": 2, "start": 0.0, "stop": 0.5},
    }
)


def jobs(seeds: int = 1, criteria=("sca",)) -> list:
    return grid(RECIPE, parse_budgets(["connections=0.5"]), criteria, range(seeds))


class Log(Watcher):
    def __init__(self) -> None:
        self.started: list[str] = []

    def start(self, job, number, jobs) -> None:
        self.started.append(job.name)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    return folder, run_sweep(jobs(), folder, profiles=["loihi2"], verify_samples=4).results


def test_every_run_is_deployed_proven_and_measured(swept) -> None:
    folder, results = swept
    dense, pruned = results
    assert [r["run"] for r in results] == ["dense-seed0", "connections=0.5-sca-harmonic-seed0"]
    assert all(r["mismatches"] == 0 and r["verified_samples"] == 4 for r in results)
    assert all(r["test_samples"] == 450 for r in results)
    assert pruned["connections"] <= 0.5 * dense["connections"]
    assert set(pruned["chips"]) == {"loihi2"}
    assert pruned["chips"]["loihi2"]["energy_uj"]["best"] > 0
    assert pruned["recipe"]["pruning"]["connections"] == 0.5
    assert (folder / "runs" / pruned["run"] / "network.net").is_file()
    lines = [json.loads(x) for x in (folder / "results.jsonl").read_text().splitlines()]
    assert [x["accuracy"] for x in lines] == [r["accuracy"] for r in results]


def test_a_chip_that_never_holds_the_network_ends_it_before_training(tmp_path) -> None:
    model = {"layers": [{"type": "dense", "neurons": 8}], "sigma_delta": {}}
    changes = {"data": {"encoding": "video", "timesteps": 4}, "model": model}
    recipe = Recipe.model_validate(RECIPE.model_dump(exclude_unset=True) | changes)
    assert chips_for(RECIPE) == ("loihi1", "loihi2")
    assert chips_for(RECIPE, recipe) == ("loihi2",), "by default chips that hold no network are out"
    grown = grid(recipe, parse_budgets(["connections=0.9"]), ["sca"], [0])
    for run in (
        lambda: run_sweep(grown, tmp_path / "x", profiles=["loihi2", "loihi1"]),
        lambda: run_study(
            recipe, parse_space(["connections=0.8:0.9"]), tmp_path / "x", trials=1, profile="loihi1"
        ),
    ):
        with pytest.raises(
            DoesNotFit, match="does not fit loihi1, whatever its size:\ninput needs"
        ):
            run()
        assert not (tmp_path / "x").exists()


def test_it_goes_on_where_it_was_stopped(swept) -> None:
    folder, before = swept
    log = Log()
    again = jobs(criteria=("sca", "random"))
    after = run_sweep(again, folder, profiles=["loihi2"], watcher=log).results
    assert log.started == ["connections=0.5-random-harmonic-seed0"]
    assert after[:2] == before
    log = Log()
    assert run_sweep(again, folder, profiles=["loihi2"], watcher=log).results == after
    assert not log.started


def test_results_are_of_the_chips_that_are_asked_for(swept) -> None:
    folder, _ = swept
    with pytest.raises(InputError, match=r"a result without loihi1; .* for loihi2\. Ask for those"):
        run_sweep(jobs(), folder, profiles=["loihi2", "loihi1"])


def test_pruned_runs_can_start_from_the_dense_network_of_their_seed(tmp_path) -> None:
    tuning = RECIPE.training.model_copy(update={"epochs": 1, "learning_rate": 1e-3})
    jobs = grid(RECIPE, parse_budgets(["keep=0.5"]), ["sca"], [0, 1], tuning=tuning)
    assert [j.start for j in jobs] == [None, "dense-seed0", None, "dense-seed1"]
    results = run_sweep(jobs, tmp_path, profiles=["loihi2"], verify_samples=2).results
    assert [r["run"] for r in results] == [j.name for j in jobs]
    for job, result in zip(jobs[1::2], results[1::2], strict=True):
        assert result["start"] == job.start
        origin = RunFolder(tmp_path / "runs" / job.start).trained("dense")[1]
        assert RunFolder(tmp_path / "runs" / job.name).trained()[1].origin == origin.weights_digest
    scratch = grid(RECIPE, parse_budgets(["keep=0.5"]), ["sca"], [0, 1])
    with pytest.raises(InputError, match="a result of another recipe"):
        run_sweep(scratch, tmp_path, profiles=["loihi2"])


def test_a_folder_of_another_sweep_is_left_alone(swept) -> None:
    folder, _ = swept
    other = RECIPE.model_copy(update={"name": "other"})
    with pytest.raises(InputError, match=r"a result of another recipe\. Choose another --out"):
        run_sweep(grid(other, [], [], [0]), folder)


def test_a_result_that_is_older_than_a_field_of_recipes_still_counts(swept, tmp_path) -> None:
    folder, _ = swept
    dense = jobs()[0]
    result = json.loads((folder / "runs" / dense.name / "result.json").read_text())
    runner = Runner(tmp_path, ("loihi2",))
    path = runner.place(dense) / "result.json"
    path.parent.mkdir(parents=True)
    del result["recipe"]["data"]["shift"]
    path.write_text(json.dumps(result))
    assert runner.finished(dense) == result
    for other in (1, "far"):
        result["recipe"]["data"]["shift"] = other
        path.write_text(json.dumps(result))
        with pytest.raises(InputError, match="a result of another recipe"):
            runner.finished(dense)


@pytest.mark.parametrize(
    ("name", "same"), [("mnist", True), ("own.npz", False), ("pictures", False)]
)
def test_results_of_own_data_are_of_their_folder(tmp_path, name, same) -> None:
    """One name in two folders is other data, and its result is not that of the other."""
    here, there = (
        Job("a", RECIPE.model_copy(update={"data": DataConfig(name=name, root=root)}), None)
        for root in ("here", "there")
    )
    runner = Runner(tmp_path, profiles=())
    path = runner.place(here) / "result.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"recipe": as_json(here.recipe), "start": None, "chips": {}}))
    assert runner.finished(here) is not None
    if same:
        assert runner.finished(there) == runner.finished(here)
    else:
        with pytest.raises(InputError, match="a result of another recipe"):
            runner.finished(there)


def made_up(seed: int, budget, accuracy: float, cores: int, synops: float) -> dict:
    return {
        "seed": seed, "budget": budget, "criterion": "sca" if budget else None,
        "objective": "product" if budget else None, "accuracy": accuracy, "connections": 10 * cores,
        "synops": synops, "validation_accuracy": accuracy + 0.01,
        "recipe": {"seed": seed, "pruning": None if budget is None else {"profile": "loihi2"}},
        "chips": {"loihi2": {"cores": cores, "energy_uj": {"best": 2.0 * cores}}},
    }  # fmt: skip


def test_seeds_are_averaged_and_shares_are_of_the_same_seed() -> None:
    results = [
        made_up(0, None, 0.9, 10, 100.0), made_up(1, None, 0.92, 10, 200.0),
        made_up(0, {"cores": 5}, 0.8, 5, 50.0), made_up(1, {"cores": 5}, 0.9, 5, 50.0),
    ]  # fmt: skip
    dense, pruned = summary(results)
    assert dense["accuracy"] == pytest.approx(0.91)
    assert (pruned["budget"], pruned["amount"], pruned["seeds"]) == ("cores", 5, 2)
    assert pruned["accuracy_std"] == pytest.approx(0.0707, abs=1e-4)
    assert pruned["validation_accuracy"] == pytest.approx(0.86)
    assert pruned["synops_share"] == pytest.approx((0.5 + 0.25) / 2)
    assert (pruned["cores_loihi2"], pruned["energy_uj_loihi2"]) == (5, 10.0)
    assert "sca" in pareto([dense, pruned], "cores_loihi2", "cores").svg()
    worse = {**pruned, "cores_loihi2": 7}
    assert front([dense, pruned, worse], "cores_loihi2") == [dense, pruned]
    assert mean_of([3.0]).std == 0


def test_an_unknown_energy_is_no_energy_of_nothing() -> None:
    results = [made_up(0, None, 0.9, 10, 100.0), made_up(0, {"cores": 5}, 0.8, 5, 50.0)]
    del results[1]["chips"]["loihi2"]["energy_uj"]
    rows = summary(results)
    assert "energy_uj_loihi2" not in rows[1]
    assert front(rows, "energy_uj_loihi2") == rows[:1]
    assert "sca" not in pareto(rows, "energy_uj_loihi2", "energy").svg()
    shown = Console(file=StringIO(), width=200)
    shown.print(*_tables(rows, ["loihi2"]))
    assert "unknown" in shown.file.getvalue()


def test_only_runs_that_differ_by_the_seed_are_averaged() -> None:
    results = [made_up(seed, {"cores": 5}, 0.8, 5, 50.0) for seed in range(4)]
    for result, chip in zip(results, ("loihi1", "loihi2", "loihi1", "loihi2"), strict=True):
        result["recipe"]["pruning"]["profile"] = chip
    results[3]["start"] = "dense-seed3"
    rows = summary(results)
    assert [(r["pruning"]["profile"], r["start"], r["seeds"]) for r in rows] == [
        ("loihi1", "scratch", 2), ("loihi2", "scratch", 1), ("loihi2", "dense", 1),
    ]  # fmt: skip


def test_ways_to_prune_are_told_apart_where_they_differ() -> None:
    by_cores, by_share = (
        summary([made_up(0, {name: 5}, 0.8, 5, 50.0)]) for name in ("cores", "connections")
    )
    assert "sca, cores" not in pareto(by_cores, "cores_loihi2", "cores").svg()
    both = pareto(by_cores + by_share, "cores_loihi2", "cores").svg()
    assert "sca, cores of loihi2" in both
    assert "sca, connections" in both


def test_a_kept_fraction_regenerates_less_than_it_keeps() -> None:
    [job] = grid(RECIPE, parse_budgets(["keep=0.1"]), ["sca"], [0], dense=False)
    assert job.recipe.pruning.regenerate == 0.05


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ("core=3", "give NAME=AMOUNT,AMOUNT,... with one of keep, connections"),
        ("cores", "give NAME=AMOUNT"),
        ("cores=3,x", "'x' is no number that will do"),
        ("cores=0", "budget cores=0: must be a whole number above 0"),
    ],
)
def test_nonsense_is_named(budget: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        grid(RECIPE, parse_budgets([budget]), ["sca"], [0])


def test_the_command_draws_a_table_and_pictures(cli_sweep) -> None:
    outcome, folder = cli_sweep("--budgets", "connections=0.5")
    assert outcome == 0
    assert (folder / "pareto-cores-loihi2.svg").read_text().startswith("<svg")


def test_the_command_prunes_trained_networks(cli_sweep, capsys) -> None:
    outcome, folder = cli_sweep("--budgets", "connections=0.5", "--prune-epochs", "1")
    assert outcome == 0
    lines = [json.loads(x) for x in (folder / "results.jsonl").read_text().splitlines()]
    assert [x["start"] for x in lines] == [None, "dense-seed0"]
    outcome, _ = cli_sweep("--budgets", "connections=0.5", "--prune-rate", "0.1")
    assert outcome == 2
    assert "goes with --prune-epochs" in capsys.readouterr().err
    tuned = ("--budgets", "connections=0.5", "--prune-epochs", "1")
    assert cli_sweep(*tuned, "--prune-rate", "0")[0] == 2
    assert "learning_rate" in capsys.readouterr().err


def test_the_command_checks_all_budgets_first(cli_sweep, capsys) -> None:
    outcome, folder = cli_sweep("--budgets", "connections=0.5", "--budgets", "cores=1")
    assert outcome == 2
    assert "cores=1-sca-harmonic-seed0: pruning.cores = 1 cannot be" in capsys.readouterr().err
    assert not (folder / "runs").exists()


def test_a_budget_out_of_reach_is_said_before_anything_is_trained(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"keep=0\.01-sca-harmonic-seed0: .* cannot be reached"):
        run_sweep(grid(RECIPE, parse_budgets(["keep=0.01"]), ("sca",), [0]), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.fixture
def cli_sweep(tmp_path):
    from loihi_sca.cli import main
    from loihi_sca.training.session import recipe_as_toml

    path = tmp_path / "tiny.toml"
    path.write_text(recipe_as_toml(RECIPE))

    def run(*arguments: str):
        with pytest.raises(SystemExit) as exit:
            main(["sweep", str(path), *arguments, "--out", str(tmp_path / "out"), "--samples", "2"])
        return int(exit.value.code or 0), tmp_path / "out"

    return run


def test_the_report_of_a_sweep(swept, tmp_path) -> None:
    folder, results = swept
    copy = shutil.copytree(folder, tmp_path / "sweep")
    (copy / "runs" / "under-way").mkdir()
    page = check_page(report(copy, out=tmp_path / "page.html").read_text())
    for figure in ("cores, loihi2", "total energy per sample, uJ, loihi2", "synops per sample"):
        assert f"Accuracy of the integers against {figure}" in page.text
    assert "Unfinished: under-way." in page.text
    assert f"{100 * results[1]['accuracy']:.2f} %" in page.text
    assert "slayer = reference = fast" in page.text
    one = check_page(report(copy / "runs" / results[1]["run"], samples=9).read_text())
    assert "0 mismatching spikes, SLAYER = reference = fast engine, over 4 test" in one.text
    damaged = copy / "runs" / results[0]["run"] / "result.json"
    damaged.write_text(json.dumps({**results[0], "chips": 3}))
    with pytest.raises(InputError, match=r"result\.json: damaged \(chips"):
        report(copy)
