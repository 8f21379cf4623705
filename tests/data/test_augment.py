import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loihi_sca.config import DataConfig
from loihi_sca.data import Augmentation, check_augmentation
from loihi_sca.errors import ConfigError

SAMPLES = np.random.default_rng(0).integers(0, 2, (3, 2, 5, 7, 4)).astype(np.uint8)


@given(rows=st.integers(-4, 4), columns=st.integers(-4, 4), mirrored=st.booleans())
def test_a_sample_is_cut_out_of_itself_with_a_margin(
    rows: int, columns: int, mirrored: bool
) -> None:
    moves = Augmentation(np.array([[0, 0], [rows, columns]]), np.array([False, mirrored]))
    found = moves.applied(SAMPLES[:1], np.array([1]))
    sample = SAMPLES[0, :, :, ::-1] if mirrored else SAMPLES[0]
    padded = np.pad(sample, ((0, 0), (4, 4), (4, 4), (0, 0)))
    assert (found[0] == padded[:, 4 - rows : 9 - rows, 4 - columns : 11 - columns]).all()


def test_each_sample_moves_in_its_own_way_and_anew_in_each_epoch() -> None:
    config = DataConfig(shift=2, mirror=True)
    first, again, next_epoch = (Augmentation.drawn(config, 200, 7, e) for e in (0, 0, 1))
    assert (first.shifts == again.shifts).all()
    assert (first.mirrored == again.mirrored).all()
    assert (first.shifts != next_epoch.shifts).any()
    assert set(np.unique(first.shifts)) == {-2, -1, 0, 1, 2}
    assert 50 < first.mirrored.sum() < 150


def test_what_is_not_asked_for_is_left_alone() -> None:
    moves = Augmentation.drawn(DataConfig(mirror=True), 3, 0, 0)
    found = moves.applied(SAMPLES, np.arange(3))
    for sample, before, mirrored in zip(found, SAMPLES, moves.mirrored, strict=True):
        assert (sample == (before[:, :, ::-1] if mirrored else before)).all()
    assert not Augmentation.drawn(DataConfig(shift=1), 50, 0, 0).mirrored.any()


def test_a_shift_that_leaves_nothing_is_refused() -> None:
    check_augmentation(DataConfig(shift=7), (1, 8, 8))
    with pytest.raises(ConfigError, match="shift = 8: samples of digits are 8 x 8, and a shift by"):
        check_augmentation(DataConfig(shift=8), (1, 8, 8))


def test_samples_without_rows_and_columns_are_not_moved() -> None:
    check_augmentation(DataConfig(), (700,))
    with pytest.raises(ConfigError, match=r"the shape \(700,\), without rows and columns"):
        check_augmentation(DataConfig(mirror=True), (700,))
