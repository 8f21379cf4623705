"""Binned recordings on disk: the same spikes, nothing decoded twice, nothing half-written."""

import os

import numpy as np
import pytest
from recorded import as_bin, as_heidelberg

from loihi_sca import data
from loihi_sca.data import decoders
from loihi_sca.errors import ConfigError, InputError

HOW = {"timesteps": 4, "camera": (6, 8), "window_ms": 5}


@pytest.fixture
def moves(tmp_path):
    for label in range(2):
        (tmp_path / "moves" / str(label)).mkdir(parents=True)
        for i in range(15):
            events = [(label * 4 + i % 3, i % 5, i % 2, 1000 * (k // 2)) for k in range(10)]
            (tmp_path / "moves" / str(label) / f"{i}.bin").write_bytes(as_bin(events))
    return tmp_path


@pytest.fixture
def decoded(monkeypatch):
    """Return the names of files that are decoded from now on."""
    names, decode = [], decoders.decode_bin

    def counted(content, name, size):
        names.append(name)
        return decode(content, name, size)

    monkeypatch.setitem(decoders.DECODERS, ".bin", counted)
    return names


def load(root, **how):
    return data.load("moves", root=root, **HOW | {"cache": root / "cache"} | how)


@pytest.mark.parametrize("how", [{}, {"binning": "count"}, {"downsample": 2}, {"counts": "graded"}])
def test_what_comes_from_the_cache_is_what_the_files_hold(how, moves, decoded) -> None:
    expected = data.load("moves", root=moves, **HOW, **how)
    spikes = expected.spikes()
    decoded.clear()
    first = load(moves, **how)
    assert len(decoded) == 24  # all that is not for testing
    assert np.array_equal(first.spikes(), spikes)
    again, validation = load(moves, **how), load(moves, split="validation", **how)
    assert np.array_equal(again.spikes(), spikes)
    assert (again.spikes().dtype, len(validation.spikes())) == (spikes.dtype, 2)
    assert len(decoded) == 24
    assert len(list((moves / "cache").iterdir())) == 1
    if how == {"counts": "graded"}:
        assert set(np.unique(spikes)) == {0, 2 * 64, 4 * 64}


def test_another_way_of_binning_or_another_file_is_another_cache(moves, decoded) -> None:
    load(moves)
    load(moves, downsample=2)
    load(moves, window_ms=4)
    load(moves, timesteps=5)
    assert len(list((moves / "cache").iterdir())) == 4
    decoded.clear()
    for path in (moves / "moves" / "0").iterdir():
        path.write_bytes(as_bin([(7, 5, 1, 0)]))
        os.utime(path, ns=(1, 1))
    changed = load(moves)
    assert changed.spikes()[:, :, 5, 7].sum() == (changed.labels == 0).sum()
    assert len(decoded) == 24


def test_damage_is_named_and_leaves_nothing_or_is_skipped(moves, decoded) -> None:
    for path in (moves / "moves" / "1").glob("1*.bin"):
        path.write_bytes(b"123")
    with pytest.raises(InputError, match="bin: 3 bytes are no whole number of events"):
        load(moves)
    assert list((moves / "cache").iterdir()) == []
    skipping = load(moves, skip_damaged=True)
    assert 1 <= len(skipping.skipped) <= 6
    decoded.clear()
    again = load(moves, skip_damaged=True)
    assert again.skipped == skipping.skipped
    assert len(decoded) == len(again.skipped)
    assert np.array_equal(again.spikes(), skipping.spikes())
    with pytest.raises(InputError, match="bin: 3 bytes are no whole number of events"):
        load(moves).spikes()


def test_a_cache_that_cannot_be_written_is_a_plain_error(moves) -> None:
    (moves / "file").touch()
    with pytest.raises(InputError, match=r"cannot create folder .*file/cache: Not a directory"):
        load(moves, cache=moves / "file" / "cache")
    closed = moves / "closed"
    closed.mkdir(mode=0o500)
    if os.access(closed, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(InputError, match=r"cannot write into folder .*closed: permission denied"):
        load(moves, cache=closed)
    assert list(closed.iterdir()) == []


def test_what_is_no_cache_of_these_is_not_read(moves) -> None:
    load(moves)
    [path] = (moves / "cache").iterdir()
    np.save(path, np.zeros((3, 4), np.uint8))
    with pytest.raises(InputError, match=r"\(3, 4\), must be uint8 of \(24, 49\).*delete it"):
        load(moves)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"not a \.npy array"):
        load(moves)


def test_images_have_none(tmp_path) -> None:
    with pytest.raises(ConfigError, match="holds no recordings of events"):
        data.load("digits", cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_sound_goes_into_it_too(tmp_path) -> None:
    as_heidelberg(tmp_path / "shd_test.h5", [[(3, 0.5)], [(4, 0.7), (4, 0.7)]], [0, 19])
    spikes = [
        data.load("shd", split="test", root=tmp_path, cache=cache, counts="graded").spikes()
        for cache in (None, tmp_path / "cache", tmp_path / "cache")
    ]
    assert np.array_equal(spikes[0], spikes[1])
    assert np.array_equal(spikes[0], spikes[2])
    assert spikes[0].max() == 128
