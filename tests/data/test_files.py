"""Datasets from files: made up here, and the real ones where LOIHI_SCA_DATA names their folder."""

import gzip
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from loihi_sca import data
from loihi_sca.data.decoders import decode_bs2
from loihi_sca.errors import ConfigError, InputError

RNG = np.random.default_rng(0)


def shared(*parts: str) -> Path:
    folder = os.environ.get("LOIHI_SCA_DATA")
    if folder is None:
        pytest.skip("needs the environment variable LOIHI_SCA_DATA, the folder with real data")
    return Path(folder, *parts)


def image_tree(root: Path, classes=("airplane", "frog")) -> None:
    for part, count in (("train", 10), ("test", 3)):
        for name in classes:
            (root / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = RNG.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / part / name / f"{i:04}.png")


def test_cifar10_from_a_tree_and_from_a_tar_are_the_same(tmp_path) -> None:
    image_tree(tmp_path / "tree")
    (tmp_path / "tar").mkdir()
    with tarfile.open(tmp_path / "tar" / "cifar10_images.tar", "w") as archive:
        archive.add(tmp_path / "tree", arcname=".")
    tree, tar = (data.load("cifar10", root=tmp_path / kind) for kind in ("tree", "tar"))
    assert len(tree) == 18
    assert tree.shape == (3, 32, 32)
    assert set(tree.labels.tolist()) == {0, 6}
    assert np.array_equal(tree.samples.values, tar.samples.values)
    test = data.load("cifar10", split="test", root=tmp_path / "tree")
    with Image.open(tmp_path / "tree" / "test" / "airplane" / "0000.png") as image:
        expected = np.asarray(image).transpose(2, 0, 1)
    [found] = np.flatnonzero((test.samples.values == expected).all(axis=(1, 2, 3)))
    assert test.labels[found] == 0


def test_a_tree_with_something_else_is_refused(tmp_path) -> None:
    image_tree(tmp_path, classes=("zebra",))
    with pytest.raises(InputError, match="no class 'zebra'; there are airplane"):
        data.load("cifar10", root=tmp_path)
    (tmp_path / "test" / "cat").mkdir()
    (tmp_path / "test" / "cat" / "0.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"0\.jpg: not an image, or damaged"):
        data.load("cifar10", split="test", root=tmp_path)


def batch(content: object) -> bytes:
    return pickle.dumps(content, protocol=4)


def test_cifar10_from_torchvisions_folder_runs_nothing_that_the_file_asks_for(tmp_path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    pixels = RNG.integers(0, 256, (20, 3072), dtype=np.uint8)
    content = {b"data": pixels, b"labels": list(range(10)) * 2}
    (folder / "test_batch").write_bytes(batch(content))
    test = data.load("cifar10", split="test", root=tmp_path)
    order = np.lexsort(test.samples.values.reshape(20, -1).T[::-1])
    assert np.array_equal(
        test.samples.values.reshape(20, -1)[order], pixels[np.lexsort(pixels.T[::-1])]
    )
    (folder / "test_batch").write_bytes(batch({b"data": os.system}))
    with pytest.raises(InputError, match=r"damaged, or no batch of CIFAR-10 .*asks for"):
        data.load("cifar10", split="test", root=tmp_path)
    with pytest.raises(InputError, match="data_batch_1 is missing"):
        data.load("cifar10", root=tmp_path)


@pytest.mark.parametrize("protocol", [3, 5])
def test_cifar10_from_batches_that_numpy_2_pickled(protocol: int, tmp_path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    pixels = np.arange(5, dtype=np.uint8)[:, None] + np.zeros(3072, dtype=np.uint8)
    content = pickle.dumps({b"data": pixels, b"labels": [0, 1, 2, 3, 4]}, protocol=protocol)
    (folder / "test_batch").write_bytes(as_numpy_2(content))
    test = data.load("cifar10", split="test", root=tmp_path)
    assert np.array_equal(test.samples.values[:, 0, 0, 0], test.labels)


def as_numpy_2(content: bytes) -> bytes:
    """Return a short pickle with numpy's modules under their names in numpy 2."""
    if b"numpy.core." not in content:  # numpy 2 is installed
        return content
    if content[:2] == b"\x80\x03":
        return content.replace(b"cnumpy.core.", b"cnumpy._core.")
    changed = content.replace(b"\x8c\x12numpy.core.numeric", b"\x8c\x13numpy._core.numeric")
    assert len(changed) == len(content) + 1
    frame = int.from_bytes(content[3:11], "little") + 1
    return changed[:3] + frame.to_bytes(8, "little") + changed[11:]


@pytest.mark.parametrize(
    "name", ["builtins eval", "numpy fromfile", "numpy._core.multiarray fromstring", "numpy load"]
)
def test_a_batch_may_name_the_parts_of_arrays_and_nothing_else(name: str, tmp_path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    asked = name.replace(" ", "\n")
    (folder / "test_batch").write_bytes(f"c{asked}\n.".encode())
    with pytest.raises(InputError, match=f"asks for {name.replace(' ', '.')}"):
        data.load("cifar10", split="test", root=tmp_path)


def idx(values: np.ndarray) -> bytes:
    lengths = np.array(values.shape, dtype=">u4").tobytes()
    return bytes([0, 0, 8, values.ndim]) + lengths + values.tobytes()


def test_mnist_from_torchvisions_folder(tmp_path) -> None:
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    pixels = RNG.integers(0, 256, (12, 28, 28), dtype=np.uint8)
    labels = np.arange(12, dtype=np.uint8) % 10
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pixels)))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(labels))
    test = data.load("mnist", split="test", root=tmp_path)
    for image, label in zip(test.samples.values[:, 0], test.labels, strict=True):
        [found] = np.flatnonzero((pixels == image).all(axis=(1, 2)))
        assert labels[found] == label
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(labels)[:-1])
    with pytest.raises(InputError, match="not an IDX file of bytes, or cut off"):
        data.load("mnist", split="test", root=tmp_path)


