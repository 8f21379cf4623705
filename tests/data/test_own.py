"""Data of one's own: files and functions, and what is refused."""

import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest

from loihi_sca import data
from loihi_sca.data import encoders
from loihi_sca.errors import ConfigError, InputError

COUNT = itertools.count()


def spikes(n: int = 20, steps: int = 6) -> np.ndarray:
    return (np.random.default_rng(0).random((n, 2, 4, 5, steps)) < 0.3).astype(np.uint8)


def labels(n: int = 20) -> np.ndarray:
    return np.arange(n) % 3


def whole(**changes: np.ndarray) -> dict[str, np.ndarray]:
    arrays = {"x_train": spikes(), "y_train": labels(), "x_test": spikes(9), "y_test": labels(9)}
    return {k: v for k, v in (arrays | changes).items() if v is not None}


def module(folder: Path, code: str) -> str:
    name = f"own_data_{next(COUNT)}"
    (folder / f"{name}.py").write_text(f"import numpy as np\n{code}\n")
    return f"{name}:load"


def test_a_file_with_both_sides_gives_what_is_in_it(tmp_path) -> None:
    np.savez(tmp_path / "mine.npz", **whole())
    parts = {s: data.load("mine.npz", split=s, root=tmp_path) for s in data.SPLITS}
    assert {s: len(p) for s, p in parts.items()} == {"train": 18, "validation": 2, "test": 9}
    assert data.shape_of("mine.npz", tmp_path) == ((2, 4, 5), 3)
    test = parts["test"]
    assert (test.shape, test.classes, test.timesteps) == ((2, 4, 5), 3, 6)
    order = test.samples.order
    assert np.array_equal(test.spikes(), spikes(9)[order])
    assert np.array_equal(test.labels, labels(9)[order])
    train = [*parts["train"].samples.order, *parts["validation"].samples.order]
    assert sorted(train) == list(range(20))


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_a_file_with_one_side_is_divided_the_same_way_for_every_seed(kind, tmp_path) -> None:
    x = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 3), np.uint8)
    if kind == "npz":
        np.savez(tmp_path / "mine.npz", x=x, y=labels())
    else:
        np.save(tmp_path / "mine.npy", x.astype(np.float32) / 255)
        np.save(tmp_path / "mine.labels.npy", labels())
    found = {
        (split, seed): data.load(f"mine.{kind}", split=split, root=tmp_path, seed=seed)
        for split in ("train", "validation", "test")
        for seed in (0, 1)
    }
    numbers = {
        k: {round(float(v) * 255 / d.samples.full) for v in d.samples.values[:, 0, 0, 0]}
        for k, d in found.items()
    }
    assert numbers["test", 0] == numbers["test", 1]
    assert len(numbers["test", 0]) == 4
    assert numbers["validation", 0] != numbers["validation", 1]
    for seed in (0, 1):
        sides = [numbers[split, seed] for split in ("train", "validation", "test")]
        assert set.union(*sides) == set(range(20))
        assert sum(map(len, sides)) == 20
    assert found["train", 0].timesteps == 16
    assert found["train", 0].spikes().shape == (15, 1, 3, 3, 16)


def test_a_function_is_called_once_per_side(tmp_path) -> None:
    name = module(
        tmp_path,
        "calls = []\n"
        "def load(split):\n"
        "    calls.append(split)\n"
        "    g = np.random.default_rng()\n"
        "    return g.random((40, 1, 3, 3)), np.arange(40) % 4, 7",
    )
    parts = [data.load(name, split=s, root=tmp_path) for s in ("train", "validation", "test")]
    assert {part.classes for part in parts} == {7}
    import sys

    assert sys.modules[name.partition(":")[0]].calls == ["train", "test"]
    train, validation = ({bytes(v) for v in part.samples.values} for part in parts[:2])
    assert len(train | validation) == 40


