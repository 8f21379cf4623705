"""``verify``, ``check`` and ``compile`` of Python models, as a user calls them."""

from __future__ import annotations

import sys

import h5py
import numpy as np
import pytest

from loihi_sca import netx
from loihi_sca.compiler import verify as library
from loihi_sca.network import Cuba, Dense, Input, Network, OtherNeuron

LEAKY = Cuba(current_decay=1024, voltage_decay=128, threshold=60)

MODELS = """
import torch
from lava.lib.dl import slayer

cuba = slayer.block.cuba
params = {"threshold": 1.0, "current_decay": 0.3, "voltage_decay": 0.1}

def good():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        cuba.Dense(params, 12, 8, weight_scale=4), cuba.Dense(params, 8, 5, weight_scale=4)
    )

def bad():
    return torch.nn.Sequential(
        cuba.Conv({**params, "graded_spike": True}, 1, 2, 3),
        cuba.ConvT(params, 2, 2, 3),
        cuba.Flatten(),
        slayer.block.alif.Dense({**params, "threshold_step": 0.1, "threshold_decay": 0.1,
                                 "refractory_decay": 0.1}, 12, 8),
    )

def pooled():
    return torch.nn.Sequential(slayer.synapse.Pool(2), torch.nn.AvgPool2d(2))

def scaled():
    return torch.nn.Sequential(cuba.Dense({**params, "scale": 4096}, 12, 8))

def resonating():
    return torch.nn.Sequential(
        slayer.block.rf.Conv({"threshold": 1.0, "period": 10, "decay": 0.05}, 12, 8, 1)
    )

def kept():
    return torch.nn.Sequential(cuba.Dense({**params, "persistent_state": True}, 12, 8,
                                          weight_scale=4, delay_shift=False))

def video():
    torch.manual_seed(0)
    sd = slayer.block.sigma_delta
    def neuron(norm):
        return {"threshold": 0.1, "activation": torch.nn.functional.relu, "norm": norm}
    norm = slayer.neuron.norm.MeanOnlyBatchNorm
    model = torch.nn.Sequential(
        sd.Input(neuron(None)), sd.Dense(neuron(norm), 12, 8, weight_scale=4, delay_shift=False),
        sd.Output(neuron(None), 8, 5, weight_scale=4),
    )
    model.train()(torch.rand(4, 12, 6))
    return model

def needs(argument):
    return argument

class Skips(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.blocks = torch.nn.ModuleList(cuba.Dense(params, 12, 12) for _ in range(2))

    def forward(self, x):
        first = self.blocks[0](x)
        return self.blocks[1](first + x)

class Headed(Skips):
    def __init__(self):
        super().__init__()
        self.head = cuba.Dense(params, 12, 3, weight_scale=4)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x).mean(-1)

def noted():
    norm = {**params, "norm": slayer.neuron.norm.MeanOnlyBatchNorm}
    return torch.nn.Sequential(
        cuba.Dense(norm, 12, 8, delay=True), cuba.Dense(params, 8, 5, delay=True)
    )
"""


@pytest.fixture
def net(tmp_path):
    rng = np.random.default_rng(0)
    layers = (
        Input("in", (12,)),
        Dense("a", (12,), 2 * rng.integers(-40, 60, (9, 12)), neuron=LEAKY),
        Dense("b", (9,), 2 * rng.integers(-40, 60, (4, 9)), neuron=LEAKY),
    )
    path = tmp_path / "small.net"
    netx.write(Network("small", layers, 12), path)
    return path


@pytest.fixture
def models(tmp_path, monkeypatch):
    (tmp_path / "some_models.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("some_models", None)


def test_verify_shows_what_it_compared(cli, net):
    shown = cli("verify", net, "--engines", "reference,fast", "--samples", 5, "--json")
    assert shown.code == 0, shown.err
    assert shown.json["mismatches"] == 0
    assert shown.json["samples"] == 5
    assert shown.json["timesteps"] == 12
    assert shown.json["layers"] == ["in", "a", "b"]
    assert shown.json["compared"] == 5 * 12 * 25
    assert shown.json["spikes"]["b"] > 0
    text = cli("verify", net, "--engines", "fast,reference").out
    assert "fast = reference, 0 mismatches" in text


def test_verify_takes_data(cli, net, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1, 12, 7), dtype=np.uint8))
    shown = cli("verify", net, "--engines", "reference,fast", "--input", tmp_path / "x.npy")
    assert shown.code == 0, shown.err
    assert "(given)" in shown.out
    assert "no layer spiked at all" in shown.out


@pytest.mark.lava
@pytest.mark.timeout(120)
def test_verify_with_lava(cli, net):
    shown = cli("verify", net, "--samples", 2, "--json")
    assert shown.code == 0, shown.err
    assert set(shown.json["wall_time_s"]) == {"reference", "fast", "lava"}


