"""What happens when in a training, all of it functions of the recipe and of time."""

from __future__ import annotations

import math

import numpy as np

from loihi_sca.config import Recipe, TrainingConfig
from loihi_sca.data import Augmentation
from loihi_sca.training.distributed import Index

FINAL_RATE = 0.01
"""The learning rate ends at this fraction of its start."""


def batches_of(recipe: Recipe, samples: int, epoch: int) -> list[Index]:
    """Return the samples of each batch of an epoch, counted from 0."""
    order = np.random.default_rng([recipe.seed, epoch]).permutation(samples)
    size = recipe.training.batch_size
    return [order[i : i + size] for i in range(0, len(order), size)]


def augmentation_of(recipe: Recipe, samples: int, epoch: int) -> Augmentation | None:
    """Return how samples are moved in an epoch, None if they are not."""
    if not (recipe.data.shift or recipe.data.mirror):
        return None
    return Augmentation.drawn(recipe.data, samples, recipe.seed, epoch)


def learning_rate_at(config: TrainingConfig, when: float) -> float:
    """Return the rate at a time in epochs: a cosine from the recipe's to a hundredth of it."""
    phase = 0.5 * (1 + math.cos(math.pi * when / config.epochs))
    return config.learning_rate * (FINAL_RATE + (1 - FINAL_RATE) * phase)


def fold_epoch_of(config: TrainingConfig, last_update: int) -> int:
    """Return the epoch, from 1, after which batch norms are folded.

    Not before the one at whose end, or in which, the structure becomes final.
    """
    return max(1, int(config.fold * config.epochs), last_update)
