"""Commands on models of SpikingJelly's own modules."""

import sys

import pytest
from spikingjelly_models import sequential  # skips where it is not installed

from loihi_sca import netx

MODELS = """
import torch
from spikingjelly.activation_based import layer, neuron

def good():
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        layer.Conv2d(2, 4, 3), neuron.IFNode(), layer.MaxPool2d(2), layer.Flatten(),
        layer.Linear(64, 5), neuron.LIFNode(v_threshold=0.2),
    )
    with torch.no_grad():
        model[0].weight.copy_(torch.round(model[0].weight * 16) / 16)
        model[0].bias.zero_()
    return model

def bad():
    return [layer.Linear(4, 3), neuron.IFNode(v_reset=None), torch.nn.ReLU()]
"""


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    assert callable(sequential)
    (tmp_path / "jelly_models.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("jelly_models", None)


def test_compile_says_what_is_exact_and_what_was_counted(cli, tmp_path):
    arguments = ("compile", "jelly_models:good", "--out", tmp_path / "it.net")
    done = cli(*arguments, "--input-shape", "2,10,10", "--steps", 12, "--json")
    assert done.code == 0, done.err
    rows = {row["layer"]: row for row in done.json["translations"]}
    assert [row["exact"] for row in rows.values()] == [True, True, False]
    assert rows["0-conv2d"]["differ"] == rows["2-maxpool2d"]["differ"] == 0
    assert rows["4-linear"]["spikes"] > 0
    network = netx.read(tmp_path / "it.net")
    assert network.timesteps == 12
    assert "spikes or silences differ" in network.metadata["compiler"]
    shown = cli(*arguments, "--input-shape", "2,10,10")
    assert "spikes or silences differ" in " ".join(shown.out.split())


def test_check_names_modules(cli):
    refused = cli("check", "jelly_models:bad", "--input-shape", "4")
    assert refused.code == 1
    told = " ".join(refused.out.split())
    assert "1-ifnode: its reset is soft" in told
    assert "2-relu: ReLU has no exact counterpart" in told
    good = cli("check", "jelly_models:good", "--input-shape", "2,10,10", "--json")
    assert good.code == 0
    assert good.json["problems"] == []
    assert good.json["notes"][0].startswith("4-linear: rounded weights by up to")
