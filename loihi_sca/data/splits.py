"""Which samples train, validate and test: fixed, so that figures can be compared."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Split: TypeAlias = Literal["train", "validation", "test"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")

HELD_OUT = 10
"""One of so many training samples is for validation."""

TEST_ORDER = 0
"""Seed of the order of test samples, the same for everyone."""

TESTED = 5
"""One of so many samples is for testing where nothing says which are."""

TEST_SEED = 0
"""Which ones: the same for everyone, whatever the seed of a recipe is."""


def order_of(samples: int, split: Split, seed: int) -> npt.NDArray[np.int64]:
    """Return which samples make up a split, shuffled: files are often sorted by class."""
    if split == "test":
        return np.random.default_rng(TEST_ORDER).permutation(samples)
    order = np.random.default_rng(seed).permutation(samples)
    held_out = samples // HELD_OUT
    return order[:held_out] if split == "validation" else order[held_out:]


def side_of(samples: int, test: bool) -> npt.NDArray[np.int64]:
    """Return which samples are on a side, in their order, where nothing says which are."""
    order = np.random.default_rng(TEST_SEED).permutation(samples)
    tested = samples // TESTED
    return np.sort(order[:tested] if test else order[tested:])
