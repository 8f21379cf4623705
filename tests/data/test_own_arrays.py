"""Arrays of one's own that would be passed over, or mean something else than was meant."""

import numpy as np
import pytest
from PIL import Image

from loihi_sca import data
from loihi_sca.errors import InputError


def images(top: float, dtype: type) -> np.ndarray:
    values = np.random.default_rng(0).random((20, 1, 4, 5)) > 0.5
    return (values * top).astype(dtype)


LABELS = np.arange(20) % 3
SIDES = {f"{a}_{s}": images(1, float) if a == "x" else LABELS for a in "xy" for s in data.SPLITS}


@pytest.mark.parametrize(
    ("arrays", "unread"),
    [
        (SIDES, r"x_validation, y_validation would not be read beside x_test, x_train, y_test"),
        ({"x": SIDES["x_test"], "y": LABELS, "y_test": LABELS}, r"y_test would not .* beside x, y"),
        (
            {k: v for k, v in SIDES.items() if "validation" not in k} | {"mean": LABELS},
            r"mean would not be read",
        ),
    ],
)
def test_arrays_that_would_be_passed_over_are_named(arrays, unread, tmp_path) -> None:
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(InputError, match=unread):
        data.load("mine.npz", root=tmp_path)
    read = set(arrays) - {"x_validation", "y_validation", "mean"}
    read -= {"y_test"} if "x" in read else set()
    np.savez(tmp_path / "mine.npz", classes=3, **{name: arrays[name] for name in read})
    assert data.load("mine.npz", root=tmp_path).classes == 3


def test_zeros_and_ones_of_eight_bits_are_not_taken_for_black(tmp_path) -> None:
    np.savez(tmp_path / "mine.npz", x=images(1, np.uint8), y=LABELS)
    with pytest.raises(InputError, match=r"mine\.npz: images of uint8 .* largest of these is 1"):
        data.load("mine.npz", root=tmp_path)
    expected = None
    for same in (images(255, np.uint8), images(1, bool), images(1, np.float32)):
        np.savez(tmp_path / "mine.npz", x=same, y=LABELS)
        found = data.load("mine.npz", root=tmp_path, timesteps=4).spikes()
        expected = found if expected is None else expected
        assert found.any()
        assert np.array_equal(found, expected)


def test_nor_are_those_of_files(tmp_path) -> None:
    for label in range(2):
        (tmp_path / "masks" / str(label)).mkdir(parents=True)
        for i in range(10):
            mask = np.eye(4, 5, label, dtype=np.uint8)
            Image.fromarray(mask).save(tmp_path / "masks" / str(label) / f"{i}.png")
    with pytest.raises(InputError, match=r"masks: images of uint8 .* largest of these is 1"):
        data.load("masks", root=tmp_path)