def test_a_file_that_changes_is_read_again(tmp_path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, **whole())
    assert data.shape_of(str(path))[0] == (2, 4, 5)
    np.savez(path, **whole(x_train=spikes()[:, :1], x_test=spikes(9)[:, :1]))
    assert data.shape_of(str(path))[0] == (1, 4, 5)


def test_values_drive_the_input_where_images_are_encoded_directly(tmp_path) -> None:
    images = np.random.default_rng(0).random((20, 1, 3, 3))
    np.savez(tmp_path / "mine.npz", x=images, y=labels())
    found = data.load("mine.npz", root=tmp_path, encoding="direct", timesteps=2)
    assert found.samples.are_mantissas
    assert 1 < found.spikes().max() <= 64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": labels(9) + 1}, r"labels span 1 to 3, allowed is 0 to 2"),
        ({"y_train": labels() - 1}, r"labels span -1 to 1, allowed is 0 to 65535: one output"),
        ({"y_train": labels() + 10**8}, r"labels span 100000000 to .* Number the classes from 0"),
        ({"classes": np.array(2)}, r"labels span 0 to 2, allowed is 0 to 1"),
        ({"classes": np.array(2.5)}, r"classes must be a whole number from 1 to 65536"),
        ({"classes": np.array(10**9)}, r"classes must be a whole number from 1 to 65536"),
        ({"y_train": labels().astype(float)}, r"labels to train must be integers .* got float64"),
        ({"y_train": labels()[:, None]}, r"labels to train .* of shape \(20, 1\)"),
        ({"y_train": labels(19)}, r"20 samples of shape .* but 19 labels"),
        ({"x_train": spikes(0), "y_train": labels(0)}, r"0 samples of shape .*at least one"),
        ({"x_train": spikes()[..., 0, 0, 0]}, r"images \(N, C, H, W\), got shape \(20, 2\)"),
        ({"x_train": spikes() * 3}, r"spikes must be 0 or 1, got values from 0 to 3"),
        ({"x_train": spikes() * 0.5}, r"spikes must be 0 or 1, got values from 0.0 to 0.5"),
        ({"x_train": spikes() * 1j}, r"spikes must be integers, got complex128"),
        ({"x_train": spikes()[..., 0].astype(int)}, r"images must be float .* got int64"),
        ({"x_train": spikes()[..., 0] * 1.5}, r"images must have values from 0 to 1, got 0 to 1.5"),
        ({"x_train": spikes()[..., 0] * np.nan}, r"images must have values from 0 to 1"),
        ({"x_test": spikes(9)[:, :1]}, r"to test with are \(1, 4, 5\), .* train on \(2, 4, 5\)"),
        ({"x_test": None}, r"has no x_test; there are x_train, y_test, y_train"),
        ({"x_train": None, "y_train": None}, r"has no x_train, y_train; there are x_test, y_test"),
    ],
)
def test_what_a_file_may_not_hold_is_named(changes, message, tmp_path) -> None:
    np.savez(tmp_path / "mine.npz", **whole(**changes))

    def load_both() -> None:
        for split in ("test", "train"):
            data.load("mine.npz", split=split, root=tmp_path)

    with pytest.raises(InputError, match=f"mine.npz.*: .*{message}"):
        load_both()


@pytest.mark.parametrize("seed", [-1, 0.5, 1 << 64])
def test_a_seed_that_is_none_is_named(seed) -> None:
    with pytest.raises(ConfigError, match=f"seed = {seed}: a whole number from 0"):
        data.load("digits", seed=seed)


