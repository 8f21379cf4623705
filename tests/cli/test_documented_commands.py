"""What README, docs and help texts tell to type is understood, and runs.

Every command is read by the real command line. Those in code blocks are run, page by page and in
their order, in a folder that holds what pages take as given; or a reason is stated here.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from documented_commands import HELP, PAGES, Command, in_blocks, in_help, in_sentences, parse

from loihi_sca import netx
from loihi_sca.network import Conv, Cuba, Dense, Input, Network

SHOWN = [c for page in PAGES for c in (*in_blocks(page), *in_sentences(page))]
SHOWN += [c for module in HELP for c in in_help(module)]

NOT_RUN = {
    "lava install": "changes the environment that tests run in",
    "lava uninstall": "changes the environment that tests run in",
    "import theirs.nir theirs.net --from snntorch": "needs a file of snnTorch; test_nir_tools.py",
    "train mnist": "needs the files of MNIST and an hour",
    "sweep my.toml --budgets cores=8,16": "needs a cluster",
    "sweep digits --budgets keep=0.2,0.3,0.4": "an hour; test_sweep_on_ray.py runs a smaller one",
    "report runs/": "needs a run; tests/reporting makes a page of each kind",
    "report digits.net": "needs a page of a network; tests/reporting makes one",
    "study digits --trials 20": "hours; the README's, of three trials, runs",
}
"""Why commands that begin so are not run."""

QUICK = {"data.md", "exchange.md", "faq.md", "hardware.md"}
"""Pages whose commands take a second or two and neither torch nor Lava."""

SLOW = {"README.md", "getting_started.md", "your_model.md", "supported.md", "python.md"}

TINY = """
name = "tiny"
[data]
limit = 64
timesteps = 4
[model]
layers = [{ type = "conv", channels = 6, stride = 2 }, { type = "dense", neurons = 12 }]
[training]
epochs = 2
batch_size = 32
[pruning]
keep = 0.5
min_channels = 1
start = 0.3
stop = 0.7
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Return a folder with a network, an input, a recipe and a model, and be in it."""
    monkeypatch.chdir(tmp_path)
    rng, neuron = np.random.default_rng(0), Cuba(4096, 400, 64)
    network = Network(
        "digits",
        (
            Input("input", (1, 8, 8)),
            Conv("conv", (1, 8, 8), 2 * rng.integers(-20, 40, (6, 1, 3, 3)), neuron=neuron),
            Dense("dense", (6, 6, 6), 2 * rng.integers(-20, 40, (10, 216)), neuron=neuron),
        ),
        timesteps=4,
    )
    for name in ("digits.net", "mine.net"):
        netx.write(network, tmp_path / name)
    np.save(tmp_path / "x.npy", (rng.random((2, 1, 8, 8, 4)) < 0.5).astype(np.uint8))
    (tmp_path / "my.toml").write_text(TINY)
    for page in PAGES:  # files that a page writes down
        _write_shown(page, tmp_path)
    return tmp_path


def _write_shown(page: Path, folder: Path) -> None:
    """Write the block after a line that ends in "`NAME`" or "`NAME` is" and a colon, as NAME."""
    lines = page.read_text("utf-8").splitlines()
    for i, line in enumerate(lines[:-2]):
        name = line.rstrip(":").removesuffix(" is").rpartition(" ")[2].strip("`,")
        if line.endswith(":") and lines[i + 2].startswith(("```toml", "```python")) and "." in name:
            block = itertools.takewhile(lambda text: text != "```", lines[i + 3 :])
            (folder / name).write_text("\n".join(block) + "\n")


def why_not(command: Command) -> str:
    found = [why for begin, why in NOT_RUN.items() if str(command).startswith(begin)]
    return found[0] if found and "--dry-run" not in command.words else ""


def run_page(name: str, cli) -> None:
    (page,) = (page for page in PAGES if page.name == name)
    for command in in_blocks(page):
        if not why_not(command):
            found = cli(*command.words)
            assert found.code == command.exits, (
                f"{command.place}: {command}\n{found.err or found.out}"
            )


@pytest.mark.parametrize("command", SHOWN, ids=lambda c: f"{c.place} {c}"[:70])
def test_its_options_are_those_of_the_command_line(command) -> None:
    parse(command)


def test_every_command_in_a_block_is_run_or_a_reason_is_stated() -> None:
    blocks = [c for page in PAGES for c in in_blocks(page)]
    for command in blocks:
        assert Path(command.page).name in QUICK | SLOW or why_not(command), command.place
    for begin in NOT_RUN:
        assert any(str(c).startswith(begin) for c in blocks), f"nothing begins with {begin!r}"


@pytest.mark.parametrize("page", sorted(QUICK))
def test_the_commands_of_a_page_run(page: str, cli, folder: Path) -> None:
    run_page(page, cli)
    if page == "data.md":
        assert (folder / "x.npy").is_file()


@pytest.mark.slow
@pytest.mark.lava
@pytest.mark.train
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("page", sorted(SLOW))
def test_the_commands_of_a_page_that_trains_run(page: str, cli, folder: Path) -> None:
    run_page(page, cli)


def test_a_stale_option_is_found() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse(Command("page", 1, ("estimate", "mine.net", "--chips", "2")))
    with pytest.raises(ValueError, match="no command 'simulat'"):
        parse(Command("page", 1, ("simulat", "mine.net")))
