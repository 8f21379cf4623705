import json
import re

import numpy as np
import pytest

from loihi_sca import netx
from loihi_sca.config import Recipe, load_recipe
from loihi_sca.engine import reference
from loihi_sca.errors import InputError, NotBitExact
from loihi_sca.pipeline.demo import run_demo
from loihi_sca.pipeline.report import report
from loihi_sca.reporting.comparison import comparison, headline
from loihi_sca.reporting.text import band_text

pytestmark = [pytest.mark.lava, pytest.mark.timeout(600)]

TINY = Recipe.model_validate(
    {
        "name": "tiny",
        "data": {"limit": 256, "timesteps": 6},
        "model": {
            "layers": [
                {"type": "conv", "channels": 8, "stride": 2},
                {"type": "dense", "neurons": 16},
            ]
        },
        "training": {"epochs": 3, "batch_size": 32},
        "pruning": {"keep": 0.5, "min_channels": 2, "start": 0.0, "stop": 0.5},
    }
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return folder, run_demo(TINY, folder, verify_samples=3)


def test_the_run_folder_holds_everything(run) -> None:
    folder, summary = run
    names = {p.name for p in folder.iterdir()}
    assert names == {
        "recipe.toml", "metrics.jsonl", "checkpoints", "summary.json", "report.html",
        "dense.net", "pruned.net",
    }  # fmt: skip
    assert json.loads((folder / "summary.json").read_text()) == summary
    assert (summary["schema"], summary["mismatches"], summary["samples_verified"]) == (1, 0, 3)
    assert load_recipe(folder / "recipe.toml") == TINY


def test_pruned_channels_are_gone_from_the_file(run) -> None:
    folder, summary = run
    dense, pruned = (netx.read(folder / f"{x}.net") for x in ("dense", "pruned"))
    assert summary["dense"]["channels"] == 24
    assert summary["pruned"]["channels"] == 12
    kept = sum(pruned[name].out_shape[0] for name in ("conv1", "dense2"))
    assert kept <= 12
    assert pruned["dense2"].weight.shape[1] == np.prod(pruned["conv1"].out_shape)
    assert pruned.parameters == summary["pruned"]["parameters"] < dense.parameters


def test_figures_are_those_of_the_deployed_network(run) -> None:
    from loihi_sca import data

    folder, summary = run
    test = data.load("digits", split="test", timesteps=6)
    result = reference.run(netx.read(folder / "pruned.net"), test.spikes())
    accuracy = np.mean(result.counts.argmax(axis=1) == test.labels)
    assert summary["pruned"]["accuracy"] == pytest.approx(accuracy)
    synops = sum(a.synops for a in result.activity) / len(test)
    assert summary["pruned"]["synops_per_sample"] == pytest.approx(synops)


def test_running_again_trains_nothing(run) -> None:
    folder, summary = run
    before = (folder / "metrics.jsonl").read_text()
    again = run_demo(TINY, folder, verify_samples=3)
    assert (folder / "metrics.jsonl").read_text() == before
    assert again["pruned"]["accuracy"] == summary["pruned"]["accuracy"]


def test_the_report_is_one_file_with_the_same_figures(run) -> None:
    folder, _ = run
    summary = json.loads((folder / "summary.json").read_text())
    page = (folder / "report.html").read_text()
    # namespaces are names, but nothing may be fetched
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    for row in comparison(summary):
        assert row.pruned in page
    assert "0 mismatching spikes between SLAYER, both engines and Lava over 3 test samples" in page
    (folder / "report.html").unlink()
    assert report(folder).read_text() == page
    with pytest.raises(InputError, match="no run of loihi-sca lies here"):
        report(folder / "checkpoints")


def test_the_headline_is_the_total_energy_with_its_band_and_the_latency(run) -> None:
    folder, summary = run
    page = (folder / "report.html").read_text()
    rows = comparison(summary)
    for profile in ("loihi1", "loihi2"):
        names = [row.name for row in rows if row.name.startswith(profile)]
        assert names[0] == f"{profile}: total energy per sample, static power included"
        assert names.index(f"{profile}: latency per sample") < names.index(f"{profile}: cores")
        total, static, dynamic, latency = (
            next(r for r in rows if r.name == f"{profile}: {name}")
            for name in (
                "total energy per sample, static power included", "of it static energy",
                "of it dynamic energy", "latency per sample",
            )
        )  # fmt: skip
        energy = summary["pruned"]["estimates"][profile]["energy"]
        assert total.pruned == band_text(energy["total_uj"], "uJ")
        assert " to " in total.pruned
        assert " to " in latency.pruned
        (sentence,) = (x for x in headline(summary) if x.startswith(profile))
        assert sentence.index(total.change) < sentence.index("dynamic")
        for part in (total.dense, total.pruned, static.change, dynamic.change, latency.change):
            assert part in sentence
        assert sentence in page
        assert energy["board"]["title"] in page
        assert summary["pruned"]["estimates"][profile]["latency"]["advice"] in page
    assert "our assumption" in page
    assert "total energy per sample, uJ" in page  # the chart says which energy


def test_the_curve_of_channels_ends_where_the_table_is(run) -> None:
    folder, summary = run
    lines = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
    last = {line["model"]: line["alive"] for line in lines}
    for model in ("dense", "pruned"):
        assert "output" not in last[model]  # its channels are the classes
        assert sum(last[model].values()) == summary[model]["channels"]


def test_what_is_not_known_is_shown_as_unknown(run) -> None:
    _, summary = run
    cut = json.loads(json.dumps(summary))
    cut["pruned"]["estimates"]["loihi2"] |= {"energy": None, "latency": None}
    rows = {row.name: row for row in comparison(cut)}
    total = rows["loihi2: total energy per sample, static power included"]
    assert (total.pruned, total.change) == ("unknown", "-")
    assert total.dense != "unknown"
    assert rows["loihi2: latency per sample"].pruned == "unknown"
    assert "loihi2: energy and latency unknown." in headline(cut)


def test_a_mismatch_is_an_error_and_writes_no_summary(tmp_path, monkeypatch) -> None:
    from loihi_sca.frontend import proof

    honest = proof.record

    def flipped(*args, **options):
        recording = honest(*args, **options)
        recording.sent["dense2"][0, 3, 2] ^= 1
        return recording

    monkeypatch.setattr(proof, "record", flipped)
    where = r"dense2, first at sample 0, neuron \(3,\), timestep 2"
    with pytest.raises(NotBitExact, match=where):
        run_demo(TINY, tmp_path, verify_samples=2)
    assert not (tmp_path / "summary.json").exists()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_shipped_demo_keeps_its_promise(tmp_path) -> None:
    summary = run_demo(load_recipe("digits"), tmp_path, verify_samples=64)
    dense, pruned = summary["dense"], summary["pruned"]
    assert dense["accuracy"] >= 0.95
    assert pruned["channels"] <= 0.5 * dense["channels"]
    assert pruned["accuracy"] >= dense["accuracy"] - 0.015