def test_pickles_are_not_read(tmp_path) -> None:
    np.savez(tmp_path / "a.npz", **whole(x_train=np.array([{}], dtype=object)))
    (tmp_path / "b.npz").write_bytes(pickle.dumps(whole()))
    np.save(tmp_path / "c.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "c.labels.npy", labels())
    for name in ("a.npz", "b.npz", "c.npy"):
        with pytest.raises(InputError, match=r"pickle|Object arrays"):
            data.load(name, root=tmp_path)
    with pytest.raises(ConfigError, match=r"no dataset 'mine\.pkl'.*Your own are module:function"):
        data.load("mine.pkl")


def test_files_that_are_not_there_or_damaged_are_named(tmp_path) -> None:
    with pytest.raises(InputError, match=r"gone.npz: no such file"):
        data.load("gone.npz", root=tmp_path)
    np.save(tmp_path / "gone.labels.npy", labels())
    with pytest.raises(InputError, match=r"gone.npy: no such file"):
        data.load("gone.npy", root=tmp_path)
    np.save(tmp_path / "alone.npy", spikes())
    with pytest.raises(InputError, match=r"no labels; put them into alone.labels.npy"):
        data.load("alone.npy", root=tmp_path)
    np.savez(tmp_path / "cut.npz", **whole())
    raw = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(InputError, match=r"cut.npz: not an .npz archive, or damaged"):
        data.load("cut.npz", root=tmp_path)
    np.save(tmp_path / "array.npz.npy", spikes())
    (tmp_path / "array.npz.npy").rename(tmp_path / "array.npz")
    with pytest.raises(InputError, match=r"array.npz: not an .npz archive"):
        data.load("array.npz", root=tmp_path)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def load(): pass", r"is called and returns .*got NoneType"),
        ("def load(split): 1 / 0", r"raised ZeroDivisionError: division by zero"),
        ("def load(split): return 3", r"returns samples and labels.*got int"),
        ("def load(split): return {'x': 1}", r"got dict of 1"),
        ("def load(split): return [[1], [2, 3]], [0, 1]", r"samples are no array|must be spikes"),
        ("load = 3", r"is no function, but int"),
    ],
)
def test_functions_that_do_something_else_are_named(code, message, tmp_path) -> None:
    with pytest.raises(InputError, match=message):
        data.load(module(tmp_path, code), root=tmp_path)


def test_modules_that_are_not_there_are_named(tmp_path) -> None:
    with pytest.raises(ConfigError, match="No module named 'no_such_module'"):
        data.load("no_such_module:load", root=tmp_path)
    name = module(tmp_path, "").replace(":load", ":other")
    with pytest.raises(ConfigError, match="has no attribute 'other'"):
        data.load(name, root=tmp_path)


def test_recorded_spikes_have_their_own_time_and_encoding(tmp_path) -> None:
    np.savez(tmp_path / "mine.npz", **whole())
    with pytest.raises(ConfigError, match="have 6 timesteps, and 16 are asked for"):
        data.load("mine.npz", root=tmp_path, timesteps=16)
    with pytest.raises(ConfigError, match=r"holds spikes already\. Leave the key out"):
        data.load("mine.npz", root=tmp_path, encoding="direct")


