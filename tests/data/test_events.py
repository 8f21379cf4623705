"""Datasets of recordings in their folders, and how events become spikes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import HEAD3, as_aedat2, as_aedat3, as_aedat4, as_bin, as_heidelberg, packet

from loihi_sca import data
from loihi_sca.config import DataConfig
from loihi_sca.data import count_events
from loihi_sca.data.event_sources import Kept
from loihi_sca.data.recordings import Recordings
from loihi_sca.errors import ConfigError, InputError

ONE = [(3, 30, 1, 100), (33, 2, 0, 250_000)]


def nmnist(root, classes=range(10), each: int = 1) -> None:
    for side in ("Train", "Test"):
        for label in classes:
            (root / side / str(label)).mkdir(parents=True)
            for i in range(each):
                events = [(label, i, 1, 100), (33, 2, 0, 250_000)]
                (root / side / str(label) / f"{i:05}.bin").write_bytes(as_bin(events))


def test_nmnist_as_it_is_published(tmp_path) -> None:
    nmnist(tmp_path / "N-MNIST", each=2)
    train = data.load("nmnist", root=tmp_path, timesteps=8)
    test = data.load("nmnist", root=tmp_path, split="test", timesteps=8)
    assert (len(train), len(test), test.shape) == (18, 20, (2, 34, 34))
    spikes = test.spikes()
    for label, sample in zip(test.labels, spikes, strict=True):
        [_, row, column, step], off = np.argwhere(sample[1:])[0], np.argwhere(sample[:1])
        assert (column, step) == (label, 0)
        assert row in (0, 1)
        assert off.tolist() == [[0, 2, 33, 6]]
    assert np.array_equal(test.spikes(), spikes)  # a second time, from what was kept
    assert np.array_equal(test.pick(slice(3, 7)).spikes(), spikes[3:7])


def test_nmnist_with_something_else_in_it_is_named(tmp_path) -> None:
    nmnist(tmp_path)
    (tmp_path / "Test" / "3" / "00000.bin").write_bytes(b"1234567")
    with pytest.raises(InputError, match=r"Test/3/00000\.bin: 7 bytes are no whole number"):
        data.load("nmnist", split="test", root=tmp_path).spikes()
    (tmp_path / "Test" / "3" / "00000.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"Test/3/00000\.bin: holds no events"):
        data.load("nmnist", split="test", root=tmp_path).spikes()
    (tmp_path / "Test" / "more").mkdir()
    with pytest.raises(InputError, match="more is no digit"):
        data.load("nmnist", split="test", root=tmp_path)
    (tmp_path / "Test" / "more").rename(tmp_path / "Test" / "01")
    with pytest.raises(InputError, match="01 is no digit"):
        data.load("nmnist", split="test", root=tmp_path)


def gestures(root, head: str = "class,startTime_usec,endTime_usec") -> None:
    folder = root / "DvsGesture"
    folder.mkdir()
    for trial, side in (("user01_led", "train"), ("user02_natural", "test")):
        events = [(5, 6, 1, 1000), (7, 8, 0, 2000), (9, 10, 1, 2999), (1, 1, 1, 5000)]
        (folder / f"{trial}.aedat").write_bytes(as_aedat3(events, each=1))
        (folder / f"{trial}_labels.csv").write_text(f"{head}\n1,1000,3000\n11,5000,9000\n")
        (folder / f"trials_to_{side}.txt").write_text(f"{trial}.aedat\n")


def test_gestures_are_cut_out_of_trials_by_their_labels(tmp_path) -> None:
    gestures(tmp_path)
    test = data.load("dvs_gesture", split="test", root=tmp_path, timesteps=4, window_ms=2)
    assert (test.shape, test.classes, sorted(test.labels)) == ((2, 128, 128), 11, [0, 10])
    [first, last] = test.spikes()[np.argsort(test.labels)]
    assert np.argwhere(first).tolist() == [[0, 8, 7, 2], [1, 6, 5, 0], [1, 10, 9, 3]]
    assert np.argwhere(last).tolist() == [[1, 1, 1, 0]]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("user02_natural_labels.csv", b"class,start\n", "its first line is 'class,start', must be"),
        ("user02_natural_labels.csv", None, "1 files are missing .*user02_natural_labels.csv"),
        ("user02_natural.aedat", None, "1 files are missing .*user02_natural.aedat"),
        ("user02_natural.aedat", b"", "user02_natural.aedat: is empty"),
        ("user02_natural.aedat", HEAD3, "1000 to 3000 us: holds no events, though its labels"),
        ("user02_natural.aedat", HEAD3 + packet(ONE)[:-1], "natural.aedat: ends within 2 events"),
        ("user02_natural_labels.csv", b"12,1,2", "class 12 from 1 to 2 us; classes are 1 to 11"),
        ("user02_natural_labels.csv", b"1,5,2", "class 1 from 5 to 2 us;.* ends after it starts"),
        ("user02_natural_labels.csv", b"1,x,2", "cannot read line '1,x,2'"),
        ("trials_to_test.txt", None, "dvs_gesture: no trials_to_test.txt in .*Put there"),
    ],
)
def test_damaged_gestures_are_named(file, content, message, tmp_path) -> None:
    gestures(tmp_path)
    path = tmp_path / "DvsGesture" / file
    if content is None:
        path.unlink()
    elif file.endswith("csv") and content[:1].isdigit():
        path.write_bytes(b"class,startTime_usec,endTime_usec\n" + content)
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        data.load("dvs_gesture", split="test", root=tmp_path).pick(np.array([0, 1])).spikes()


def test_cifar10_dvs_tests_on_the_first_hundred_of_each_class(tmp_path) -> None:
    from loihi_sca.data.cifar10 import CLASSES

    for label, name in enumerate(CLASSES):
        (tmp_path / name).mkdir()
        for number in (0, 99, 100, 101):
            events = [(label, number, 1, 0), (127, 0, 0, 900_000)]
            (tmp_path / name / f"cifar10_{name}_{number}.aedat").write_bytes(as_aedat2(events))
    test = data.load("cifar10_dvs", split="test", root=tmp_path, timesteps=13)
    assert (len(test), test.shape) == (20, (2, 128, 128))
    for label, sample in zip(test.labels, test.spikes(), strict=True):
        [off, on] = np.argwhere(sample).tolist()
        assert off == [0, 0, 127, 9]
        assert on in ([1, 0, label, 0], [1, 99, label, 0])
    assert len(data.load("cifar10_dvs", root=tmp_path)) == 18
    (tmp_path / "cat" / "other.aedat").write_bytes(b"")
    with pytest.raises(InputError, match=r"other\.aedat: has no number; files are called"):
        data.load("cifar10_dvs", root=tmp_path)
    (tmp_path / "cat" / "other.aedat").unlink()
    (tmp_path / "cat" / "cifar10_cat_0.aedat").unlink()
    content = as_aedat4([(7, 8, 1, 0), (9, 10, 0, 1_250_000)])
    (tmp_path / "cat" / "cifar10_cat_0.aedat4").write_bytes(content)  # as it is handed on today
    test = data.load("cifar10_dvs", split="test", root=tmp_path, timesteps=13)
    cats = test.spikes()[test.labels == CLASSES.index("cat")]
    assert [[1, 8, 7, 0], [0, 10, 9, 12]] in [sorted(np.argwhere(x).tolist())[::-1] for x in cats]


SPOKEN = [[(0, 0.0), (699, 0.5)], [(5, 0.25), (5, 0.2505), (6, 1.5)]]


@pytest.mark.parametrize(("name", "classes"), [("shd", 20), ("ssc", 35)])
def test_spoken_words_are_700_channels(name, classes, tmp_path) -> None:
    as_heidelberg(tmp_path / f"{name}_test.h5", SPOKEN, [classes - 1, 3])
    test = data.load(name, split="test", root=tmp_path, timesteps=14)
    assert (test.shape, test.classes) == ((700,), classes)
    assert data.shape_of(name) == ((700,), classes)
    [second, first] = test.spikes()[np.argsort(test.labels)]
    assert np.argwhere(first).tolist() == [[0, 0], [699, 5]]
    assert np.argwhere(second).tolist() == [[5, 2]]  # two in one step; the last comes too late
    count = count_events(test.samples, 14)
    assert (count.recorded, count.late, count.merged, count.spikes) == (5, 1, 1, 3)
    fewer = data.load(name, split="test", root=tmp_path, timesteps=14, downsample=5)
    assert fewer.shape == (140,)
    assert np.argwhere(fewer.spikes()[fewer.labels == classes - 1][0]).tolist() == [
        [0, 0],
        [139, 5],
    ]


def test_damaged_files_of_spoken_words_are_named(tmp_path) -> None:
    path = tmp_path / "shd_test.h5"
    path.write_bytes(b"no HDF5")
    with pytest.raises(InputError, match=r"shd_test\.h5: damaged, or not of the Spiking"):
        data.load("shd", split="test", root=tmp_path)
    as_heidelberg(path, SPOKEN, [1])
    with pytest.raises(InputError, match="2 lists of times, 2 of units and 1 labels"):
        data.load("shd", split="test", root=tmp_path)
    as_heidelberg(path, SPOKEN, [1, 20])
    with pytest.raises(InputError, match=r"shd \(test\): labels span 1 to 20, allowed is 0 to 19"):
        data.load("shd", split="test", root=tmp_path)
    as_heidelberg(path, [[(700, 0.0)], [(1, float("nan"))], []], [0, 1, 2])
    test = data.load("shd", split="test", root=tmp_path)
    for label, message in enumerate(
        ("columns 700 to 700", "times span nan", "0 times and 0 units")
    ):
        with pytest.raises(InputError, match=f"shd_test.h5, sample {label}: .*{message}"):
            test.pick(np.flatnonzero(test.labels == label)).spikes()
    with pytest.raises(InputError, match=r"shd: no shd_train\.h5 in .*Put there"):
        data.load("shd", root=tmp_path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="damaged, or not of"):
        data.load("shd", split="test", root=tmp_path).spikes()


EVENTS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(0, 1), st.integers(0, 5000)),
    min_size=1, max_size=40,
).map(lambda found: np.array(sorted(found, key=lambda e: e[3]), dtype=np.int32))  # fmt: skip


def seen(events: np.ndarray, **how) -> Recordings:
    source = Kept([events], ["here"])
    default = {"binning": "time", "window_us": 3000, "downsample": 1}
    return Recordings(source, np.arange(1), (5, 7), 3000).seen(**default | how)


@given(EVENTS, st.integers(1, 20), st.integers(1, 4), st.sampled_from(["time", "count"]))
def test_frames_sum_to_the_events(events, steps, downsample, binning) -> None:
    recordings = seen(events, binning=binning, downsample=downsample)
    counts, late = recordings.counts(0, steps)
    assert counts.shape == (*recordings.shape, steps)
    assert recordings.shape == (2, -(-5 // downsample), -(-7 // downsample))
    assert late == (events[:, 3] >= 3000).sum()
    assert counts.sum() + late == len(events)
    assert np.array_equal(recordings.encoded(slice(None), steps)[0], counts > 0)
    told = count_events(recordings, steps)
    assert told.recorded == told.late + told.merged + told.spikes == len(events)


@given(EVENTS, st.integers(1, 20))
def test_steps_of_equal_count_differ_by_one_event_at_most(events, steps) -> None:
    counts, late = seen(events, binning="count", window_us=None).counts(0, steps)
    per_step = counts.sum(axis=(0, 1, 2))
    assert late == 0
    assert per_step.max() - per_step.min() <= 1


@given(EVENTS, st.integers(1, 4))
def test_downsampling_adds_up_neighbours(events, factor) -> None:
    whole, _ = seen(events).counts(0, 3)
    padded = np.pad(whole, [(0, 0), (0, -5 % factor), (0, -7 % factor), (0, 0)])
    rows, columns = padded.shape[1] // factor, padded.shape[2] // factor
    expected = padded.reshape(2, rows, factor, columns, factor, 3).sum(axis=(2, 4))
    assert np.array_equal(seen(events, downsample=factor).counts(0, 3)[0], expected)


def test_an_event_of_a_third_polarity_is_not_dropped() -> None:
    with pytest.raises(InputError, match=r"here: .*in \(2, 5, 7, 3\)"):
        seen(np.array([[1, 1, 2, 0]], dtype=np.int32)).counts(0, 3)


def test_keys_of_recordings_are_refused_for_images_and_the_other_way_round(tmp_path) -> None:
    for key, value in (
        ("binning", "count"), ("window_ms", 3.0), ("downsample", 2), ("camera", (8, 8)),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=f"data.{key} = .*digits holds no recordings"):
            data.load("digits", **{key: value})
        with pytest.raises(ConfigError, match=f"data.{key} = .*digits holds no recordings"):
            data.shape_as(DataConfig(**{key: value}))
    nmnist(tmp_path)
    with pytest.raises(ConfigError, match="holds spikes already"):
        data.load("nmnist", root=tmp_path, encoding="direct")
    with pytest.raises(
        ConfigError, match=r"data\.camera = \(8, 8\): a timestep of nmnist is 2x34x34"
    ):
        data.load("nmnist", root=tmp_path, camera=(8, 8))
    assert data.load("nmnist", root=tmp_path, camera=(34, 34)).shape == (2, 34, 34)
    with pytest.raises(ConfigError, match="downsample: Input should be greater than 0"):
        data.load("nmnist", root=tmp_path, downsample=0)


def test_events_by_count_and_downsampled_from_a_recipe(tmp_path) -> None:
    nmnist(tmp_path)
    (tmp_path / "r.toml").write_text(
        f'name = "r"\n[data]\nname = "nmnist"\nroot = "{tmp_path}"\ntimesteps = 2\n'
        'binning = "count"\ndownsample = 2\n[model]\nlayers = [{type = "dense", neurons = 10}]\n'
    )
    from loihi_sca.config import load_recipe

    recipe = load_recipe(tmp_path / "r.toml")
    test = data.load(str(tmp_path / "r.toml"), split="test")
    assert data.shape_as(recipe.data) == data.shape_of(str(tmp_path / "r.toml"))
    assert (test.name, test.shape, test.timesteps) == ("nmnist", (2, 17, 17), 2)
    assert np.array_equal(test.spikes(), data.load_as(recipe.data, split="test").spikes())
    assert set(np.argwhere(test.spikes())[:, -1]) == {0, 1}


def test_damaged_recordings_are_left_out_on_request_and_counted(tmp_path) -> None:
    nmnist(tmp_path)
    for label in (3, 7):
        (tmp_path / "Test" / str(label) / "00000.bin").write_bytes(b"1234567")
    how = {"root": tmp_path, "split": "test", "timesteps": 4}
    with pytest.raises(InputError, match="7 bytes are no whole number"):
        data.load("nmnist", **how).spikes()
    test = data.load("nmnist", skip_damaged=True, **how)
    assert sorted(test.labels) == [0, 1, 2, 4, 5, 6, 8, 9]
    assert len(test.spikes()) == 8
    assert len(test.skipped) == 2
    assert "Test/3/00000.bin: 7 bytes" in test.skipped[0]
    for label in range(10):
        (tmp_path / "Test" / str(label) / "00000.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"nmnist: all 10 recordings are damaged: .*no events"):
        data.load("nmnist", skip_damaged=True, **how)
    with pytest.raises(ConfigError, match=r"data\.skip_damaged = True: digits holds no"):
        data.load("digits", skip_damaged=True)
