"""Which Python runs Lava: found in order, asked in isolation, refused with what it lacks."""

from __future__ import annotations

import importlib.metadata
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loihi_sca import lava_install, lava_python
from loihi_sca.engine import lava_cpu, reference
from loihi_sca.errors import BackendError, ConfigError
from loihi_sca.network import Cuba, Dense, Network
from loihi_sca.toml_files import tomllib
from loihi_sca.versions import versions

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch, tmp_path):
    """No sidecar, no choice, and nothing remembered from the test before."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv(lava_python.VARIABLE, raising=False)
    lava_python.probe.cache_clear()
    yield
    lava_python.probe.cache_clear()


def environment(folder, *, with_ours=False, **releases):
    """Make an environment without pip: with our packages, or with releases of a name only."""
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, timeout=120)
    (packages,) = folder.glob("lib/python*/site-packages")
    if with_ours:
        found = {str(Path(p).parent) for p in map(_place, lava_python.NEEDS) if p}
        found |= {p for p in sys.path if p.endswith("site-packages")}
        (packages / "ours.pth").write_text("\n".join(sorted(found)))
    for name, version in releases.items():
        info = packages / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return folder / "bin" / "python"


def _place(name):
    try:
        return importlib.metadata.distribution(name).locate_file("x")
    except importlib.metadata.PackageNotFoundError:
        return None


@pytest.mark.lava
def test_this_environment_comes_before_the_sidecar():
    found = lava_python.find()
    assert found.place == "this environment"
    assert {n: found.packages[n] for n in lava_python.RELEASES} == lava_python.RELEASES
    assert versions()["lava"] == str(found)


def test_what_each_python_lacks_is_said(monkeypatch, tmp_path):
    bare = environment(tmp_path / "bare")
    environment(lava_python.sidecar_folder(), lava_dl="0.5.0", lava_nc="0.10.0")
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(BackendError) as refused:
        lava_python.find()
    here, sidecar = str(refused.value).split(" sidecar (")
    assert "this environment (Python" in here
    assert "no lava-dl, no lava-nc, no asteval" in here
    assert "has lava-dl 0.5.0 instead of 0.6.0, no asteval" in sidecar
    assert "`loihi-sca lava install`" in sidecar
    assert "lava" not in versions()


def program(folder, line):
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return str(path)


def test_a_named_python_that_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv(lava_python.VARIABLE, "no/such/python")
    with pytest.raises(BackendError, match=r"LAVA_PYTHON: .*no/such/python is no Python"):
        lava_python.find()
    monkeypatch.setenv(lava_python.VARIABLE, program(tmp_path, "echo hello"))
    with pytest.raises(BackendError, match="is no Python that runs"):
        lava_python.find()


@pytest.mark.lava
def test_a_named_python_may_be_relative_to_the_current_folder(monkeypatch):
    monkeypatch.chdir(sys.prefix)
    monkeypatch.setenv(lava_python.VARIABLE, "bin/python")
    assert lava_python.find().executable == str(Path(sys.prefix, "bin", "python"))


@pytest.mark.lava
def test_the_sidecar_runs_lava(monkeypatch, tmp_path):
    bare = environment(tmp_path / "bare")
    environment(lava_python.sidecar_folder(), with_ours=True)
    monkeypatch.setattr(sys, "executable", str(bare))
    assert lava_python.find().place == "sidecar"
    rng = np.random.default_rng(0)
    neuron = Cuba(current_decay=1024, voltage_decay=128, threshold=60)
    network = Network("net", (Dense("d", (5,), 2 * rng.integers(-60, 70, (4, 5)), neuron=neuron),))
    data = rng.integers(0, 2, (2, 5, 9))
    expected = reference.run(network, data).spikes
    assert expected.any()
    np.testing.assert_array_equal(lava_cpu.run(network, data).spikes, expected)


def test_an_installation_that_fails_goes_on_where_it_was(monkeypatch):
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": "", "CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    steps = lava_install.plan_sidecar(sys.executable)
    told = []
    with pytest.raises(BackendError, match=r"what Lava needs: .*No matching distribution.*go on"):
        lava_install.execute(steps, "sidecar", told.append)
    assert told == [step.what for step in steps[:2]]
    left = lava_install.plan_sidecar(sys.executable)
    assert [step.what for step in left] == [*told[1:], steps[-1].what]
    lava_install.remove_sidecar()
    assert not lava_python.sidecar_folder().exists()


def test_a_wheel_that_is_another_is_refused(monkeypatch, tmp_path):
    python = environment(lava_python.sidecar_folder())
    subprocess.run([python, "-m", "ensurepip"], check=True, capture_output=True, timeout=120)
    (tmp_path / "wheels").mkdir()
    for name, version in lava_python.RELEASES.items():
        plain = name.replace("-", "_")
        (tmp_path / "wheels" / f"{plain}-{version}-py3-none-any.whl").write_bytes(b"not Lava")
    for name, value in {"NO_INDEX": "1", "CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    last = lava_install.plan_sidecar(None)[-1]
    with pytest.raises(BackendError, match=r"without what they ask for: .*(HASHES|hash)"):
        lava_install.execute([last], "sidecar", print)


def test_a_sidecar_of_another_python_is_not_replaced_unasked(tmp_path):
    python = environment(lava_python.sidecar_folder())
    subprocess.run([python, "-m", "ensurepip"], check=True, capture_output=True, timeout=120)
    other = program(tmp_path, """echo '{"python": "3.9.1", "packages": {}}'""")
    with pytest.raises(ConfigError, match=r"there is a sidecar.* --python is 3\.9\.1.*uninstall"):
        lava_install.plan_sidecar(other)


def test_only_what_was_put_in_and_nobody_needs_is_taken_out(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert lava_install.to_remove() == []
    receipt = {"schema": 1, "installed": ["lava-nc", "numpy", "pytest"]}
    (tmp_path / lava_install.RECEIPT).write_text(json.dumps(receipt))
    assert lava_install.installed_by_us() == ["lava-nc", "numpy"]  # pytest is none of ours
    assert "numpy" not in lava_install.to_remove()


def test_the_command_shows_and_asks(cli, monkeypatch):
    shown = cli("lava", "install", "--sidecar", "--python", sys.executable, "--dry-run")
    assert shown.code == 0, shown.err
    assert "-m venv --clear" in shown.out
    assert "--no-deps --ignore-requires-python --require-hashes" in shown.out
    assert not lava_python.sidecar_folder().exists()
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    refused = cli("lava", "install", "--sidecar", "--python", sys.executable)
    assert (refused.code, "say --yes" in refused.err) == (2, True)
    assert not lava_python.sidecar_folder().exists()
    assert cli("lava", "uninstall", "--sidecar", "--yes").code == 2


def test_doctor_names_the_python_that_runs_lava(cli, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(environment(tmp_path / "bare")))
    without = cli("doctor", "--json").json
    assert (without["can_run_lava"], without["lava"]) == (False, None)
    environment(lava_python.sidecar_folder(), **dict.fromkeys(lava_python.NEEDS, "1.0"),
                lava_dl="0.6.0", lava_nc="0.10.0")  # fmt: skip
    found = cli("doctor", "--json").json
    assert found["can_run_lava"]
    assert found["lava"]["place"] == "sidecar"
    assert found["lava"]["packages"]["lava-nc"] == "0.10.0"


def test_the_extra_names_what_lava_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    listed = project["dependencies"] + project["optional-dependencies"]["lava"]
    assert {re.split(r"[^\w-]", line)[0] for line in listed} >= set(lava_python.NEEDS)


@pytest.mark.parametrize("command", [["check", "digits"], ["train", "digits", "--out", "run"]])
def test_without_torch_every_command_says_how_to_get_it(command, tmp_path):
    script = "import sys; sys.modules['torch'] = None; from loihi_sca.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", script, *command], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.returncode == 1
    assert "pip install 'loihi-sca[train]'" in " ".join(done.stderr.split())
    assert "internal error" not in done.stderr