def test_a_function_that_knows_no_splits_is_divided_like_a_file(tmp_path) -> None:
    name = module(tmp_path, "def load(): return np.ones((20, 2, 3, 3)), np.arange(20) % 4")
    parts = [data.load(name, split=s, root=tmp_path) for s in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [15, 1, 4]
    np.savez(tmp_path / "mine.npz", x=np.ones((20, 2, 3, 3)), y=np.arange(20) % 4)
    filed = data.load("mine.npz", split="test", root=tmp_path)
    assert np.array_equal(filed.labels, parts[2].labels)


def test_spikes_may_come_without_rows_and_columns(tmp_path) -> None:
    flat = spikes().reshape(20, 40, 6)
    np.savez(tmp_path / "mine.npz", x=flat, y=labels())
    found = data.load("mine.npz", split="test", root=tmp_path)
    assert (found.shape, found.timesteps) == ((40,), 6)
    sums = {(n, int(x.sum())) for n, x in zip(labels(), flat, strict=True)}
    assert {(n, int(x.sum())) for n, x in zip(found.labels, found.spikes(), strict=True)} <= sums
    flat[7, 3, 2] = 255  # in any sample
    np.savez(tmp_path / "mine.npz", x=flat, y=labels())
    with pytest.raises(InputError, match="spikes must be 0 or 1, got values from 0 to 255"):
        data.load("mine.npz", split="test", root=tmp_path)


def test_values_with_time_are_encoded_as_changes(tmp_path) -> None:
    rng = np.random.default_rng(0)
    x = np.clip(rng.normal(0.5, 0.2, (20, 3, 40)), 0, 1)
    np.savez(tmp_path / "mine.npz", x=x, y=labels())
    how = {"root": tmp_path, "encoding": "delta", "split": "test"}
    found = data.load("mine.npz", **how)
    assert (found.shape, found.timesteps) == ((6,), 40)
    spikes = found.spikes()
    assert 0 < spikes.mean() < 1
    values = found.samples.values[found.samples.order]
    rises, falls = encoders.delta(values, 0.1)
    assert np.array_equal(spikes, np.concatenate([rises, falls], axis=1))
    assert np.array_equal(found.first(2).spikes(), spikes[:2])
    (tmp_path / "r.toml").write_text(
        f'name = "r"\n[data]\nname = "mine.npz"\nroot = "{tmp_path}"\ntimesteps = 40\n'
        'encoding = "delta"\nthreshold = 0.2\n[model]\nlayers = [{type = "dense", neurons = 3}]\n'
    )
    fewer = data.load(str(tmp_path / "r.toml"), split="test")
    assert 0 < fewer.spikes().sum() < spikes.sum()
    assert data.shape_of(str(tmp_path / "r.toml")) == ((6,), 3)
    with pytest.raises(ConfigError, match="have 40 timesteps, and 16 are asked for"):
        data.load("mine.npz", timesteps=16, **how)
    for call in (data.load, data.shape_of):
        with pytest.raises(InputError, match=r"spikes must be 0 or 1.*data\.encoding = \"delta\""):
            call("mine.npz", root=tmp_path)


def counts(n: int = 20, most: int = 3) -> np.ndarray:
    return np.random.default_rng(1).integers(0, most, (n, 2, 4, 5, 6), endpoint=True)


def test_counts_are_refused_clipped_or_graded(tmp_path) -> None:
    np.savez(tmp_path / "mine.npz", x=counts(), y=labels())
    with pytest.raises(InputError, match=r'from 0 to 3\. Counts: clip them, data\.counts = "clip"'):
        data.load("mine.npz", root=tmp_path)
    clipped = data.load("mine.npz", root=tmp_path, counts="clip")
    given = clipped.samples.values[clipped.samples.order]
    assert given.max() == 3
    assert np.array_equal(clipped.spikes(), np.minimum(given, 1))
    assert (clipped.spikes().dtype, clipped.samples.are_mantissas) == (np.uint8, False)
    graded = data.load("mine.npz", root=tmp_path, counts="graded")
    assert np.array_equal(graded.spikes(), 64 * given)
    assert (graded.spikes().dtype, graded.samples.are_mantissas) == (np.int32, True)
    assert data.describe(graded).how == "counts as given"


def test_more_counts_than_drive_a_neuron_are_named(tmp_path) -> None:
    np.savez(tmp_path / "mine.npz", x=counts(most=64), y=labels())
    graded = data.load("mine.npz", root=tmp_path, counts="graded")
    with pytest.raises(InputError, match=r'64 events at one place .* at most 63 .*counts = "clip"'):
        graded.spikes()


@pytest.mark.parametrize("kind", ["images", "courses", "negative"])
def test_counts_are_of_spikes_and_of_nothing_else(kind, tmp_path) -> None:
    x = {"images": spikes()[..., 0] * 1.0, "courses": spikes() * 0.5, "negative": -counts()}[kind]
    np.savez(tmp_path / "mine.npz", x=x, y=labels())
    more = {"encoding": "delta"} if kind == "courses" else {}
    said = "spikes must be 0 or 1, got values from -3" if kind == "negative" else "holds no spikes"
    with pytest.raises((ConfigError, InputError), match=said):
        data.load("mine.npz", root=tmp_path, counts="graded", **more)