def test_a_mismatch_has_its_own_exit_code(cli, net, monkeypatch):
    honest = library.fast.run

    def wrong(network, data, **options):
        result = honest(network, data, **options)
        result.traces["a"].spikes[2, 3, 5] ^= 1
        return result

    monkeypatch.setattr(library.fast, "run", wrong)
    failed = cli("verify", net, "--engines", "reference,fast")
    assert failed.code == 4
    where = "differ in 1 of 648 spikes of a, first at sample 2, neuron (3,), timestep 5: "
    assert f"reference and fast {where}" in " ".join(failed.err.split())


def test_verify_refuses_by_name(cli, tmp_path, net):
    network = netx.read(net)
    with h5py.File(net, "a") as file:
        del file["layer/1/neuron/type"]
        file["layer/1/neuron/type"] = np.bytes_("ALIF")
    refused = cli("verify", net)
    assert refused.code == 1
    assert "a: neuron type 'ALIF'" in refused.err
    checked = cli("check", net)
    assert checked.code == 1
    assert "a: its neuron is 'ALIF': it has an adaptive threshold" in " ".join(checked.out.split())
    assert isinstance(netx.read(net)["a"].neuron, OtherNeuron)
    assert isinstance(network["a"].neuron, Cuba)


def test_a_field_that_nobody_knows(cli, net):
    with h5py.File(net, "a") as file:
        file["layer/2/weight_ext"] = np.ones((4, 4))
    for command in ("check", "verify", "estimate", "map"):
        refused = cli(command, net)
        assert refused.code == 1
        said = " ".join(refused.err.split())
        assert "2-dense has a field that is not known here: 'weight_ext'" in said


def test_a_recurrent_file_of_an_old_type_is_checked_and_counted(cli, net):
    plain = cli("estimate", net, "--json").json
    with h5py.File(net, "a") as file:
        del file["loihi_sca"], file["layer/1/type"]
        file["layer/1/type"] = np.array([b"recurrent"])
        file["layer/1/recWeight"] = np.ones((9, 9))
    checked = cli("check", net)
    assert checked.code == 0
    assert "its type 'recurrent' is one that stock netx passes over" in " ".join(
        (checked.out + checked.err).split()
    )
    counted = cli("estimate", net, "--json").json
    assert counted["layers"][1]["synapse_words"] > plain["layers"][1]["synapse_words"]


def test_notes_and_silence_stand_beside_the_zeros(cli, net, tmp_path):
    with h5py.File(net, "a") as file:
        del file["loihi_sca"], file["layer/2/neuron"]
        file["layer/1/bias"] = np.arange(9)
    np.save(tmp_path / "x.npy", np.ones((2, 12, 7), dtype=np.uint8))
    silent = "2-dense did not spike and never does: its threshold 131072 is more than a voltage"
    for command in (("verify", net, "--engines", "fast,reference"), ("simulate", net)):
        shown = cli(*command, "--input", tmp_path / "x.npy")
        assert shown.code == 0, shown.err
        assert silent in " ".join(shown.err.split())
        found = cli(*command, "--input", tmp_path / "x.npy", "--json").json["notes"]
        assert any(silent in text for text in found)
    for command in ("check", "estimate", "map"):
        said = " ".join(cli(command, net).err.split())
        assert "2-dense: the file gives it no neuron" in said
        assert "1-dense: there are biases, and a file cannot say" in said


def test_an_input_in_a_wrong_arrangement(cli, net, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 7, 12), dtype=np.uint8))
    for command in (("verify", net, "--engines", "fast,reference"), ("simulate", net),
                    ("estimate", net)):  # fmt: skip
        refused = cli(*command, "--input", tmp_path / "x.npy")
        assert refused.code == 1
        assert "It looks like (N, T, C): pass x.transpose(0, 2, 1)" in " ".join(refused.err.split())


@pytest.mark.parametrize("engines", ["reference", "reference,slow", "fast,fast", ""])
def test_verify_wants_two_engines(cli, net, engines):
    refused = cli("verify", net, "--engines", engines)
    assert refused.code == 2
    assert "at least two of reference, fast, lava" in " ".join(refused.err.split())


@pytest.mark.train
def test_check_a_python_model(cli, models):
    good = cli("check", "some_models:good", "--input-shape", "12")
    assert good.code == 0, good.err
    assert "nothing in the way" in good.out
    bad = cli("check", "some_models:bad", "--input-shape", "1,4,4", "--json")
    assert bad.code == 1
    problems = {p["layer"]: p["reason"] for p in bad.json["problems"]}
    assert set(problems) == {"0-conv", "1-convt", "3-dense"}
    assert "graded_spike" in problems["0-conv"]
    assert "transposed" in problems["1-convt"]
    assert "alif.Dense has an adaptive threshold" in problems["3-dense"]


