"""``sweep``, ``study`` and ``evaluate`` with --on ray, with failures, without what they need."""

from __future__ import annotations

import builtins
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from tiny_training import tiny_recipe

from loihi_sca import netx
from loihi_sca.network import Cuba, Dense, Network
from loihi_sca.training.session import recipe_as_toml

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray: pip install 'loihi-sca[ray]'"
)
needs_optuna = pytest.mark.skipif(
    importlib.util.find_spec("optuna") is None,
    reason="needs Optuna: pip install 'loihi-sca[optuna]'",
)


@pytest.fixture
def recipe(tmp_path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(recipe_as_toml(tiny_recipe(epochs=1)))
    return path


@pytest.fixture
def net(tmp_path) -> Path:
    weight = np.random.default_rng(0).integers(-60, 64, (10, 64)) * 2
    dense = Dense("out", (1, 8, 8), weight, neuron=Cuba(1024, 128, 40))
    netx.write(Network("digits", (dense,), timesteps=8), tmp_path / "digits.net")
    return tmp_path / "digits.net"


@needs_ray
@pytest.mark.slow
def test_evaluate_says_the_same_on_ray(net, cli) -> None:
    here = cli("evaluate", net, "--data", "digits", "--json")
    ray = cli("evaluate", net, "--data", "digits", "--json", "--on", "ray", "--workers", 2)
    assert here.code == ray.code == 0
    assert {**ray.json, "wall_time_s": 0} == {**here.json, "wall_time_s": 0}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--workers", 2), "--workers 2 is about Ray: add --on ray"),
        (("--address", "auto"), "--address auto is about Ray: add --on ray"),
        (("--on", "moon"), "--on 'moon': ray, or leave it out"),
    ],
)
def test_options_that_do_not_go_together(net, cli, options, said) -> None:
    outcome = cli("evaluate", net, "--data", "digits", *options)
    assert outcome.code == 2
    assert said in outcome.err


@pytest.mark.parametrize("package", ["ray", "optuna"])
def test_what_is_not_installed_is_named(recipe, cli, tmp_path, monkeypatch, package) -> None:
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == package:
            raise ImportError(f"No module named {package!r}")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    more = ("--on", "ray") if package == "ray" else ()
    search = ("--search", "connections=0.5:0.9")
    outcome = cli("study", recipe, "--trials", 1, "--out", tmp_path / "out", *search, *more)
    assert outcome.code == 2
    assert f"pip install 'loihi-sca[{package}]'" in outcome.err


@pytest.mark.parametrize("on", ["here", pytest.param("ray", marks=[needs_ray, pytest.mark.slow])])
def test_a_sweep_with_a_failed_run_shows_the_others_and_ends_with_1(
    recipe, cli, tmp_path, on
) -> None:
    out = tmp_path / "out"
    (out / "runs" / "dense-seed0" / "network.net").mkdir(parents=True)
    options = ("--budgets", "keep=0.5", "--out", out, "--samples", 2, "--profiles", "loihi2")
    more = ("--on", "ray", "--workers", 2) if on == "ray" else ()
    outcome = cli("sweep", recipe, *options, *more, "--json")
    assert outcome.code == 1
    assert outcome.json["runs"] == 1
    assert list(outcome.json["failed"]) == ["dense-seed0"]
    assert [row["budget"] for row in outcome.json["rows"]] == ["keep"]
    assert "dense-seed0 failed, InputError: " in outcome.err
    assert "error: 1 runs failed: dense-seed0." in outcome.err

    (out / "runs" / "dense-seed0" / "network.net").rmdir()
    again = cli("sweep", recipe, *options)
    assert again.code == 0
    assert "100.0 %" in again.out


@needs_optuna
def test_a_study_is_shown_drawn_and_written(recipe, cli, tmp_path) -> None:
    out = tmp_path / "out"
    search = ("--search", "connections=0.5:0.9", "--search", "criterion=sca,l1")
    options = ("--trials", 2, "--out", out, "--samples", 2)
    outcome = cli("study", recipe, *search, *options)
    assert outcome.code == 0
    assert "of 2 trials are on the front" in outcome.out
    assert (out / "front-energy.svg").read_text().startswith("<svg")
    written = json.loads((out / "front.json").read_text())
    again = cli("study", recipe, *search, *options, "--json")
    assert again.json["trials"] == 2
    assert again.json["front"] == written["front"]
    wrong = cli("study", recipe, *options, "--search", "learning=1:2")
    assert wrong.code == 2
    assert "did you mean" in wrong.err
