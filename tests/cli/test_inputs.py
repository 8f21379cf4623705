"""Commands that take an array say which command makes one; all ways to activity are documented."""

import shutil
from pathlib import Path

import click
import numpy as np
import pytest
import typer
from PIL import Image

from loihi_sca import hardware, netx
from loihi_sca.cli.app import COMMANDS as FUNCTIONS
from loihi_sca.cli.app import app
from loihi_sca.cli.targets import targets_of
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
        assert done.code == 2, words
        assert "it is a file that is read" in done.err
    assert (net.read_bytes(), spikes.read_bytes()) == before
    assert cli("simulate", net, "--input", spikes, "--out", "y.npy").code == 0


SAMPLES = 20


def listed_samples(folder: Path) -> None:
    """Write a list of images, a recipe whose data it is, a chip's file and a network."""
    for i in range(SAMPLES):
        Image.fromarray(np.full((8, 8), 12 * i, np.uint8)).save(folder / f"{i}.png")
    lines = ["path,label", *(f"{i}.png,{i % 2}" for i in range(SAMPLES))]
    (folder / "mine.csv").write_text("\n".join(lines))
    events = np.zeros(3, dtype=[("t", "i8"), ("x", "i8"), ("y", "i8"), ("p", "i8")])
    np.save(folder / "events.npy", events)
    (folder / "events.csv").write_text("path,label\nevents.npy,0\n")
    recipe = (
        '[data]\nname = "mine.csv"\ntimesteps = 4\n'
        '[model]\nlayers = [{ type = "dense", neurons = 4 }]\n[pruning]\nkeep = 0.5\n'
    )
    (folder / "mine.toml").write_text('name = "mine"\n' + recipe)
    (folder / "run").mkdir()
    (folder / "run" / "recipe.toml").write_text('name = "mine"\n' + recipe)
    shutil.copy(hardware.profile_paths()["loihi2"], folder / "chip.toml")
    dense = Dense("d", (1, 8, 8), np.full((2, 64), 6), neuron=Cuba(4096, 128, 10))
    netx.write(Network("small", (Input("in", (1, 8, 8)), dense), 4), folder / "small.net")


@pytest.mark.parametrize(
    "words",
    [
        "data mine.csv --csv mine.csv",
        "data mine.csv --csv sub/../mine.csv",
        "data mine.csv --csv link.csv",
        "data link.csv --csv mine.csv",
        "data mine.csv --root sub/.. --csv mine.csv",
        "data mine.toml --csv mine.csv",
        "data run --csv mine.csv",
        "data events.csv --camera 4 4 --binning count --out events.npy",
        "evaluate small.net --data mine.csv --csv mine.csv",
        "evaluate small.net --data run --csv mine.csv",
        "estimate small.net --data mine.csv --csv mine.csv",
        "verify small.net --engines reference,fast --data mine.csv --csv mine.csv",
        "report small.net --data mine.csv --csv mine.csv",
        "report small.net --out small.net",
        "report small.net --profiles loihi1,chip.toml --out chip.toml",
        "report run --out run/recipe.toml",
        "compile run --out run/recipe.toml",
        "map small.net --profile chip.toml --svg chip.toml",
        "plan mine.toml --cores 4 --csv mine.csv",
        "prune own:build --data mine.csv --cores 4 --csv mine.csv",
        "prune own:build --data mine.csv --cores 4 --out own.py",
        "prune own:build --data mine.csv --cores 4 --out x --net x",
        "demo --recipe mine.toml --out runs --csv mine.csv",
        "sweep mine.toml --budgets keep=0.5 --out runs --csv mine.csv",
        "study mine.toml --out runs --csv mine.csv",
    ],
)
def test_no_file_that_is_read_is_written_over(words, cli, tmp_path, monkeypatch) -> None:
    listed_samples(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "own.py").write_text("def build(): raise KeyError\n")
    (tmp_path / "link.csv").symlink_to("mine.csv")
    monkeypatch.chdir(tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    done = cli(*words.split())
    assert (done.code, "error: cannot write" in done.err) == (2, True), done.err
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    "words",
    [
        "data mine.csv --csv table.csv",
        "data . --out again.npy",
        "evaluate small.net --data mine.csv --csv run/table.csv",
        "map small.net --svg run/picture.svg --csv table.csv",
    ],
)
def test_a_result_may_be_written_again(words, cli, tmp_path, monkeypatch) -> None:
    listed_samples(tmp_path)
    for name in ("dark", "light"):
        (tmp_path / "classes" / name).mkdir(parents=True)
        for i in range(SAMPLES // 2):
            shutil.copy(tmp_path / f"{i}.png", tmp_path / "classes" / name)
    monkeypatch.chdir(tmp_path / "classes" if words.startswith("data .") else tmp_path)
    for _ in range(2):
        done = cli(*words.split())
        assert done.code == 0, done.err


def test_options_that_write_a_file_say_so() -> None:
    for name, command in COMMANDS.items():
        for option in command.params if name != "lava" else ():
            told = getattr(option, "help", None) or ""
            writes = told.startswith(("Write ", "Where to write", "The page", "The netx file to"))
            if writes and "into this folder" not in told and "into OUT/" not in told:
                assert option.name in targets_of(FUNCTIONS[name]), (name, option.name)
