"""Commands that take an array say which command makes one; all ways to activity are documented."""

from pathlib import Path

import click
import pytest
import typer

from loihi_sca.cli.app import app

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