@pytest.mark.parametrize(
    ("samples", "labels", "split", "message"),
    [
        (6, 6, "validation", "mnist: 6 training samples, of which none is left for validation"),
        (0, 0, "train", "mnist: there are no samples in its train files"),
        (0, 0, "test", "mnist: there are no samples in its test files"),
        (12, 11, "train", "mnist: 12 samples, but 11 labels"),
    ],
)
def test_data_of_which_nothing_can_be_made_are_refused(
    samples: int, labels: int, split: str, message: str, tmp_path
) -> None:
    arrays = {
        f"{kind}_{part}": np.zeros((samples, 28, 28) if kind == "x" else labels, dtype=np.uint8)
        for kind in "xy"
        for part in ("train", "test")
    }
    np.savez(tmp_path / "mnist.npz", **arrays)
    with pytest.raises(InputError, match=message):
        data.load("mnist", split=split, root=tmp_path)


def test_labels_that_are_no_classes_are_refused(tmp_path) -> None:
    arrays = {f"x_{part}": np.zeros((20, 28, 28), dtype=np.uint8) for part in ("train", "test")}
    labels = {f"y_{part}": np.arange(20) for part in ("train", "test")}
    np.savez(tmp_path / "mnist.npz", **arrays, **labels)
    with pytest.raises(
        InputError, match=r"mnist \(train\): labels span 0 to 19, allowed is 0 to 9"
    ):
        data.load("mnist", root=tmp_path)


def test_an_array_file_is_one_array_without_pickles(tmp_path) -> None:
    values = RNG.integers(0, 2, (3, 4))
    np.save(tmp_path / "good.npy", values)
    assert np.array_equal(data.read_npy(tmp_path / "good.npy"), values)
    assert isinstance(data.read_npy(tmp_path / "good.npy", memory_map=True), np.memmap)
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    np.savez(tmp_path / "two.npz", values)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "good.npy").read_bytes()[:-8])
    (tmp_path / "empty.npy").touch()
    for name, reason in {
        "missing": "no such file",
        "objects": "not a .npy array .*([pP]ickle|objects)",
        "cut": "not a .npy array",
        "empty": "not a .npy array",
    }.items():
        for memory_map in (False, True):
            with pytest.raises(InputError, match=rf"{name}\.npy: {reason}"):
                data.read_npy(tmp_path / f"{name}.npy", memory_map=memory_map)
    with pytest.raises(InputError, match=r"two\.npz: an \.npz archive"):
        data.read_npy(tmp_path / "two.npz")


