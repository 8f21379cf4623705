"""Our readers of recordings against tonic's, where it is installed: same files, same events.

Of tonic only ``io.py`` is loaded, which needs nothing but NumPy:
``pip install --no-deps tonic`` is enough.
"""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from recorded import HEAD3, as_aedat2, as_bin, packet

from loihi_sca.data.decoders import decode_aedat, decode_bin


@pytest.fixture(scope="module")
def theirs() -> ModuleType:
    package = importlib.util.find_spec("tonic")
    if package is None or package.origin is None:
        pytest.skip("needs tonic")
    path = Path(package.origin).with_name("io.py")
    spec = importlib.util.spec_from_file_location("tonic_io", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    read = module.read_aedat_header_from_file
    # tonic 1.7.0 returns three values here, and its readers of .aedat take two
    module.read_aedat_header_from_file = lambda name: read(name)[:2]
    return module


def drawn(count: int, height: int, width: int, last_us: int) -> list[tuple[int, int, int, int]]:
    rng = np.random.default_rng(count)
    columns = (rng.integers(0, n, count) for n in (width, height, 2))
    time = np.sort(rng.integers(0, last_us, count))
    return [tuple(map(int, event)) for event in zip(*columns, time, strict=True)]


def rows(events: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(int(event[name]) for name in "xypt") for event in events]


@pytest.mark.parametrize("count", [1, 10, 2000])
def test_bin_files(count: int, theirs, tmp_path) -> None:
    path = tmp_path / "1.bin"
    path.write_bytes(as_bin(drawn(count, 34, 34, 320_000)))
    expected = rows(theirs.read_mnist_file(str(path), dtype=theirs.events_struct))
    found = decode_bin(path.read_bytes(), "1.bin", (34, 34)).tolist()
    assert list(map(tuple, found)) == expected == drawn(count, 34, 34, 320_000)


@pytest.mark.parametrize("count", [1, 10, 2000])
def test_aedat_3(count: int, theirs, tmp_path) -> None:
    path = tmp_path / "1.aedat"
    events = drawn(count, 128, 128, 9_000_000)
    packets = [packet(events[i : i + 100]) for i in range(0, count, 100)]
    path.write_bytes(HEAD3 + b"".join(packets))
    _, expected = theirs.read_dvs_ibm(str(path))
    found = decode_aedat(path.read_bytes(), "1.aedat", (128, 128)).tolist()
    assert list(map(tuple, found)) == rows(expected) == events


@pytest.mark.parametrize("count", [1, 10, 2000])
def test_aedat_2_but_for_the_turn_of_cifar10_dvs(count: int, theirs, tmp_path) -> None:
    path = tmp_path / "1.aedat"
    path.write_bytes(as_aedat2(drawn(count, 128, 128, 1_200_000)))
    _, events = theirs.read_dvs_128(str(path))
    x, y, polarity, time = decode_aedat(path.read_bytes(), "1.aedat", (128, 128)).T
    assert np.array_equal(x, 127 - events["x"])
    assert np.array_equal(y, 127 - events["y"])
    assert np.array_equal(polarity, 1 - events["p"].astype(int))
    assert np.array_equal(time, events["t"] - events["t"][0])
