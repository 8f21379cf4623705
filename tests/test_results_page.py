"""Measured tables are those of the stored results, and README shows rows of them."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    for name in ("update_readme", "_tables"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import update_readme

    return update_readme


def test_a_whole_table_is_that_of_the_stored_results(tables) -> None:
    stored = {path.stem for path in RESULTS.glob("*.json")}
    assert set(tables.TABLES) - stored == {"demo", "engine", "training"}  # made by one command
    for name in set(tables.TABLES) & stored:
        content = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
        assert tables.shown(name, tables.PAGES[name]) == tables.TABLES[name](content), name


def test_readme_shows_three_rows_of_each_or_all_there_are(tables) -> None:
    for name in tables.SHORT:
        whole = tables.shown(name, tables.PAGES[name])
        assert tables.shown(name, tables.README) == tables.short(name, whole)
        assert len(tables.SHORT[name]) == 3 or name == "cifar10"  # which has two
    assert set(re.findall(r"<!-- (\w+) -->", tables.README.read_text("utf-8"))) == set(tables.SHORT)


def test_a_row_that_is_not_there_is_an_error(tables) -> None:
    with pytest.raises(SystemExit, match="0 rows begin with"):
        tables.short("mnist", "| criterion |\n|---|\n| `l1` |\n")


def test_every_whole_table_says_which_commit_was_measured() -> None:
    page = (ROOT / "docs" / "results.md").read_text("utf-8")
    for section in re.split(r"^## ", page, flags=re.M)[1:]:
        if "<!-- " in section:
            assert re.search(r"[Cc]ommit\s+[0-9a-f]{7}", section), section[:60]


def test_what_is_said_of_cifar10_is_what_its_runs_say(tables) -> None:
    content = json.loads((RESULTS / "cifar10.json").read_text("utf-8"))
    page = (ROOT / "docs" / "deep_networks.md").read_text("utf-8")
    runs, rows = content["runs"], content["rows"]
    (dense,) = (row["accuracy"] for row in rows if row["budget"] == "dense")
    assert f"| dense | {100 * dense:.2f} |" in page
    for row in (row for row in rows if row["criterion"]):
        points = 100 * (row["accuracy"] - dense)
        mean, spread = 100 * row["accuracy"], 100 * row["accuracy_std"]
        assert f" {mean:.2f} ± {spread:.2f} ({points:.1f}) |" in page
    told = (ROOT / "CHANGELOG.md").read_text("utf-8")
    for row in rows:
        assert f"{100 * row['accuracy']:.1f} %" in told
    assert "Every seed of `sca` is ahead of every seed of `random`." in page
    for amount in {row["amount"] for row in rows if row["criterion"] == "random"}:
        of = {
            name: [
                run["accuracy"]
                for run in runs
                if run["criterion"] == name and run["budget"] == {"connections": amount}
            ]
            for name in ("sca", "random")
        }
        assert min(of["sca"]) > max(of["random"])


def test_what_is_said_of_the_recipes_is_what_their_runs_say() -> None:
    told = (ROOT / "CHANGELOG.md").read_text("utf-8")
    for name, rest in (("MNIST", " of its connections"), ("N-MNIST", ", three seeds")):
        path = RESULTS / f"recipe_{name.lower().replace('-', '')}.json"
        rows = json.loads(path.read_text("utf-8"))["rows"]
        dense, pruned = (f"{100 * row['accuracy']:.2f} %" for row in rows)
        assert f"{name} {dense} dense and {pruned} at 30 %{rest}" in told
    page = (ROOT / "docs" / "deep_networks.md").read_text("utf-8")
    path = RESULTS / "recipe_vgg16.json"
    dense, pruned = (r["accuracy"] for r in json.loads(path.read_text("utf-8"))["rows"])
    assert f"right on {100 * dense:.2f} % of the test images, and at 28.39 %" in page
    assert f"on {100 * pruned:.2f} % ({100 * (pruned - dense):.1f})" in page
    assert f"8 epochs: {100 * dense:.1f} % dense, {100 * pruned:.1f} % at 28.39 %" in told
    path = RESULTS / "recipe_preresnet18.json"
    dense, *_ = json.loads(path.read_text("utf-8"))["rows"]
    reached = f"{100 * dense['accuracy']:.2f} %"
    assert f"PreResNet18 at an eighth of its width {reached} on CIFAR-10" in told
    vgg16, *_ = json.loads(path.with_name("cifar10.json").read_text("utf-8"))["rows"]
    assert (
        f"{reached} of the test images, those of the other on {100 * vgg16['accuracy']:.2f} %"
        in page
    )


def test_what_is_said_of_threads_that_rest_is_what_was_measured() -> None:
    content = json.loads((RESULTS / "waiting.json").read_text("utf-8"))
    gains = {r["work"]: r["value"] for r in content["rows"] if r["metric"] == "spinning / resting"}
    beside = [gain for work, gain in gains.items() if work.endswith("beside a busy process")]
    assert len(beside) == 3
    assert min(beside) > 2
    assert round(max(beside)) == 3
    told = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert "beside a process that takes one of them, a step takes a half to a third" in told
    alone = [gain for work, gain in gains.items() if work.endswith("alone")]
    page = (ROOT / "docs" / "training_speed.md").read_text("utf-8")
    assert f"Alone it costs up to {100 * (1 - min(alone)):.0f} %" in page


def test_what_is_said_of_a_second_thread_is_what_was_measured() -> None:
    stored = RESULTS / "training_against_intel.json"
    rows = json.loads(stored.read_text("utf-8"))["rows"]
    seconds = {r["work"]: r["value"] for r in rows if r["metric"] == "step, time: ours"}
    gains = {
        work.partition(",")[0]: round(seconds[work] / seconds[work.replace("1 thr", "2 thr")], 1)
        for work in seconds
        if work.endswith(" 1 threads")
    }
    deep = gains.pop("VGG-9")
    page = (ROOT / "docs" / "training_speed.md").read_text("utf-8")
    assert f"A second thread makes VGG-9 {deep} times as fast" in page
    assert f"the other three {min(gains.values())} to {max(gains.values())} times" in page