def event(x: int, y: int, on: int, time_us: int) -> bytes:
    return bytes([x, y, on << 7 | time_us >> 16, time_us >> 8 & 255, time_us & 255])


def recordings(root: Path) -> None:
    (root / "7.bs2").write_bytes(event(3, 30, 1, 0) + event(33, 2, 0, 319_999))
    (root / "8.bs2").write_bytes(event(0, 0, 0, 100_000) + event(1, 1, 1, 320_000))
    (root / "test100.txt").write_bytes(b"#sample #class\r\n7\t5\r\n8\t1\r\n")


def test_nmnist_of_six_recordings_or_none_is_a_plain_error(tmp_path) -> None:
    for number in range(6):
        (tmp_path / f"{number}.bs2").write_bytes(event(1, 2, 1, 1000))
    listed = "".join(f"{n} {n % 3}\n" for n in range(6))
    (tmp_path / "train1K.txt").write_text(listed)
    (tmp_path / "test100.txt").write_text("# none\n")
    assert len(data.load("nmnist", root=tmp_path)) == 6
    with pytest.raises(InputError, match="6 training samples, of which none is left"):
        data.load("nmnist", split="validation", root=tmp_path)
    with pytest.raises(InputError, match="no samples in its test files"):
        data.load("nmnist", split="test", root=tmp_path)


def test_events_fall_into_the_steps_of_their_time(tmp_path) -> None:
    recordings(tmp_path)
    test = data.load("nmnist", split="test", timesteps=8, root=tmp_path)
    assert sorted(test.labels) == [1, 5]
    test = test.pick(np.argsort(-test.labels))
    spikes = test.spikes()
    assert spikes.shape == (2, 2, 34, 34, 8)
    # polarity, row, column, step; the event after the window is left out
    assert np.argwhere(spikes).tolist() == [[0, 0, 2, 33, 7], [0, 1, 30, 3, 0], [1, 0, 0, 0, 2]]
    assert np.array_equal(test.first(1).spikes(), spikes[:1])
    assert np.array_equal(test.spikes(np.array([1, 0])), spikes[::-1])


