"""``export`` and ``import``: what is written, shown and refused."""

import json
import sys
from pathlib import Path

import nir_graphs as g
import numpy as np
import pytest

import loihi_sca
from loihi_sca.exchange.tools import TOOLS
from loihi_sca.network import Conv, Cuba, Dense, Input, Network


@pytest.fixture
def net(tmp_path) -> Path:
    rng = np.random.default_rng(0)
    conv = Conv("c", (1, 6, 6), 2 * rng.integers(-9, 30, (3, 1, 3, 3)), neuron=Cuba(4096, 99, 60))
    dense = Dense("d", (3, 4, 4), 2 * rng.integers(-9, 30, (4, 48)), neuron=Cuba(4096, 0, 300))
    network = Network("n", (Input("in", (1, 6, 6)), conv, dense), timesteps=5)
    loihi_sca.write(network, tmp_path / "x.net")
    return tmp_path / "x.net"


@pytest.fixture
def foreign(tmp_path) -> Path:
    weight = np.random.default_rng(0).normal(size=(4, 9))
    nodes = {"input": g.input_(9), "fc": g.linear(weight), "lif": g.lif(1.0, 10)}
    return g.write(tmp_path / "y.nir", {**nodes, "output": g.output(4)})


@pytest.mark.parametrize("tool", TOOLS)
def test_export_and_import_give_back_the_file(cli, net, tool) -> None:
    graph, back = net.with_name("x.nir"), net.with_name("back.net")
    result = cli("export", str(net), str(graph), "--for", tool)
    assert result.code == 0
    assert "wrote" in result.out
    result = cli("import", str(graph), str(back))
    assert result.code == 0
    assert "as it was written" in " ".join(result.out.split())
    assert back.read_bytes() == net.read_bytes()


def test_json(cli, net, foreign) -> None:
    graph = net.with_name("x.nir")
    told = json.loads(cli("export", str(net), str(graph), "--json").out)
    assert told["digest"] == loihi_sca.read(net).digest()
    assert told["notes"] == []
    told = json.loads(cli("import", str(graph), str(net.with_name("b.net")), "--json").out)
    assert told["exact"]
    out = net.with_name("c.net")
    told = json.loads(cli("import", str(foreign), str(out), "--dt", "1e-4", "--json").out)
    assert not told["exact"]
    assert told["changes"][0]["layer"] == "lif"
    assert told["compared"] > 0
    assert loihi_sca.read(out).parameters > 0


def test_a_graph_of_others_is_quantised_and_its_changes_shown(cli, foreign, tmp_path) -> None:
    out = tmp_path / "y.net"
    result = cli("import", str(foreign), str(out), "--from", "snntorch", "--timesteps", "8")
    assert result.code == 0
    assert "weights changed" in " ".join(result.out.split())
    assert "note: snnTorch writes v_reset 0" in result.out
    assert loihi_sca.read(out).timesteps == 8


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "Give it, --dt 1e-4"),
        (["--from", "nengo"], 2, "tool 'nengo': one of nir, snntorch, norse, sinabs"),
        (["--from", "sinabs"], 1, "tau is 0.001 time steps of 1 s"),
        (["--dt", "1"], 1, "tau is 0.001 time steps of 1 s"),
        (["--dt", "1e-4", "--reset", "soft"], 2, "reset 'soft'"),
    ],
)
def test_what_cannot_be_is_one_line_and_writes_nothing(
    cli, foreign, tmp_path, arguments, code, said
) -> None:
    out = tmp_path / "y.net"
    result = cli("import", str(foreign), str(out), *arguments)
    assert result.code == code
    assert said in " ".join(result.err.split())
    assert not out.exists()


def test_help_names_the_tools(cli) -> None:
    for command in ("export", "import"):
        text = cli(command, "--help").out
        assert all(tool in text for tool in TOOLS)


def test_commands_need_no_nir(cli, net, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "nir", None)
    assert cli("export", str(net), str(net.with_name("x.nir"))).code == 0
    assert cli("import", str(net.with_name("x.nir")), str(net.with_name("b.net"))).code == 0
