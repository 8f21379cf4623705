"""Which channels live: by scores, by demand, within a budget."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from loihi_sca.config import PruningConfig
from loihi_sca.errors import ConfigError
from loihi_sca.planning.budget import Plan
from loihi_sca.planning.outline import Outline
from loihi_sca.planning.planner import plan_for
from loihi_sca.planning.rates import Rates
from loihi_sca.pruning.selection import ByLayer, Chosen, none_of, select_in_all, select_in_each


class Decision:
    """Decides by a recipe's pruning section.

    Parameters
    ----------
    config : PruningConfig
        Budget and ranking.
    channels : mapping of str to int
        Of the blocks that may lose some, as they are when nothing is pruned.
    outline : Outline, optional
        The model as the mapper sees it; needed for every budget but ``keep``.
    rates : Rates, optional
        Timesteps, and the rate of the input, for budgets of synops and energy; those of the blocks
        are measured.

    Raises
    ------
    ConfigError
        The budget cannot be reached.
    """

    def __init__(
        self,
        config: PruningConfig,
        channels: Mapping[str, int],
        outline: Outline | None = None,
        rates: Rates | None = None,
    ) -> None:
        self.config, self.channels = config, dict(channels)
        self.outline = outline
        self.rates = rates or Rates()
        self.floors = {n: min(config.min_channels, c) for n, c in self.channels.items()}
        self._check_budget()

    def _check_budget(self) -> None:
        """Plan once for channels that all count the same: a budget out of reach fails here."""
        total = sum(self.channels.values())
        least = sum(self.floors.values())
        keep = self.config.keep
        if keep is not None and round(keep * total) < least:
            raise ConfigError(
                f"pruning.keep = {keep} of {total} channels is {round(keep * total)}, and "
                f"min_channels = {self.config.min_channels} keeps at least {least}. Keep more, or "
                "lower pruning.min_channels."
            )
        if keep is None:
            self._plan(None, self.rates)

    def decide(
        self,
        scores: ByLayer,
        demands: ByLayer,
        rates: ByLayer,
        before: Chosen,
        progress: float,
        regenerate: float,
        bits: Mapping[str, int],
    ) -> tuple[Chosen, Plan | None]:
        """Return the channels that shall live, and how a budget was divided.

        Parameters
        ----------
        scores, demands, rates : mapping of str to tensor (C,)
            What was observed of each block.
        before : dict of str to bool tensor (C,)
            The channels that live now.
        progress : float
            How far to go from the dense network, 0, to the budget, 1.
        regenerate : float
            Fraction of the channels to bring back.
        bits : mapping of str to int
            Bits that weights have, by block; the others are taken to have 8.
        """
        if self.config.keep is not None and self.config.ranking == "global":
            keep = 1 - (1 - self.config.keep) * progress
            return self._over_all_layers(scores, demands, before, keep, regenerate), None
        counts, planned = self._counts(
            scores, self._measured_rates(rates, before), bits, before, progress
        )
        return self._within_layers(scores, demands, before, counts, regenerate), planned

    def _over_all_layers(
        self, scores: ByLayer, demands: ByLayer, before: Chosen, keep: float, back: float
    ) -> Chosen:
        """Rank the channels of all layers in one list."""
        total = sum(len(alive) for alive in before.values())
        budget = max(round(keep * total), sum(self.floors.values()))
        regenerate = round(min(back, 1 - keep) * total)
        # a pruned channel competes by demand only: its score is that of a channel nobody hears
        dead = {name: ~alive for name, alive in before.items()}
        standing = {n: s.masked_fill(dead[n], -torch.inf) for n, s in scores.items()}
        count = max(budget - regenerate, 0)
        kept = select_in_all(standing, count, self.floors, none_of(scores), dead)
        return select_in_all(demands, budget, self.floors, kept, none_of(scores))

    def _within_layers(
        self,
        scores: ByLayer,
        demands: ByLayer,
        before: Chosen,
        counts: dict[str, int],
        back: float,
    ) -> Chosen:
        """Give every layer its count: the best of those alive, then the most demanded."""
        by_score, standing = {}, {}
        for name, count in counts.items():
            alive = before[name]
            returning = min(round(back * len(alive)), count // 2, len(alive) - count)
            by_score[name] = min(max(count - returning, 0), int(alive.sum()))
            standing[name] = scores[name].masked_fill(~alive, -torch.inf)
        kept = select_in_each(standing, by_score, none_of(scores))
        return select_in_each(demands, counts, kept)

    def _counts(
        self,
        scores: ByLayer,
        rates: Rates,
        bits: Mapping[str, int],
        before: Chosen,
        progress: float,
    ) -> tuple[dict[str, int], Plan | None]:
        """Return the channels of every layer, and the plan that they lead to.

        Not a plan for a larger budget on the way: budgets of cores have other cliffs, so that
        layers would lose channels and get them back.
        """
        keep, found = self.config.keep, None
        if keep is not None:
            final = {n: max(self.floors[n], round(keep * len(a))) for n, a in before.items()}
        else:
            found = self._plan(scores, rates, bits)
            final = found.channels
        sizes = {name: len(alive) for name, alive in before.items()}
        return {n: round(size + (final[n] - size) * progress) for n, size in sizes.items()}, found

    def _plan(
        self, scores: ByLayer | None, rates: Rates, bits: Mapping[str, int] | None = None
    ) -> Plan:
        """Plan for what is measured, or, before there are scores, for weights of 8 bits."""
        if self.outline is None:
            raise ConfigError(
                f"pruning.{self.config.budget.name}: needs the shapes of all layers. Give the "
                "pruner a sample, Pruner(model, sample, ...): a tensor (N, *in_shape, T)."
            )
        importance = None if scores is None else {n: s.numpy() for n, s in scores.items()}
        return plan_for(self.outline, self.config, rates, importance, bits)

    def _measured_rates(self, rates: ByLayer, before: Chosen) -> Rates:
        """Return the mean rate of the living channels of each block since the last update."""
        measured = dict(self.rates.by_layer)
        for name, rate in rates.items():
            measured[name] = float(rate[before[name]].mean())
        return Rates(self.rates.timesteps, measured, self.rates.otherwise)
