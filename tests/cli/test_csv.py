"""``--csv`` of every command with a table: what ``--json`` says, and nothing half-written."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import nir_graphs
import numpy as np
import pytest

from loihi_sca import netx
from loihi_sca.cli.app import COMMANDS
from loihi_sca.errors import InputError
from loihi_sca.files import check_target, write_csv
from loihi_sca.network import Conv, Cuba, Dense, Input, Network
from loihi_sca.problems import Findings, Problem
from loihi_sca.results import flat

WITHOUT_TABLE = {"train", "export", "doctor"}

SLOW = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(600)]

Rows = list[dict[str, Any]]

COUNTS = (
    "name neurons spikes rate synops synops_per_sample peak_current current_wraps "
    "voltage_saturations"
)
CORES = (
    "name type shape neurons weight_bits synapse_words cores neurons_per_core binding utilisation "
    "synapse_words_mean neurons_per_core_mean in_axons out_axons compiler_table"
)
CHANGED = (
    "layer scale changed_weights weights worst_weight threshold_exact threshold_taken worst_bias "
    "current_decay_exact current_decay_taken voltage_decay_exact voltage_decay_taken notes "
    "spikes_differ spikes"
)


class Case(NamedTuple):
    """A command line, the columns it writes, and where its JSON has the same rows."""

    arguments: str
    columns: str
    rows: Callable[[dict[str, Any]], Rows] | None
    code: int = 0


def layers(told: dict[str, Any]) -> Rows:
    return flat(told["layers"])


def steps(told: dict[str, Any]) -> Rows:
    return [{"layer": x["layer"], **c} for x in told["layers"] for c in x["cliffs"]]


def boards(told: dict[str, Any]) -> Rows:
    return [{"profile": p["name"], "title": p["title"]} for p in told["profiles"]]


def number(told: dict[str, Any]) -> Rows:
    return [{"quantity": f"chip.{key}", "unit": x["unit"]} for key, x in told["chip"].items()]


def spent(told: dict[str, Any]) -> Rows:
    pairs = zip(told["layers"], told["energy"]["layers"], strict=True)
    return flat({**layer, **energy} for layer, energy in pairs)


def goals(told: dict[str, Any]) -> Rows:
    return [{"trial": r["trial"], "total_energy_uj": r["energy"]} for r in told["front"]]


def trained(told: dict[str, Any]) -> Rows:
    stages = ("dense", "pruned")
    return [{"figure": "cores", **{stage: told[stage]["cores"] for stage in stages}}]


def on_page(told: dict[str, Any]) -> Rows:
    return [
        {"section": t["section"], "table": t["table"], "name": row[0], "column": c, "value": value}
        for t in told["tables"] for row in t["rows"]
        for c, value in zip(t["columns"][1:], row[1:], strict=True)
    ]  # fmt: skip


def shown(told: dict[str, Any]) -> Rows:
    wide = told["dense"]["parameters"]
    return [{"figure": "parameters", "dense_best": wide}]


CASES = {
    "estimate": Case("NET --profile loihi1", CORES, layers),
    "estimate --rate": Case("NET --profile loihi1 --rate 0.1", CORES, spent),
    "estimate, too large": Case("WIDE --profile loihi1", CORES, layers, 3),
    "map": Case(
        "NET --profile loihi1",
        "layer cores first_core last_core neurons_per_core synapse_words tile compiler_table",
        layers,
    ),
    "cliffs": Case(
        "NET", "layer channels cores following_cores words saved_cores saved_words", steps
    ),
    "cliffs, none": Case(
        "WIDE", "layer channels cores following_cores words saved_cores saved_words", steps
    ),
    "plan": Case(
        "digits --cores 4",
        "name type channels planned_channels prunable cores planned_cores synapse_words "
        "planned_synapse_words",
        layers,
    ),
    "check": Case("NET", "layer reason instead limit", lambda told: told["problems"]),
    "evaluate": Case("NET --data digits --limit 9", COUNTS, layers),
    "simulate": Case("NET --input SPIKES --engine reference", COUNTS, layers),
    "data": Case(
        "digits --limit 40", "class samples spikes_per_sample", lambda told: told["classes"]
    ),
    "verify": Case(
        "NET --engines reference,fast --samples 2",
        "layer spikes",
        lambda told: [{"layer": k, "spikes": n} for k, n in told["spikes"].items()],
    ),
    "profiles": Case("", "profile title mapping boards", boards),
    "profiles NAME": Case(
        "loihi2", "quantity value low high unit confidence source note", number
    ),
    "import": Case(
        "NIR OUT.net --dt 1e-4", CHANGED,
        lambda told: [{k: c[k] for k in ("layer", "scale", "notes")} for c in told["changes"]],
    ),
    "compile": Case(
        "own_models:Reshaping --input-shape 2,8,8 --steps 8 --out OUT.net",
        "name type in_shape out_shape neurons parameters",
        lambda told: [{"name": k, "out_shape": shape} for k, shape in told["layers"].items()],
    ),
    "prune": Case(
        "own_models:Reshaping --data DATA --budget keep=0.75", "figure unit dense pruned", trained
    ),
    "sweep": Case(
        "RECIPE --budgets keep=0.5 --out RUNS --samples 2 --profiles loihi2",
        "budget amount criterion objective start seeds",
        lambda told: flat(told["rows"]),
    ),
    "study": Case(
        "RECIPE --trials 2 --out RUNS --samples 2 --search connections=0.5:0.9",
        "trial front search_pruning.connections validation_accuracy cores total_energy_uj "
        "test_accuracy digest",
        goals,
    ),
    "report": Case(
        "NET --data digits --samples 9 --profiles loihi2 --out PAGE",
        "section table row name column value",
        on_page,
    ),
    "demo": Case(
        "--recipe RECIPE --out RUNS --samples 2",
        "figure unit dense_low dense_best dense_high pruned_low pruned_best pruned_high",
        shown,
    ),
}  # fmt: skip

MARKS = {
    "import": [
        pytest.mark.skipif(importlib.util.find_spec("nir") is None, reason="needs nir"),
    ],
    "compile": SLOW,
    "prune": SLOW,
    "sweep": SLOW,
    "study": [
        *SLOW,
        pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="needs Optuna"),
    ],
    "demo": [*SLOW, pytest.mark.lava],
}


def command_of(case: str) -> str:
    return case.replace(",", "").split()[0]


def net(folder: Path) -> Path:
    random, neuron = np.random.default_rng(0), Cuba(1024, 128, 80)
    kernels = 2 * random.integers(-60, 90, (6, 1, 3, 3))
    conv = Conv("conv", (1, 8, 8), kernels, neuron=neuron)
    dense = Dense("dense", conv.out_shape, 2 * random.integers(-60, 90, (10, 216)), neuron=neuron)
    network = Network("small", (Input("input", (1, 8, 8)), conv, dense), timesteps=8)
    netx.write(network, folder / "small.net")
    return folder / "small.net"


def wide(folder: Path) -> Path:
    dense = Dense("fc", (5000,), np.full((2, 5000), 254), neuron=Cuba(1024, 128, 80))
    netx.write(Network("wide", (dense,)), folder / "wide.net")
    return folder / "wide.net"


def spikes(folder: Path) -> Path:
    np.save(folder / "x.npy", np.random.default_rng(1).random((2, 1, 8, 8, 8)) < 0.3)
    return folder / "x.npy"


def nir(folder: Path) -> Path:
    weight = np.random.default_rng(0).normal(size=(4, 9))
    nodes = {"input": nir_graphs.input_(9), "fc": nir_graphs.linear(weight)}
    nodes["lif"] = nir_graphs.lif(1.0, 10)
    return nir_graphs.write(folder / "y.nir", {**nodes, "output": nir_graphs.output(4)})


def samples(folder: Path) -> Path:
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 60)
    busy = random.random((60, 2, 8, 8, 8)) < 0.1 * (1 + labels)[:, None, None, None, None]
    np.savez(folder / "mine.npz", x=busy.astype("u1"), y=labels)
    return folder / "mine.npz"


def recipe(folder: Path) -> Path:
    from tiny_training import tiny_recipe

    from loihi_sca.training.session import recipe_as_toml

    (folder / "tiny.toml").write_text(recipe_as_toml(tiny_recipe(epochs=1)))
    return folder / "tiny.toml"


INPUTS = {
    "NET": net, "WIDE": wide, "SPIKES": spikes, "NIR": nir, "DATA": samples, "RECIPE": recipe,
    "OUT.net": lambda folder: folder / "out.net", "PAGE": lambda folder: folder / "page.html",
    "RUNS": lambda folder: folder / "runs",
}  # fmt: skip


def filled(arguments: str, folder: Path) -> list[object]:
    return [INPUTS[word](folder) if word in INPUTS else word for word in arguments.split()]


def cells(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def test_every_command_with_a_table_has_a_case() -> None:
    assert {command_of(case) for case in CASES} == set(COMMANDS) - WITHOUT_TABLE


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=MARKS.get(case, ())) for case in CASES]
)  # fmt: skip
def test_a_file_has_what_the_json_says(case: str, cli, tmp_path) -> None:
    target, made = tmp_path / "table.csv", CASES[case]
    arguments = filled(made.arguments, tmp_path)
    outcome = cli(command_of(case), *arguments, "--json", "--csv", target)
    assert outcome.code == made.code, outcome.err
    assert f"wrote {target}" in outcome.err
    with target.open(newline="") as file:
        reader = csv.DictReader(file)
        written, columns = list(reader), list(reader.fieldnames or ())
    expected = made.columns.split()
    assert columns[: len(expected)] == expected
    assert len(set(columns)) == len(columns)
    assert all(len(row) == len(columns) and None not in row for row in written)
    said = made.rows(outcome.json)
    if case in ("prune", "demo"):  # the JSON is told by stage, the table by figure
        written = [row for row in written if row["figure"] == said[0]["figure"]]
    if case == "study":
        said.sort(key=lambda row: row["trial"])
        written.sort(key=lambda row: row["trial"])
    if case != "profiles NAME":
        assert len(written) == len(said)
    for row, told in zip(written, said):  # noqa: B905  a profile's chip comes first
        assert {name: row[name] for name in told} == {k: cells(v) for k, v in told.items()}


WRONG = {
    "table.txt": (2, "--csv {}: give a file that ends in .csv."),
    "folder.csv": (1, "cannot write {}: it is a folder."),
    "none/table.csv": (1, "cannot write {}: there is no folder "),
    "file/table.csv": (1, "cannot write {}: Not a directory."),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_target_is_refused_before_the_work(name: str, cli, tmp_path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").touch()
    before, (code, said) = sorted(tmp_path.rglob("*")), WRONG[name]
    # the network is not there either, which is found out later
    outcome = cli("map", tmp_path / "missing.net", "--csv", tmp_path / name)
    assert outcome.code == code
    assert said.format(tmp_path / name) in outcome.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(cli, tmp_path) -> None:
    tmp_path.chmod(0o500)
    outcome = cli("profiles", "--csv", tmp_path / "table.csv")
    assert (outcome.code, "Permission denied" in outcome.err) == (1, True)


def test_a_command_that_fails_leaves_the_old_file(cli, tmp_path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    assert cli("map", tmp_path / "missing.net", "--csv", target).code == 1
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_lava_does_not_count_is_refused(cli, tmp_path) -> None:
    options = ("--engine", "lava", "--csv", tmp_path / "table.csv")
    outcome = cli("simulate", net(tmp_path), "--input", spikes(tmp_path), *options)
    assert outcome.code == 2
    assert "Lava counts nothing; take --engine fast" in outcome.err


def test_rows_of_results_are_those_of_the_file(tmp_path) -> None:
    found = Findings([Problem("a,b", 'says "no"\nand stops', "", limit=True)])
    write_csv(tmp_path / "x.csv", found.columns(), found.rows())
    with (tmp_path / "x.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert row == {key: cells(value) for key, value in found.rows()[0].items()}
    assert Findings().columns() == found.columns()


def test_nested_values_become_columns_and_none_is_missing() -> None:
    rows = flat([{"a": None, "b": 1}, {"a": {"x": {"low": 1}, "y": [2]}, "c": 3}])
    columns = ["a_x_low", "a_y", "b", "c"]
    assert [list(row) for row in rows] == [columns, columns]
    assert [list(row.values()) for row in rows] == [[None, None, 1, None], [1, [2], None, 3]]


def test_what_is_no_number_is_not_written(tmp_path) -> None:
    target = tmp_path / "x.csv"
    target.write_text("old")
    with pytest.raises(ValueError, match="JSON compliant"):
        write_csv(target, ["a"], [{"a": float("nan")}])
    assert target.read_text() == "old"
    with pytest.raises(InputError, match="it is a folder"):
        check_target(tmp_path)