@pytest.mark.train
@pytest.mark.parametrize(
    ("model", "shape", "message"),
    [
        ("pooled", "1,4,4", "0-pool: Pool pools without a neuron"),
        ("pooled", "1,4,4", "1-avgpool2d: AvgPool2d pools without a neuron"),
        ("scaled", "12", "scale=4096 makes its threshold 1 a mantissa of 4096"),
        ("resonating", "12", "block rf.Conv has a resonate-and-fire neuron"),
    ],
)
def test_check_names_the_real_reason(cli, models, model, shape, message):
    refused = cli("check", f"some_models:{model}", "--input-shape", shape)
    assert refused.code == 1
    assert message in " ".join(refused.out.split())


@pytest.mark.train
def test_check_a_recipe_and_a_file(cli, net):
    assert cli("check", "digits").code == 0
    assert cli("check", net).code == 0


@pytest.mark.train
def test_notes_are_no_failure(cli, models):
    noted = cli("check", "some_models:noted", "--input-shape", "12")
    assert noted.code == 0, noted.err
    assert "nothing in the way" in noted.out
    assert "note: after training, depending on values: 1-dense" in " ".join(noted.err.split())
    shown = cli("check", "some_models:noted", "--input-shape", "12", "--json").json
    assert shown["problems"] == []
    assert len(shown["notes"]) == 1


@pytest.mark.train
def test_the_command_follows_the_forward_pass_as_python_does(cli, models, tmp_path):
    out = tmp_path / "it.net"
    out.write_text("kept")
    refused = cli("compile", "some_models:Skips", "--out", out, "--input-shape", "12")
    assert refused.code == 1
    assert "1-dense: the model's forward pass does not feed it" in " ".join(refused.err.split())
    assert out.read_text() == "kept"
    assert [p.name for p in tmp_path.glob("*it.net*")] == ["it.net"]
    assert cli("check", "some_models:Skips", "--input-shape", "12").code == 1
    done = cli("compile", "some_models:Headed", "--out", out, "--input-shape", "12", "--steps", 9)
    assert done.code == 0, done.err
    assert "output: mean over time of head, on 1 samples of 9 steps" in " ".join(done.out.split())
    assert [x.name for x in netx.read(out)][-1] == "head"


@pytest.mark.train
@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("some_models:nothing", "has no attribute 'nothing'"),
        ("no_such_module:x", "No module named 'no_such_module'"),
        ("some_models:needs", "cannot be called without arguments"),
    ],
)
def test_check_what_is_not_there(cli, models, model, message):
    refused = cli("check", model, "--input-shape", "12")
    assert refused.code == 2
    assert message in " ".join(refused.err.split())


@pytest.mark.train
def test_compile_a_python_model(cli, models, tmp_path):
    done = cli("compile", "some_models:good", "--out", tmp_path / "good.net",
               "--input-shape", "12", "--steps", 9, "--json")  # fmt: skip
    assert done.code == 0, done.err
    assert "lower_pool" in [step["pass"] for step in done.json["passes"]]
    network = netx.read(tmp_path / "good.net")
    assert network.timesteps == 9
    assert network.metadata["output_shift"] == "2"


@pytest.mark.train
def test_biases_are_relayed_on_request(cli, models, tmp_path):
    assert cli("check", "some_models:video", "--input-shape", "12", "--relay").code == 0
    arguments = ("--input-shape", "12", "--steps", "9", "--out", tmp_path / "x.net", "--json")
    done = cli("compile", "some_models:video", *arguments, "--relay")
    assert done.code == 0, done.err
    assert done.json["layers"]["0-input"] == [13]
    assert "relay_biases" in done.json["passes"][0].values()
    assert any("its last channel is constant" in note for note in done.json["notes"])
    assert done.json["proof"]["schedules"] == ["pipelined", "cold"]
    found = cli("check", "some_models:good", "--input-shape", "12", "--relay")
    assert found.code == 1
    assert "only a Delta at the input encodes the constant" in " ".join(found.out.split())


@pytest.mark.train
def test_state_that_persists_is_reset_on_request(cli, models, tmp_path):
    arguments = ("some_models:kept", "--input-shape", "12")
    refused = cli("check", *arguments)
    assert refused.code == 1
    assert "give reset=True (--reset)" in " ".join(refused.out.split())
    assert cli("check", *arguments, "--reset").code == 0
    out = tmp_path / "kept.net"
    assert cli("compile", *arguments, "--out", out).code == 1
    done = cli("compile", *arguments, "--out", out, "--reset", "--proof-samples", 3, "--json")
    assert done.code == 0, done.err
    assert done.json["proof"]["samples"] == 3
