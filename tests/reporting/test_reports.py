"""Reports of trainings and of networks, whole, unfinished, damaged and of older versions."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
from html_page import check_page
from tiny_training import tiny_recipe

import loihi_sca
from loihi_sca import netx
from loihi_sca.cli import main
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.network import Cuba, Dense, Input, Network


def command(*arguments) -> int:
    with pytest.raises(SystemExit) as exit:
        main(["report", *map(str, arguments)])
    return int(exit.value.code or 0)


def test_a_network_with_data(net, tmp_path, capsys) -> None:
    pictures = tmp_path / "pictures"
    options = ("--data", "digits", "--samples", 20, "--profiles", "loihi2", "--json")
    assert command(net, *options, "--pictures", pictures) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["report"]) == ("network", str(tmp_path / "small.report.html"))
    assert sorted(told["pictures"]) == sorted(map(str, pictures.iterdir()))
    page = check_page((tmp_path / "small.report.html").read_text())
    network = netx.read(net)
    accuracy = loihi_sca.evaluate(network, "digits", limit=20).accuracy
    assert f"Accuracy of the integers {100 * accuracy:.2f} %" in page.text
    assert "the first 20 of 450 test samples of digits" in page.text
    names = {path.stem for path in pictures.iterdir()}
    assert {n.partition("-")[0] for n in names} == {
        "confusion",
        "raster",
        "mesh",
        "energy",
        "layer",
    }
    assert "0 mismatches between reference and fast engine" in page.text
    assert "limits.synapse_words" in page.text  # every constant, with its source


def test_a_network_without_data_says_what_it_lacks(net) -> None:
    page = check_page(loihi_sca.report(net, profiles=["loihi1"]).read_text())
    assert "accuracy, confusion, raster, energy and latency take data. Give --data" in page.text
    assert "The mesh: small on loihi1: 1 core" in page.text
    assert "Confusion" not in page.text
    assert "compared while this report was made on random spikes" in page.text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none"], 1, "none: no such file or folder. A report is made of a folder of"),
        (["{net}", "--data", "nothing"], 2, "nothing"),
        (["{net}", "--profiles", "loihi9"], 2, "loihi9"),
        (["{net}", "--out", "no/where.html"], 1, "there is no folder no"),
        (["{net}", "--out", "page.net"], 2, "give a file that ends in .html"),
        (["{net}", "--pictures", "{net}/below"], 1, "cannot create folder"),
        (["."], 1, "no run of loihi-sca lies here"),
    ],
)
def test_what_cannot_be_is_named_and_nothing_is_written(
    net, tmp_path, monkeypatch, capsys, arguments, code, message
) -> None:
    where = tmp_path / "empty"
    where.mkdir()
    monkeypatch.chdir(where)
    assert command(*(a.format(net=net) for a in arguments)) == code
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["small.net"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission(net, tmp_path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="no permission to write"):
            loihi_sca.report(net)
    finally:
        tmp_path.chmod(0o700)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train")
    loihi_sca.train(tiny_recipe(), folder)
    return folder


@pytest.fixture
def run(finished, tmp_path):
    """A copy of a finished training, to be changed."""
    return shutil.copytree(finished, tmp_path / "run")


def lines(run) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def rewrite(run, entries) -> None:
    (run / "metrics.jsonl").write_text("".join(json.dumps(e) + "\n" for e in entries))


@pytest.mark.train
def test_a_training_is_shown_with_its_network(run) -> None:
    recorded = lines(run)
    for entry in recorded:
        changes = entry.get("changes", {}).values()
        assert sum(c["pruned"] for c in changes) == entry["pruned"]
        assert sum(c["regenerated"] for c in changes) == entry["regenerated"]
        for change in changes:
            assert sum(change["scores"]["pruned"]) == change["pruned"]
    page = check_page(loihi_sca.report(run, samples=30).read_text())
    assert "pruned: 3 of 3 epochs" in page.text
    for title in (
        "Loss and accuracy over the epochs", "Channels alive by layer, pruned",
        "Scores by layer at the last update", "Confusion, pruned", "Cliffs", "The mesh",
        "Spikes of the first test sample of digits",
    ):  # fmt: skip
        assert title in page.text
    assert "0 mismatches between SLAYER and the compiled network" in page.text
    assert "keep = 0.5" in page.text
    assert f'torch</th><td class="words">{_torch()}' in page.text


def _torch() -> str:
    from importlib.metadata import version

    return version("torch")


@pytest.mark.train
def test_an_unfinished_training_of_an_older_version(run) -> None:
    shutil.rmtree(run / "checkpoints")
    old = [{k: v for k, v in e.items() if k != "changes"} for e in lines(run)]
    rewrite(run, old[:2])
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"model": "pru')  # killed while it wrote
    page = check_page(loihi_sca.report(run).read_text())
    for text in (
        "Unfinished: 2 of 3 epochs", "no network is final yet", "does not record scores",
        "The last line of metrics.jsonl is a half one", "versions of this run are not recorded",
    ):  # fmt: skip
        assert text in page.text
    assert "Confusion" not in page.text
    rewrite(run, [])
    with pytest.raises(InputError, match="no epoch of this run is over yet"):
        loihi_sca.report(run)


@pytest.mark.train
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.pop("loss"), r"line 1 is damaged \(loss: Field required"),
        (lambda e: e.update(alive=3), r"line 1 is damaged \(alive: Input should be"),
        (lambda e: e.update(model="x"), r"line 1 is damaged \(model: "),
    ],
)
def test_damaged_metrics_are_named(run, change, message) -> None:
    entries = lines(run)
    change(entries[0])
    rewrite(run, entries)
    with pytest.raises(InputError, match=message):
        loihi_sca.report(run)
    assert not (run / "report.html").exists()


@pytest.mark.train
def test_data_that_are_not_at_hand_are_told_unless_asked_for(run) -> None:
    path = run / "recipe.toml"
    path.write_text(path.read_text().replace('name = "digits"', 'name = "mnist"\nroot = "none"'))
    text = loihi_sca.report(run).read_text()
    assert "and the run&#39;s are not at hand" in text
    assert "Confusion" not in text
    with pytest.raises(InputError, match="but digits has"):
        loihi_sca.report(_other_shape(run), "digits")


def _other_shape(run):
    path = run / "other.net"
    output = Dense("output", (3,), np.full((2, 3), 2), neuron=Cuba(4096, 0, 80))
    netx.write(Network("other", (Input("input", (3,)), output), timesteps=4), path)
    return path


@pytest.mark.parametrize("name", ["summary.json", "front.json"])
@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 2}', '{"schema": 1}'])
def test_damaged_summaries_are_named(tmp_path, name, text) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        loihi_sca.report(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_sweep_or_study_without_a_result(tmp_path) -> None:
    (tmp_path / "runs" / "one").mkdir(parents=True)
    with pytest.raises(InputError, match="no run has a result yet \\(1 under way, 0 failed\\)"):
        loihi_sca.report(tmp_path)
    with pytest.raises(ConfigError, match="shows what its runs have measured"):
        loihi_sca.report(tmp_path, "digits")
    (tmp_path / "study.journal").write_text("")
    with pytest.raises(InputError, match="no trial of this study is over yet"):
        loihi_sca.report(tmp_path)
