"""Accuracy, confusion and read-outs, against the same figures computed by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from loihi_sca import netx
from loihi_sca.cli import main
from loihi_sca.data import Dataset, load
from loihi_sca.engine import fast, reference
from loihi_sca.engine.fast import layout
from loihi_sca.engine.result import RunResult
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.network import Conv, Cuba, Dense, Input, Network, Readout
from loihi_sca.netx.limits import DEFAULT_NEURON
from loihi_sca.pipeline import evaluate as evaluation
from loihi_sca.pipeline.readout import scores

NEURON = Cuba(1024, 128, 40)


@pytest.fixture
def network() -> Network:
    rng = np.random.default_rng(0)
    conv = Conv("conv", (1, 8, 8), rng.integers(-60, 64, (8, 1, 3, 3)) * 2, neuron=NEURON)
    dense = Dense("out", (8, 6, 6), rng.integers(-60, 64, (10, 288)) * 2, neuron=NEURON)
    return Network("digits", (conv, dense), timesteps=8)


@pytest.fixture
def dataset() -> Dataset:
    return load("digits", split="test", timesteps=8).first(60)


def test_confusion_accuracy_and_activity(network, dataset, monkeypatch):
    whole = reference.run(network, dataset.spikes())
    answers = whole.counts.argmax(axis=1)
    monkeypatch.setattr(evaluation, "SPIKE_BYTES", 7 * 64 * 8)  # seven samples at once
    seen = []
    result = evaluation.evaluate(network, dataset, fast.prepare, lambda *x: seen.append(x))
    assert result.samples == 60
    assert result.accuracy == np.mean(answers == dataset.labels)
    for label in range(10):
        for answer in range(10):
            expected = np.sum((dataset.labels == label) & (answers == answer))
            assert result.confusion[label, answer] == expected
    assert result.activity == whole.activity
    assert seen[0] == (7, 60)
    assert seen[-1] == (60, 60)


def test_a_network_is_laid_out_once_however_many_parts_there_are(network, dataset, monkeypatch):
    expected = evaluation.evaluate(network, dataset, fast.prepare)
    laid_out = []

    def lay_out(network, schedule):
        laid_out.append(network.name)
        return layout.lay_out(network, schedule)

    monkeypatch.setattr(fast, "lay_out", lay_out)
    monkeypatch.setattr(evaluation, "SPIKE_BYTES", 7 * 64 * 8)
    result = evaluation.evaluate(network, dataset, fast.prepare)
    assert laid_out == ["digits"]
    assert result.activity == expected.activity
    assert np.array_equal(result.confusion, expected.confusion)


def result_of(counts) -> RunResult:
    """Return a run whose outputs spike so often, in the first timesteps."""
    counts = np.array(counts)
    return RunResult((np.arange(8) < counts[..., None]).astype(np.uint8))


def test_readouts():
    result = result_of([[1, 2, 3, 5]])
    average = Readout("average", groups=2)
    affine = Readout("affine", weight=np.array([[1, 0, -2, 0], [0, 1, 0, 1]]))
    assert scores(Readout(), result, fast.prepare).tolist() == [[1, 2, 3, 5]]
    assert scores(average, result, fast.prepare).tolist() == [[3, 8]]
    assert scores(affine, result, fast.prepare).tolist() == [[-5, 7]]


def test_affine_readout_with_a_neuron_sums_its_voltage():
    # one spike of weight 3 at step 0; no current memory, full voltage memory: 64 * 3 at 8 steps
    neuron = Cuba(current_decay=4096, voltage_decay=0, threshold=0)
    readout = Readout("affine", weight=np.array([[3], [-1]]), neuron=neuron)
    for engine in (fast.prepare, reference.prepare):
        found = scores(readout, result_of([[1]]), engine)
        assert found.tolist() == [[8 * 64 * 3, 8 * -64]]


def test_what_does_not_fit_is_refused(network, dataset):
    def refuse(net: Network, match: str) -> None:
        with pytest.raises(InputError, match=match):
            evaluation.evaluate(net, dataset, fast.prepare)

    few = Dense("out", (8, 6, 6), np.ones((9, 288), dtype=int), neuron=NEURON)
    refuse(network.replace(layers=(network.layers[0], few)), "tells 9 classes apart")
    wide = Dense("out", (2, 8, 8), np.ones((10, 128), dtype=int), neuron=NEURON)
    refuse(network.replace(layers=(wide,)), r"takes input of shape \(2, 8, 8\)")
    driven = Input("in", (1, 8, 8), neuron=NEURON)
    refuse(network.replace(layers=(driven, *network.layers)), "takes values")
    refuse(network.replace(readout=Readout("average", groups=3)), "do not divide into 3 groups")
    weight = np.ones((10, 4), dtype=int)
    refuse(network.replace(readout=Readout("affine", weight=weight)), "weighs 4 outputs")


@pytest.mark.parametrize(("weight", "bias"), [(32, 0), (64, 6)])
def test_data_that_the_host_would_transform_first_are_refused(network, weight, bias) -> None:
    values = load("digits", split="test", timesteps=4, encoding="direct").first(9)
    entry = Input("in", (1, 8, 8), neuron=NEURON, weight=weight, bias=bias)
    net = network.replace(layers=(replace(entry, weight=64, bias=0), *network.layers))
    assert evaluation.evaluate(net, values, fast.prepare).samples == 9
    net = network.replace(layers=(entry, *network.layers))
    told = rf"is driven by data x as {weight} x / 64 \+ {bias}, .* give loihi_sca\.run the integers"
    with pytest.raises(InputError, match=told):
        evaluation.evaluate(net, values, fast.prepare)
    with pytest.raises(InputError, match=told):
        evaluation.count_activity(net, values)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_command(network, dataset, tmp_path, capsys, engine):
    path = tmp_path / "digits.net"
    netx.write(network, path)
    arguments = ["evaluate", str(path), "--data", "digits", "--limit", "60", "--engine", engine]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--json"])
    assert not ended.value.code
    summary = json.loads(capsys.readouterr().out)
    expected = evaluation.evaluate(network, dataset, fast.prepare)
    assert summary["schema"] == 1
    assert summary["accuracy"] == expected.accuracy
    assert summary["confusion"] == expected.confusion.tolist()
    assert [x["synops"] for x in summary["layers"]] == [a.synops for a in expected.activity]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert f"{100 * expected.accuracy:.2f} %" in capsys.readouterr().out


def test_command_says_that_an_output_layer_never_spikes(network, tmp_path, capsys):
    last = replace(network.layers[-1], neuron=DEFAULT_NEURON)
    netx.write(network.replace(layers=(*network.layers[:-1], last)), tmp_path / "digits.net")
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", str(tmp_path / "digits.net"), "--data", "digits", "--limit", "9"])
    assert not ended.value.code
    said = " ".join(capsys.readouterr().err.split())
    assert f"{last.name} did not spike and never does" in said
    assert "say nothing about classes" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--data", "digits", "--engine", "quick"], "one of fast, reference"),
        (["--data", "digits", "--split", "all"], "one of train, validation, test"),
        (["--data", "nothing"], "no dataset 'nothing'"),
    ],
)
def test_command_usage(network, tmp_path, capsys, arguments, says):
    netx.write(network, tmp_path / "digits.net")
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", str(tmp_path / "digits.net"), *arguments])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def counted(tmp_path, counts: str) -> Dataset:
    x = np.random.default_rng(5).integers(0, 4, (25, 1, 8, 8, 8))
    np.savez(tmp_path / "mine.npz", x=x, y=np.arange(25) % 10)
    return load("mine.npz", split="test", root=tmp_path, counts=counts)


def test_counts_are_graded_input_where_the_network_takes_it(network, tmp_path):
    graded, clipped = (counted(tmp_path, how) for how in ("graded", "clip"))
    with pytest.raises(InputError, match=r'takes spikes, 0 or 1.*Clip its counts: .*= "clip"'):
        evaluation.evaluate(network, graded)
    assert evaluation.evaluate(network, clipped, "reference").samples == 5
    entry = Input("in", (1, 8, 8), neuron=Cuba(4096, 0, 128))
    driven = network.replace(layers=(entry, *network.layers))
    found = evaluation.evaluate(driven, graded)
    assert found.activity == reference.run(driven, graded.spikes()).activity
    with pytest.raises(InputError, match=r'takes values.*Give its counts: data.counts = "graded"'):
        evaluation.evaluate(driven, clipped)
    values = graded.spikes()
    assert found.activity[0].spikes == int(_fired(values, 128).sum())
    with pytest.raises(InputError, match=r'binary spikes\)\. .*Clip counts, .*counts = "clip"'):
        fast.run(network, values)


def _fired(mantissas, threshold):
    """Return the spikes of neurons without leak that mantissas drive."""
    voltage = np.zeros(mantissas.shape[:-1], dtype=np.int64)
    fired = np.zeros(mantissas.shape, dtype=bool)
    for t in range(mantissas.shape[-1]):
        voltage += mantissas[..., t]
        fired[..., t] = voltage > threshold
        voltage[fired[..., t]] = 0
    return fired


def test_a_dataset_may_be_a_path_and_is_no_array(network, tmp_path):
    x = np.random.default_rng(0).random((12, 1, 8, 8, 8)) < 0.2
    path = tmp_path / "mine.npz"
    np.savez(path, x=x.astype(np.uint8), y=np.arange(12) % 10)
    assert len(load(path, split="test")) == len(load(str(path), split="test"))
    found = evaluation.evaluate(network, path)
    assert found.samples == evaluation.evaluate(network, str(path)).samples
    for wrong in (x, (x, np.zeros(12)), 3):
        for call in (load, lambda name: evaluation.evaluate(network, name)):
            with pytest.raises(ConfigError, match=r"this is a \w+\. Save arrays with numpy.savez"):
                call(wrong)
