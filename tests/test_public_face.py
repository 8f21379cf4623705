"""What ``import loihi_sca`` gives, and how results show themselves."""

import ast
import json
import pydoc
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import loihi_sca
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.network import Cuba, Dense, Input, Network
from loihi_sca.results import Result

PACKAGE = Path(loihi_sca.__file__).parent
STUB = ast.parse((PACKAGE / "__init__.pyi").read_text("utf-8"))
STEPS = 6


@pytest.fixture(scope="module")
def network() -> Network:
    rng = np.random.default_rng(0)
    weight = 2 * rng.integers(-30, 30, (10, 64)).astype(np.int32)
    layers = (Input("input", (1, 8, 8)), Dense("out", (64,), weight, neuron=Cuba(2048, 128, 100)))
    return Network("face", layers, timesteps=STEPS)


@pytest.fixture(scope="module")
def path(network, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("face") / "face.net"
    loihi_sca.write(network, path)
    return path


@pytest.fixture(scope="module")
def spikes() -> np.ndarray:
    return (np.random.default_rng(1).random((4, 1, 8, 8, STEPS)) < 0.3).astype(np.uint8)


def test_the_stub_says_where_each_name_lives() -> None:
    told, packages = {}, set()
    for node in STUB.body:
        if isinstance(node, ast.ImportFrom) and node.module == "loihi_sca":
            packages |= {alias.asname for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                told[alias.asname] = (node.module, alias.name)
    homes = {}
    for name, home in loihi_sca._HOMES.items():
        module, _, attribute = home.partition(":")
        homes[name] = (f"loihi_sca.{module}", attribute or name)
    assert told == homes
    assert packages == set(loihi_sca._PACKAGES)
    [listed] = [n.value for n in STUB.body if isinstance(n, ast.Assign)]
    assert sorted(ast.literal_eval(listed)) == sorted(loihi_sca.__all__)


@pytest.mark.parametrize("name", loihi_sca.__all__)
def test_every_public_name_is_there(name: str) -> None:
    if name in loihi_sca._OF_TORCH:
        pytest.importorskip("torch")
        pytest.importorskip("lava.lib.dl")
    found = getattr(loihi_sca, name)
    assert name in dir(loihi_sca)
    assert not isinstance(found, types.ModuleType)
    assert not (PACKAGE / name).exists(), "a package of that name would take its place"
    assert not (PACKAGE / f"{name}.py").exists()
    if name != "__version__":
        assert found is getattr(loihi_sca, name)
        assert "Parameters\n" in found.__doc__
        assert "Raises\n" in found.__doc__ or name == "shapes_of"


def test_packages_are_found_without_being_imported_first() -> None:
    code = "import loihi_sca; print(loihi_sca.netx.read.__name__, loihi_sca.errors.InputError)"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert out.stdout.startswith("read <class")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = loihi_sca.nothing


def test_importing_loads_next_to_nothing() -> None:
    code = "import sys; before = {*sys.modules}; import loihi_sca; print(*{*sys.modules} - before)"
    out = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    loaded = {name.partition(".")[0] for name in out.stdout.split()}
    assert loaded <= {"loihi_sca", *sys.stdlib_module_names}
    assert not {"numpy", "torch", "lava"} & {x.split("|")[-1].strip() for x in out.stderr.split()}


def test_help_is_readable() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("lava.lib.dl")
    text = pydoc.render_doc(loihi_sca, renderer=pydoc.plaintext)
    for name in ("train", "compile", "check", "verify", "estimate"):
        assert f"\n    {name}" in text
    assert re.search(r"verify\(\s*network:", text)  # Python 3.13 gives each parameter a line
    assert "(**options" not in text  # every parameter is named


def test_without_torch_help_leaves_out_what_needs_it() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; import importlib.util, loihi_sca, pydoc\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n, *a: None if n == 'torch' else find(n, *a)\n"
        "text = pydoc.render_doc(loihi_sca, renderer=pydoc.plaintext)\n"
        "print('verify(network' in text, 'train(recipe' in text)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert out.stdout.split() == ["True", "False"]


@pytest.fixture(scope="module")
def results(network, path, spikes) -> dict[str, Result]:
    found = loihi_sca.evaluate(path, "digits", limit=20)
    return {
        "Network": network,
        "RunResult": loihi_sca.run(path, spikes, "reference"),
        "Verification": loihi_sca.verify(network, engines=("reference", "fast"), data=spikes),
        "Evaluation": found,
        "Placement": loihi_sca.map_network(path),
        "Estimate": loihi_sca.estimate(path, "loihi2", found),
        "Cliffs": loihi_sca.cliffs(path, "loihi1"),
        "Planned": loihi_sca.plan("digits", "cores=4"),
        "Compiled": loihi_sca.compiler.compile_with_report(network),
    }


KINDS = (
    "Network", "RunResult", "Verification", "Evaluation", "Placement", "Estimate", "Cliffs",
    "Planned", "Compiled",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_results_show_themselves(kind: str, results) -> None:
    result = results[kind]
    assert type(result).__name__ == kind
    assert repr(result).startswith(f"{kind}(")
    assert len(repr(result)) < 300
    assert "\n" not in repr(result)
    text, html = str(result.table()), result._repr_html_()
    assert "layer" in text or "conv" in text
    assert "<pre" in html
    assert "&#x27;" in html or "'" in repr(result)
    json.dumps(result.as_json(), allow_nan=False)
    assert all(isinstance(row, dict) for row in result.rows())


@pytest.mark.parametrize("kind", KINDS)
def test_results_become_data_frames(kind: str, results) -> None:
    pandas = pytest.importorskip("pandas")
    frame = results[kind].to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert len(frame) == len(results[kind].rows())


def test_without_pandas_an_error_says_what_to_do(results, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"needs pandas.*pip install pandas.*rows\(\) gives"):
        results["Estimate"].to_pandas()


def test_rows_go_into_pandas_as_they_are(results, monkeypatch) -> None:
    fake = types.ModuleType("pandas")
    fake.DataFrame = lambda rows, columns: (rows, columns)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", fake)
    rows, columns = results["Network"].to_pandas()
    assert [row["name"] for row in rows] == ["input", "out"]
    assert columns == results["Network"].columns() == list(rows[0])


def test_large_results_do_not_print_their_arrays(network, spikes) -> None:
    result = loihi_sca.run(network, spikes, record=["out"])
    assert "array(" not in repr(result) + repr(result.traces) + repr(network) + repr(network["out"])
    assert "<int32 (10, 64)>" in repr(network["out"])
    assert len(repr(network["out"])) < 200


def test_names_in_brackets_are_shown_as_they_are(network) -> None:
    odd = network.replace(layers=(network.layers[0], _renamed(network.layers[1], "o[red]ut")))
    assert "o[red]ut" in str(odd.table())


def _renamed(layer: Any, name: str) -> Any:
    from dataclasses import replace

    return replace(layer, name=name)


def test_networks_are_taken_as_they_are_and_by_path(network, path, spikes) -> None:
    assert loihi_sca.read(path) == network
    for given in (network, path, str(path)):
        assert np.array_equal(
            loihi_sca.run(given, spikes).spikes, loihi_sca.run(network, spikes, "reference").spikes
        )
        assert loihi_sca.map_network(given, "loihi2").cores == 1
        assert loihi_sca.cliffs(given) == ()
        assert loihi_sca.evaluate(given, "digits", limit=5).samples == 5
        assert loihi_sca.verify(given, engines=["fast", "reference"], samples=2).mismatches == 0


def test_an_estimate_takes_what_a_run_returns(network, spikes) -> None:
    result = loihi_sca.run(network, spikes)
    found = loihi_sca.estimate(network, "loihi2", result)
    same = loihi_sca.estimate(
        network, loihi_sca.hardware.load_profile("loihi2"), result.activity, len(spikes), STEPS
    )
    assert found.as_json() == same.as_json()
    rated = loihi_sca.estimate(network, "loihi2", rate=0.1)
    assert rated.energy is not None
    with pytest.raises(ConfigError, match="activity and rate"):
        loihi_sca.estimate(network, "loihi2", result, rate=0.1)
    with pytest.raises(ConfigError, match=r"a number is a rate. Give rate=0.1"):
        loihi_sca.estimate(network, "loihi2", 0.1)


def test_engines_and_budgets_that_are_not_there_are_named(network, spikes) -> None:
    with pytest.raises(ConfigError, match="engine 'gpu': one of fast, reference, lava"):
        loihi_sca.run(network, spikes, "gpu")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="engine 'lava': fast or reference"):
        loihi_sca.evaluate(network, "digits", "lava", limit=2)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="give one amount"):
        loihi_sca.plan("digits", "cores=4,5")
    with pytest.raises(ConfigError, match="does not say"):
        loihi_sca.evaluate(network.replace(timesteps=None), "digits")
    wide = Network("wide", (Input("input", (1, 9, 9)),), timesteps=2)
    with pytest.raises(InputError, match="takes input of shape"):
        loihi_sca.evaluate(wide, "digits")


@pytest.mark.lava
def test_lava_runs_the_same(network, spikes) -> None:
    ours, theirs = (loihi_sca.run(network, spikes, e) for e in ("fast", "lava"))
    assert np.array_equal(ours.spikes, theirs.spikes)
    assert theirs.engine == "lava"
    assert theirs.activity == ours.activity
