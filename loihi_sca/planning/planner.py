"""The one way from a recipe to a plan, for the commands and for the pruner."""

from __future__ import annotations

from collections.abc import Mapping

from loihi_sca.config import PruningConfig, Recipe
from loihi_sca.errors import ConfigError
from loihi_sca.network import Shape
from loihi_sca.planning.budget import Importance, Plan, plan
from loihi_sca.planning.outline import Outline, check_excluded, outline_of, without
from loihi_sca.planning.rates import Rates
from loihi_sca.planning.target import target_of


def plan_recipe(
    recipe: Recipe,
    shape: Shape,
    classes: int,
    rates: Rates | None = None,
    importance: Importance | None = None,
    bits: Mapping[str, int] | None = None,
) -> Plan:
    """Divide the budget of a recipe over the layers of its network.

    Parameters
    ----------
    recipe : Recipe
        With a ``pruning`` section.
    shape : tuple of int (C, H, W)
        Of a sample.
    classes : int
        Outputs of the read-out.
    rates, importance, bits
        As in :func:`plan_for`.

    Raises
    ------
    ConfigError
        The recipe prunes nothing, or see :func:`plan_for`.
    """
    if recipe.pruning is None:
        raise ConfigError(f"recipe {recipe.name}: has no [pruning], so that there is no budget.")
    rates = rates or Rates(recipe.data.timesteps)
    outline = outline_of(recipe, shape, classes)
    return plan_for(outline, recipe.pruning, rates, importance, bits)


def plan_for(
    outline: Outline,
    config: PruningConfig,
    rates: Rates,
    importance: Importance | None = None,
    bits: Mapping[str, int] | None = None,
) -> Plan:
    """Divide a budget over the layers of a network, as its pruning section says.

    Parameters
    ----------
    outline : Outline
        The dense network.
    config : PruningConfig
        Budget, floor, objective and what is excluded.
    rates : Rates
        How busy the network is, for budgets of synops and energy.
    importance : mapping of str to float array (C,), optional
        Scores of the channels of every prunable layer; by default all channels count the same.
    bits : mapping of str to int, optional
        Bits that the weights of layers have; the others are taken to have 8.

    Raises
    ------
    ConfigError
        A block that is excluded does not exist, or the budget cannot be reached.
    InputError
        What a network takes is not known.
    """
    check_excluded(config.exclude, outline.prunable)
    outline = without(outline.with_bits(bits or {}), config.exclude)
    return plan(
        outline,
        target_of(config, outline, rates),
        importance=importance,
        floor=config.min_channels,
        objective=config.objective,
        trust=config.trust,
    )
