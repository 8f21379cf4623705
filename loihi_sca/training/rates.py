"""How busy a network is before it is trained: what the data say, and an assumption for the rest."""

from __future__ import annotations

import torch

from loihi_sca.config import Recipe
from loihi_sca.data import Dataset
from loihi_sca.model.build import input_of
from loihi_sca.model.outline import share_sent
from loihi_sca.planning.rates import Rates

RATE_SAMPLES = 256
"""Training samples from which the rate of the input is known, for budgets of synops and energy."""


def rates_of(recipe: Recipe, train: Dataset) -> Rates:
    """Return the rates that a budget is checked with: that of the input is measured.

    Parameters
    ----------
    recipe : Recipe
        Its neurons make the spikes of values that enter the chip as they are.
    train : Dataset
        Training samples.
    """
    given = torch.from_numpy(train.first(RATE_SAMPLES).spikes()).float()
    with torch.no_grad():
        spikes = input_of(recipe.model)(given) if recipe.data.are_values else given
    return Rates(train.timesteps, {"input": share_sent(spikes)})
