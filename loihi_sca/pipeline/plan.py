"""Planning a recipe before it is trained, with what is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from loihi_sca import data
from loihi_sca.config import Budget, PruningConfig, Recipe, load_recipe
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.planning.budget import Importance
from loihi_sca.planning.outline import Outline, outline_of
from loihi_sca.planning.planned import Planned
from loihi_sca.planning.planner import plan_recipe
from loihi_sca.planning.target import require_chip

if TYPE_CHECKING:
    from loihi_sca.planning.rates import Rates

OBSERVED_SAMPLES = 512
"""Training samples on which a trained run's channels are scored."""


def plan(
    recipe: Recipe | str | Path,
    budget: Budget | str | Mapping[str, Any] | None = None,
    *,
    profile: str | None = None,
    run: str | Path | None = None,
) -> Planned:
    """Show how many channels every layer would keep under a budget, before any training.

    Parameters
    ----------
    recipe : Recipe, str or path
        A recipe, the name of a shipped one, or a file.
    budget : Budget, str or mapping, optional
        ``"cores=24"``, ``{"cores": 24}``; by default the recipe's own. The names are
        :data:`loihi_sca.config.BUDGETS`.
    profile : str, optional
        Chip profile, if not the recipe's.
    run : path, optional
        Run folder: its channels are scored by the recipe's criterion, and its weights mapped with
        the bits that they have. Without it all channels count the same.

    Returns
    -------
    Planned
        Channels per layer, and what is promised; :attr:`Planned.dense` and :attr:`Planned.planned`
        can be mapped and estimated.

    Raises
    ------
    ConfigError
        There is no such recipe, the budget cannot be meant or cannot be reached, or the run is of
        another network.

    Examples
    --------
    >>> import loihi_sca
    >>> loihi_sca.plan("digits", "cores=4").plan.promised
    4
    """
    parsed = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    given = _as_mapping(budget) | ({} if profile is None else {"profile": profile})
    config = _config(parsed, given)
    parsed = parsed.model_copy(update={"pruning": config})
    shape, classes = data.shape_as(parsed.data)
    outline = outline_of(parsed, shape, classes)
    require_chip(config, outline)  # cores are told of any budget
    importance, bits = (None, {}) if run is None else _measured(Path(run), parsed, outline)
    rates, known = _rates(parsed, config)
    found = plan_recipe(parsed, shape, classes, rates, importance, bits)
    scored = "uniform" if run is None else f"{config.criterion} of {run}"
    return Planned(found, outline.with_bits(bits), config, known, scored, bits)


def _as_mapping(budget: Budget | str | Mapping[str, Any] | None) -> dict[str, Any]:
    if isinstance(budget, str):
        parsed = Budget.parse(budget)
        if len(parsed) != 1:
            raise ConfigError(f"budget {budget!r}: give one amount.")
        return parsed[0].as_json()
    return budget.as_json() if isinstance(budget, Budget) else dict(budget or {})


def _config(recipe: Recipe, given: dict[str, Any]) -> PruningConfig:
    """Return the recipe's pruning section with what the command line says."""
    try:
        Budget.given_in(given)
    except ConfigError as error:
        raise ConfigError(str(error) if "budget " in str(error) else f"budget: {error}") from None
    return (recipe.pruning or PruningConfig()).changed(given, "budget")


def _rates(recipe: Recipe, config: PruningConfig) -> tuple[Rates | None, str]:
    """Return the rates that a training would start from, if they matter, and what is known."""
    if not config.budget.needs_rates:
        return None, "of no account"
    from loihi_sca.training.rates import rates_of
    from loihi_sca.training.session import load_split

    try:
        found = rates_of(recipe, load_split(recipe, "train").first(recipe.data.limit))
    except InputError:
        return None, "0.1 spikes per neuron and step assumed, of the input as well: no data"
    measured = f"{found.by_layer['input']:.4f} of the input, measured"
    return found, f"{measured}; {found.otherwise} spikes per neuron and step assumed elsewhere"


def _measured(folder: Path, recipe: Recipe, outline: Outline) -> tuple[Importance, dict[str, int]]:
    """Score the channels of a run; those that it has pruned count nothing. Also weights' bits."""
    from loihi_sca.pruning.bits import bits_of
    from loihi_sca.pruning.criteria import criterion_of
    from loihi_sca.pruning.importance import importance_of
    from loihi_sca.training.session import RunFolder, load_split

    _, checkpoint = RunFolder(folder).trained()
    of_run, config = checkpoint.recipe, recipe.pruning or PruningConfig()
    if (of_run.model, of_run.data.encoding) != (recipe.model, recipe.data.encoding):
        raise ConfigError(
            f"--run {folder}: holds another network than the recipe's: its model section or "
            "encoding differs."
        )
    dataset = load_split(checkpoint.recipe, "train").first(OBSERVED_SAMPLES)
    model = checkpoint.model()
    found = importance_of(model, dataset, criterion_of(config.criterion))
    channels = {s.name: s.shape[0] for s in outline.architecture.layers}
    fits = all(len(found.get(n, ())) <= channels[n] for n in outline.prunable)
    if not fits or not outline.prunable <= found.keys():
        raise ConfigError(f"--run {folder}: holds another network than the recipe's.")
    scores = {n: np.pad(found[n], (0, channels[n] - len(found[n]))) for n in outline.prunable}
    has_weights = {s.name for s in outline.architecture.layers if s.geometry.bits}
    return scores, {n: b for n, b in bits_of(model.gated).items() if n in has_weights}
