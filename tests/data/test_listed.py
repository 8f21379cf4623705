"""A folder per class, and CSV files of paths and labels."""

import itertools

import numpy as np
import pytest
from PIL import Image
from recorded import as_bin

from loihi_sca import data
from loihi_sca.data.listed import _in_order
from loihi_sca.errors import ConfigError, InputError


def save_image(path, value: int, *, mode: str = "L", size=(6, 5)) -> None:
    """Save an image all of whose pixels, in the first colour, have a value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = value if mode == "L" else (value, 0, 255, 255)[: len(mode)]
    Image.new(mode, size, colour).save(path)


def folder(root, sides=("train", "test"), classes=("cat", "dog"), count: int = 10, **how):
    for side in sides:
        for label, name in enumerate(classes):
            for i in range(count):
                save_image(root / side / name / f"{i}.png", 100 * label + i, **how)
    return root


def values(dataset) -> set[int]:
    return set(dataset.samples.values[:, 0, 0, 0].tolist())


def test_a_folder_per_class_of_either_side(tmp_path) -> None:
    folder(tmp_path / "pets")
    parts = {s: data.load("pets", split=s, root=tmp_path) for s in data.SPLITS}
    assert {s: len(p) for s, p in parts.items()} == {"train": 18, "validation": 2, "test": 20}
    assert data.shape_of("pets", tmp_path) == ((1, 5, 6), 2)
    test = parts["test"]
    assert (test.shape, test.classes, test.spikes().shape) == ((1, 5, 6), 2, (20, 1, 5, 6, 16))
    assert np.array_equal(test.samples.values[:, 0, 0, 0] >= 100, test.labels == 1)
    assert values(parts["train"]) | values(parts["validation"]) == values(test)
    named = data.load(str(tmp_path / "pets"), split="test")
    assert np.array_equal(named.samples.values, test.samples.values)


def test_a_folder_of_classes_is_divided_in_a_fixed_way(tmp_path) -> None:
    folder(tmp_path, sides=("pets",), classes=("2", "10"), mode="RGB")
    parts = [data.load("pets", split=s, root=tmp_path) for s in data.SPLITS]
    assert [len(p) for p in parts] == [15, 1, 4]
    assert parts[0].shape == (3, 5, 6)
    assert set().union(*map(values, parts)) == {*range(10), *range(100, 110)}
    for part in parts:  # "2" comes before "10"
        assert np.array_equal(part.samples.values[:, 0, 0, 0] >= 100, part.labels == 1)


def test_a_grey_image_among_others_becomes_one_in_colour(tmp_path) -> None:
    folder(tmp_path, sides=("pets",), mode="RGB", count=5)
    save_image(tmp_path / "pets" / "cat" / "0.png", 9)
    assert data.shape_of("pets", tmp_path)[0] == (3, 5, 6)
    for split in data.SPLITS[::2]:
        assert data.load("pets", split=split, root=tmp_path).shape == (3, 5, 6)


def test_recordings_in_a_folder_say_what_the_camera_was(tmp_path) -> None:
    for label in range(2):
        for i in range(10):
            path = tmp_path / "moves" / f"class{label}" / f"{i}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(as_bin([(label, i, 1, 5000 + i), (8, 9, 0, 9000 + i)]))
    how = {"root": tmp_path, "camera": (10, 12), "timesteps": 4, "split": "test"}
    test = data.load("moves", window_ms=8, **how)
    assert (test.shape, test.classes, len(test)) == ((2, 10, 12), 2, 4)
    for label, sample in zip(test.labels, test.spikes(), strict=True):
        off, on = np.argwhere(sample).tolist()
        assert off == [0, 9, 8, 2]  # 4 ms after the first event
        assert on[2:] == [label, 0]
    assert data.load("moves", binning="count", **how).spikes().sum() == 8
    with pytest.raises(ConfigError, match=r"data\.window_ms is missing"):
        data.load("moves", **how)
    with pytest.raises(ConfigError, match=r"moves: data\.camera is missing"):
        data.load("moves", root=tmp_path, window_ms=8)
    with pytest.raises(InputError, match=r"\.bin: events lie outside the camera of 8x8"):
        data.load("moves", window_ms=8, **how | {"camera": (8, 8)}).spikes()
    save_image(tmp_path / "moves" / "class0" / "1.png", 3)
    with pytest.raises(InputError, match=r"1\.png is an image, .*0\.bin a recording"):
        data.load("moves", window_ms=8, **how)


def test_classes_of_one_number_are_in_one_order_however_a_set_lists_them() -> None:
    """A set of texts lists them in another order in every process."""
    for names in itertools.permutations(["1", "01", "10", "2", "cat"]):
        assert sorted(names, key=_in_order) == ["01", "1", "2", "10", "cat"]


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("cat/3.png", b"no image", r"3\.png: not an image, or damaged"),
        ("cat/3.txt", b"notes", r"3\.txt: neither an image .* nor a recording .*, by the ending"),
        ("cow/.hidden", b"", None),
    ],
)
def test_what_is_no_image_is_named(path, content, message, tmp_path) -> None:
    folder(tmp_path, sides=("pets",))
    (tmp_path / "pets" / path).parent.mkdir(exist_ok=True)
    (tmp_path / "pets" / path).write_bytes(content)
    if message is None:
        assert data.shape_of("pets", tmp_path) == ((1, 5, 6), 3)
        return
    with pytest.raises(InputError, match=message):
        data.load("pets", root=tmp_path)


def test_images_of_another_size_or_depth_are_named(tmp_path) -> None:
    folder(tmp_path, sides=("pets",))
    save_image(tmp_path / "pets" / "dog" / "99.png", 3, size=(7, 5))
    for load in (data.load, data.shape_of):
        with pytest.raises(InputError, match=r"99\.png: 7x5 pixels, .*png has 6x5\. Give all one"):
            load("pets", root=tmp_path)
    Image.fromarray(np.zeros((5, 6), np.uint16)).save(tmp_path / "pets" / "dog" / "99.png")
    with pytest.raises(InputError, match=r"99\.png: pixels of kind 'I;16'; read are 8 bits"):
        data.load("pets", root=tmp_path)


def test_a_cut_off_image_is_named(tmp_path) -> None:
    folder(tmp_path, sides=("pets",))
    rng = np.random.default_rng(0)
    for path in (tmp_path / "pets" / "dog").iterdir():
        Image.fromarray(rng.integers(0, 256, (5, 6), dtype=np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"dog/\d\.png: not an image, or damaged"):
        data.load("pets", root=tmp_path)


def test_sides_have_the_same_classes_and_samples(tmp_path) -> None:
    folder(tmp_path / "pets")
    folder(tmp_path / "pets", sides=("train",), classes=("cow",))
    with pytest.raises(InputError, match=r"pets/test: there is no folder for cow"):
        data.load("pets", root=tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: lists no files"):
        data.load("empty", root=tmp_path)


def csv(root, text: str) -> None:
    folder(root, sides=("images",))
    (root / "mine.csv").write_text(text)


def listed(sides=("",), names=("cat", "dog"), head: str = "path,label") -> str:
    rows = [
        f"images/{('cat', 'dog')[label]}/{i}.png,{names[label]}{f',{side}' if side else ''}"
        for label in range(2)
        for i in range(10)
        for side in sides[i % len(sides) : i % len(sides) + 1]
    ]
    return "\n".join([head + (",split" if sides[0] else ""), *rows]) + "\n"


@pytest.mark.parametrize("names", [("cat", "dog"), ("0", "1")])
def test_a_csv_lists_files_and_labels(names, tmp_path) -> None:
    csv(tmp_path, listed(names=names))
    parts = [data.load("mine.csv", split=s, root=tmp_path) for s in data.SPLITS]
    assert [len(p) for p in parts] == [15, 1, 4]
    for part in parts:
        assert np.array_equal(part.samples.values[:, 0, 0, 0] >= 100, part.labels == 1)


def test_a_csv_may_say_which_files_test(tmp_path) -> None:
    csv(tmp_path, "\ufeff" + listed(sides=("train", "test")))
    test = data.load(str(tmp_path / "mine.csv"), split="test")
    assert values(test) == {1, 3, 5, 7, 9, 101, 103, 105, 107, 109}
    csv(tmp_path, listed(sides=("train",)))
    with pytest.raises(InputError, match=r"mine\.csv: none of its 20 files is to test"):
        data.load("mine.csv", split="test", root=tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,class\n", "its first line is 'file,class', must be 'path,label'"),
        ("", "its first line is ''"),
        ("path,label\n", "lists no files"),
        ("path,label\na.png,1,2\n", "line 2: 'a.png,1,2'; needs path, label"),
        (f"path,label\n{'a' * 140_000},1\n", "field larger than field limit .*; needs lines of"),
        ("path,label\na.png,\n", "line 2: 'a.png,'"),
        ("path,label,split\n\na.png,1,dev\n", r"line 3: .*; needs path, label, split \(train or"),
        ("path,label\na.png,-1\nb.png,1\n", "labels span -1 to 1, allowed is 0 to"),
        ("path,label\na.png,0\nb.png,100000000\n", "labels span 0 to 100000000, allowed is 0 to"),
        (
            f"path,label\na.png,0\nb.png,{'9' * 5000}\n",
            "labels span 0 to 9+, allowed is 0 to 65535",
        ),
        (
            "path,label\nimages/cat/0.png,0\n" + "".join(f"no{i}.png,0\n" for i in range(12)),
            r"12 of 13 files that it lists are missing: .*no0\.png, .*no9\.png and 2 more",
        ),
        (
            "path,label,split\nimages/cat/0.png,0,train\nimages/cat/0.png,0,test\n",
            r"lists \S*images/cat/0\.png twice, .* List each once",
        ),
        ("path,label\nimages/cat/0.png,0\nimages/./cat/0.png,0\n", r"cat/0\.png twice"),
        (
            "path,label,split\nimages/cat/0.png,0,train\nimages/dog/../cat/0.png,1,train\n",
            r"cat/0\.png twice",
        ),
    ],
)
def test_a_csv_that_cannot_be_meant_is_named(text, message, tmp_path) -> None:
    csv(tmp_path, text)
    with pytest.raises(InputError, match=f"mine.csv.*{message}"):
        data.load("mine.csv", root=tmp_path)


def test_a_file_may_be_trained_on_twice(tmp_path) -> None:
    again = "images/cat/0.png,cat,train\n"
    csv(tmp_path, listed(sides=("train", "test")))
    once = len(data.load("mine.csv", root=tmp_path)) + len(
        data.load("mine.csv", root=tmp_path, split="validation")
    )
    csv(tmp_path, listed(sides=("train", "test")) + 2 * again)
    twice = len(data.load("mine.csv", root=tmp_path)) + len(
        data.load("mine.csv", root=tmp_path, split="validation")
    )
    assert twice == once + 2


def test_a_csv_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(InputError, match=r"none\.csv is missing"):
        data.load("none.csv", root=tmp_path)
