"""A budget of a recipe in the units of what is counted."""

from __future__ import annotations

from dataclasses import dataclass

from loihi_sca.config import Budget, PruningConfig
from loihi_sca.errors import ConfigError
from loihi_sca.hardware import load_profile
from loihi_sca.hardware.range_rules import find_out_of_range
from loihi_sca.planning.meters import Meter, meter_of
from loihi_sca.planning.outline import Outline
from loihi_sca.planning.rates import Rates


@dataclass(frozen=True)
class Target:
    """A budget in the units of its meter.

    Attributes
    ----------
    budget : Budget
        As the recipe gives it.
    limit, dense : float
        What the network may take, and what the dense one takes.
    meter : Meter
        What is counted.
    """

    budget: Budget
    limit: float
    dense: float
    meter: Meter


def target_of(config: PruningConfig, outline: Outline, rates: Rates | None = None) -> Target:
    """Return the budget of a recipe in the units of its meter.

    Raises
    ------
    ConfigError
        There is no such profile, or its chip does not hold the network, whatever its size.
    InputError
        What the dense network takes is not known, as the energy of one without cores.
    """
    budget = config.budget
    if not budget.is_fraction:
        require_chip(config, outline)
    is_chain = not outline.architecture.additions
    meter = meter_of(
        budget.name, config.profile, outline.prunable, rates or Rates(), is_chain=is_chain
    )
    dense = meter.total(outline.architecture)
    return Target(budget, _limit(budget, config.profile, dense), dense, meter)


def _limit(budget: Budget, profile: str, dense: float) -> float:
    if budget.chips is not None:
        return float(budget.chips * int(load_profile(profile).chip.cores))
    limit = float(budget.amount) * (dense if budget.is_fraction else 1.0)
    return float(round(limit)) if budget.name == "keep" else limit


def require_chip(config: PruningConfig, outline: Outline) -> None:
    """Refuse a chip that a network does not run on, whatever its size.

    Raises
    ------
    ConfigError
        A layer holds values that the chip does not.
    """
    profile = load_profile(config.profile)
    for found in find_out_of_range(outline.architecture.layers, profile):
        raise ConfigError(f"pruning.{config.budget.name} on {profile.name}: {found}")
