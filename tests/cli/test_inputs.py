"""Commands that take an array say which command makes one; all ways to activity are documented."""

from pathlib import Path

import click
import numpy as np
import pytest
import typer

from loihi_sca import netx
from loihi_sca.cli.app import app
from loihi_sca.network import Cuba, Dense, Input, Network

COMMANDS = typer.main.get_command(app).commands

TAKES = [
    (name, option)
    for name, command in COMMANDS.items()
    for option in command.params
    if ".npy" in (getattr(option, "help", None) or "") and "--out" not in option.opts
]


def test_there_are_such_commands() -> None:
    assert {"simulate", "verify", "estimate"} <= {
        name for name, option in TAKES if "--input" in option.opts
    }


@pytest.mark.parametrize(
    ("name", "option"), [x for x in TAKES if "--input" in x[1].opts], ids=lambda x: str(x)[:12]
)
def test_the_help_says_which_command_makes_an_array(name: str, option: click.Option) -> None:
    assert "`loihi-sca data NAME --out FILE.npy`" in option.help
    assert "--out" in {opt for param in COMMANDS["data"].params for opt in param.opts}


def test_every_way_to_the_activity_of_an_estimate_is_documented() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "hardware.md").read_text("utf-8")
    section = page.partition("## Activity")[2].partition("\n## ")[0]
    options = {opt for param in COMMANDS["estimate"].params for opt in param.opts}
    for way in ("--data", "--input", "--activity", "--rate"):
        assert way in options
        assert f"* `{way}" in section
    for kind in ("`FILE.npz`", "`FILE.csv`", "`module:function`"):
        assert kind in section


def test_what_is_read_is_not_written_over(cli, tmp_path, monkeypatch) -> None:
    net, spikes = tmp_path / "small.net", tmp_path / "x.npy"
    layer = Dense("d", (3,), np.full((2, 3), 6), neuron=Cuba(4096, 128, 10))
    netx.write(Network("small", (Input("in", (3,)), layer), 4), net)
    np.save(spikes, np.ones((2, 3, 4), np.uint8))
    before = net.read_bytes(), spikes.read_bytes()
    link = tmp_path / "link.npy"
    link.symlink_to(spikes)
    monkeypatch.chdir(tmp_path)
    for words in (
        ("simulate", net, "--input", spikes, "--out", spikes),
        ("simulate", net, "--input", link, "--out", "x.npy"),
        ("map", net, "--svg", net),
        ("export", net, "small.net"),
        ("import", net, net),
        ("data", "x.npy", "--out", spikes),
    ):
        done = cli(*words)
        assert done.code == 1, words
        assert "it is the file that is read" in done.err
    assert (net.read_bytes(), spikes.read_bytes()) == before
    assert cli("simulate", net, "--input", spikes, "--out", "y.npy").code == 0
