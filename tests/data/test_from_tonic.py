"""Datasets of tonic: their own files, read by tonic, binned here; and what is not there."""

import socket
import sys

import numpy as np
import pytest
from recorded import as_bin

from loihi_sca import data
from loihi_sca.data import from_tonic
from loihi_sca.errors import ConfigError, InputError


def nmnist(root) -> None:
    """Lay N-MNIST out as tonic leaves it: the archives, and what was in them."""
    for side in ("Train", "Test"):
        (root / "NMNIST").mkdir(exist_ok=True)
        (root / "NMNIST" / f"{side.lower()}.zip").touch()
        for label in range(10):
            folder = root / "NMNIST" / side / str(label)
            folder.mkdir(parents=True)
            # tonic takes it for unpacked where there are 10000
            for i in range(1000):
                events = [(label, i % 34, 1, 0), (3, 4, 0, 99_950)]
                folder.joinpath(f"{i:05}.bin").write_bytes(as_bin(events))


def test_no_tonic_and_no_such_dataset_are_named(tmp_path, monkeypatch) -> None:
    with pytest.raises(ConfigError, match=r"of tonic there are: ASLDVS, .*did you mean 'NMNIST'"):
        data.load("tonic:NMNST", root=tmp_path)
    monkeypatch.setitem(sys.modules, "tonic", None)
    with pytest.raises(InputError, match=r"cannot be imported .*loihi-sca\[tonic\]"):
        data.load("tonic:NMNIST", root=tmp_path)


@pytest.fixture
def tonic():
    return pytest.importorskip("tonic", reason="pip install 'loihi-sca[tonic]'")


@pytest.mark.parametrize("name", from_tonic.CLASSES)
def test_nothing_is_downloaded(name, tonic, tmp_path, monkeypatch) -> None:
    def connected(*_args, **_named):
        raise AssertionError("it reached for the net")

    monkeypatch.setattr(socket.socket, "connect", connected)
    monkeypatch.setattr(socket, "getaddrinfo", connected)
    with pytest.raises(InputError, match=f"tonic:{name}: ") as caught:
        data.load(f"tonic:{name}", root=tmp_path, binning="count", camera=(180, 240))
    assert f"{name}, or not all of them, and nothing is downloaded" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match=f"needs a folder with the folder {name}"):
        data.load(f"tonic:{name}")


def test_it_gives_what_our_own_reader_gives(tonic, tmp_path) -> None:
    nmnist(tmp_path)
    how = {"split": "test", "timesteps": 8, "window_ms": 100}
    theirs = data.load("tonic:NMNIST", root=tmp_path, **how)
    ours = data.load("nmnist", root=tmp_path / "NMNIST", **how)
    assert (theirs.shape, theirs.classes, len(theirs)) == ((2, 34, 34), 10, 10_000)
    assert np.array_equal(theirs.labels, ours.labels)
    assert np.array_equal(theirs.spikes(slice(200)), ours.spikes(slice(200)))
    cached = data.load("tonic:NMNIST", root=tmp_path, cache=tmp_path / "cache", **how)
    assert np.array_equal(cached.spikes(slice(200)), ours.spikes(slice(200)))
    with pytest.raises(ConfigError, match=r"data\.window_ms is missing"):
        data.load("tonic:NMNIST", split="test", root=tmp_path)