def test_the_archive_is_the_same_as_the_folder(tmp_path) -> None:
    (tmp_path / "folder").mkdir()
    recordings(tmp_path / "folder")
    with tarfile.open(tmp_path / "nmnist_small.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "folder", arcname=".")
    both = [data.load("nmnist", split="test", root=r) for r in (tmp_path / "folder", tmp_path)]
    assert np.array_equal(both[0].spikes(), both[1].spikes())


def test_damaged_recordings_are_named(tmp_path) -> None:
    recordings(tmp_path)
    (tmp_path / "8.bs2").write_bytes(b"1234567")
    with pytest.raises(InputError, match=r"8\.bs2: 7 bytes are no whole number of events"):
        data.load("nmnist", split="test", root=tmp_path)
    (tmp_path / "8.bs2").write_bytes(event(34, 0, 0, 0))
    with pytest.raises(InputError, match=r"8\.bs2: events lie outside"):
        data.load("nmnist", split="test", root=tmp_path)
    (tmp_path / "8.bs2").unlink()
    with pytest.raises(InputError, match=r"lists 8\.bs2, which is missing"):
        data.load("nmnist", split="test", root=tmp_path)
    with pytest.raises(InputError, match=r"no train1K\.txt"):
        data.load("nmnist", root=tmp_path)
    recordings(tmp_path)
    with pytest.raises(ConfigError, match="holds spikes already"):
        data.load("nmnist", split="test", root=tmp_path, encoding="direct")


@pytest.mark.train
def test_events_are_read_as_lava_dl_reads_them(tmp_path) -> None:
    from loihi_sca.slayer.lava import slayer

    fields = (RNG.integers(0, 34, 500), RNG.integers(0, 34, 500), RNG.integers(0, 2, 500))
    times = np.sort(RNG.integers(0, 1 << 23, 500))
    path = tmp_path / "1.bs2"
    path.write_bytes(b"".join(event(*map(int, e)) for e in zip(*fields, times, strict=True)))
    theirs, ours = (
        slayer.io.read_2d_spikes(str(path)),
        decode_bs2(path.read_bytes(), "1.bs2", (34, 34)),
    )
    for column, expected in enumerate((theirs.x, theirs.y, theirs.c)):
        assert np.array_equal(ours[:, column], expected)
    assert np.allclose(ours[:, 3] / 1000, theirs.t)


def test_the_first_samples_stand_for_all(tmp_path) -> None:
    """Files are often sorted by class; a limit must not leave classes out."""
    pixels = np.zeros((1000, 28, 28), dtype=np.uint8)
    labels = np.repeat(np.arange(10), 100)
    arrays = {
        f"{kind}_{part}": v
        for kind, v in (("x", pixels), ("y", labels))
        for part in ("train", "test")
    }
    np.savez(tmp_path / "mnist.npz", **arrays)
    for split in ("train", "validation", "test"):
        first = data.load("mnist", split=split, root=tmp_path).first(80)
        assert len(set(first.labels.tolist())) == 10


def test_real_recordings() -> None:
    root = shared("nmnist_small")
    train, test = (data.load("nmnist", split=s, root=root) for s in ("train", "test"))
    assert (len(train), len(test)) == (900, 100)
    spikes = test.first(20).spikes()
    assert 0.002 < spikes.mean() < 0.2


@pytest.mark.slow
def test_real_images() -> None:
    test = data.load("cifar10", split="test", root=shared("cifar10_jpeg"))
    assert len(test) == 10_000
    assert np.bincount(test.labels).tolist() == [1000] * 10
    mnist = data.load("mnist", split="test", root=shared("mnist"))
    assert len(mnist) == 10_000


def test_fashion_mnist_is_not_taken_for_mnist(tmp_path) -> None:
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    pixels = RNG.integers(0, 256, (12, 28, 28), dtype=np.uint8)
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(pixels))
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(
        gzip.compress(idx(np.arange(12, dtype=np.uint8) % 10))
    )
    test = data.load("fashion_mnist", split="test", root=tmp_path)
    assert (test.shape, test.classes, len(test)) == ((1, 28, 28), 10, 12)
    for image, label in zip(test.samples.values[:, 0], test.labels, strict=True):
        [found] = np.flatnonzero((pixels == image).all(axis=(1, 2)))
        assert found % 10 == label
    with pytest.raises(InputError, match=r"mnist: no mnist\.npz"):
        data.load("mnist", split="test", root=tmp_path)
    with pytest.raises(InputError, match=r"fashion_mnist: no FashionMNIST/raw in .*raw\. Put"):
        data.load("fashion_mnist", split="test", root=folder)


def test_cifar100_from_torchvisions_folder(tmp_path) -> None:
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    pixels = np.arange(100, dtype=np.uint8)[:, None] + np.zeros(3072, dtype=np.uint8)
    content = {b"data": pixels, b"fine_labels": list(range(100)), b"coarse_labels": [0] * 100}
    (folder / "test").write_bytes(batch(content))
    test = data.load("cifar100", split="test", root=tmp_path)
    assert (test.shape, test.classes) == ((3, 32, 32), 100)
    assert np.array_equal(test.samples.values[:, 0, 0, 0], test.labels)
    with pytest.raises(InputError, match=r"cifar100: no train in .*cifar-100-python"):
        data.load("cifar100", root=tmp_path)
    (folder / "train").write_bytes(batch({b"data": pixels, b"labels": [0] * 100}))
    with pytest.raises(InputError, match=r"damaged, or no batch of CIFAR-100 .*fine_labels"):
        data.load("cifar100", root=tmp_path)
    (folder / "train").write_bytes(batch({b"data": os.system}))
    with pytest.raises(InputError, match=r"damaged, or no batch of CIFAR-100 .*asks for"):
        data.load("cifar100", root=tmp_path)
