"""The pruner: watches training, and at an update decides which channels live."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from loihi_sca.config import PruningConfig
from loihi_sca.errors import ConfigError
from loihi_sca.model.build import SpikingNet
from loihi_sca.planning.budget import Plan
from loihi_sca.planning.meters import Rates
from loihi_sca.planning.outline import Outline, check_excluded
from loihi_sca.planning.planner import plan_for
from loihi_sca.pruning.bits import bits_of
from loihi_sca.pruning.criteria import Criterion, criterion_of
from loihi_sca.pruning.evidence import Evidence, Observation
from loihi_sca.pruning.selection import ByLayer, Chosen, none_of, select_in_all, select_in_each


@dataclass(frozen=True)
class Update:
    """What an update did.

    Attributes
    ----------
    alive : dict of str to int
        Channels left per prunable block.
    pruned, regenerated : int
        Channels switched off and on.
    plan : Plan or None
        How a budget was divided over the layers.
    """

    alive: dict[str, int] = field(default_factory=dict)
    pruned: int = 0
    regenerated: int = 0
    plan: Plan | None = None


class Pruner:
    """Switches the gates of a model.

    Call :meth:`after_backward` for every batch, wrap the optimizer's step in :meth:`protected`,
    and call :meth:`update` when the schedule says so.

    Parameters
    ----------
    model : SpikingNet
        Its prunable blocks are observed from now on.
    config : PruningConfig
        Criterion and budget.
    outline : Outline, optional
        The model as the mapper sees it; needed for every budget but ``keep``.
    criterion : callable, optional
        Instead of the one that the recipe names.
    rates : Rates, optional
        Timesteps, and the rate of the input, for budgets of synops and energy; those of the blocks
        are measured.

    Raises
    ------
    ConfigError
        The criterion is unknown or does not give one finite score per channel, an excluded block
        does not exist, the model has nothing to prune, or the budget cannot be reached.
    """

    def __init__(
        self,
        model: SpikingNet,
        config: PruningConfig,
        outline: Outline | None = None,
        *,
        criterion: Criterion | None = None,
        rates: Rates | None = None,
    ) -> None:
        self.config = config
        prunable = {name: block for name, block in model.gated if block.prunable}
        check_excluded(config.exclude, prunable)
        self.blocks = {n: b for n, b in prunable.items() if n not in config.exclude}
        if not self.blocks:
            raise ConfigError("pruning: the model has no prunable block, or all are excluded.")
        self.outline, self.model = outline, model
        self.rates = rates or Rates()
        self._check_budget()
        self.observation = Observation(self.blocks, criterion or criterion_of(config.criterion))

    @property
    def evidence(self) -> dict[str, Evidence]:
        """What has been seen since the last update, by block."""
        return self.observation.evidence

    @property
    def has_evidence(self) -> bool:
        """Whether a batch has been seen since the last update."""
        return any(evidence.batches for evidence in self.evidence.values())

    def _check_budget(self) -> None:
        """Plan once for channels that all count the same: a budget out of reach fails here."""
        total = sum(block.channels for block in self.blocks.values())
        least = sum(self._floors.values())
        keep = self.config.keep
        if keep is not None and round(keep * total) < least:
            raise ConfigError(
                f"pruning.keep = {keep} of {total} channels is {round(keep * total)}, and "
                f"min_channels = {self.config.min_channels} keeps at least {least}. Keep more, or "
                "lower pruning.min_channels."
            )
        if keep is None:
            self._plan(None, self.rates)

    def detach(self) -> None:
        """Stop observing, when the structure is final."""
        self.observation.detach()

    def after_backward(self) -> None:
        """Collect what the batch says; call it between backward and the optimizer's step."""
        self.observation.after_backward()

    @contextmanager
    def protected(self) -> Iterator[None]:
        """Keep the weights of pruned channels as they were, whatever the optimizer does.

        Their gradient is zero already, but momentum and weight decay would move them.
        """
        saved = [
            (parameter, axis, off, parameter.data.index_select(axis, off))
            for block in self.blocks.values()
            if len(off := (~block.alive).nonzero().flatten())
            for parameter, axis in block.own_parameters
        ]
        yield
        for parameter, axis, off, values in saved:
            parameter.data.index_copy_(axis, off, values)

    def update(
        self, progress: float, optimizer: torch.optim.Optimizer, regenerate: float | None = None
    ) -> Update:
        """Keep the highest-scoring channels, bring back the most demanded of the others.

        Parameters
        ----------
        progress : float
            How far to go from the dense network, 0, to the budget, 1.
        optimizer : Optimizer
            The moments of channels that change state are cleared, so that a pruned channel does
            not drift and a regenerated one starts afresh.
        regenerate : float, optional
            Fraction of the channels to bring back, by default the recipe's.

        Raises
        ------
        TrainingError
            No batch has been seen since the last update, or a score is not a number.
        """
        scores, demands = self.observation.averages("score"), self.observation.averages("demand")
        before = {name: block.alive.cpu() for name, block in self.blocks.items()}
        back = self.config.regenerate if regenerate is None else regenerate
        if self.config.keep is not None and self.config.ranking == "global":
            keep = 1 - (1 - self.config.keep) * progress
            after = self._over_all_layers(scores, demands, before, keep, back)
            return self._apply(before, after, optimizer, None)
        counts, planned = self._counts(scores, before, progress)
        after = self._within_layers(scores, demands, before, counts, back)
        return self._apply(before, after, optimizer, planned)

    def _over_all_layers(
        self, scores: ByLayer, demands: ByLayer, before: Chosen, keep: float, back: float
    ) -> Chosen:
        """Rank the channels of all layers in one list."""
        total = sum(len(alive) for alive in before.values())
        budget = max(round(keep * total), sum(self._floors.values()))
        regenerate = round(min(back, 1 - keep) * total)
        # a pruned channel competes by demand only: its score is that of a channel nobody hears
        dead = {name: ~alive for name, alive in before.items()}
        standing = {n: s.masked_fill(dead[n], -torch.inf) for n, s in scores.items()}
        count = max(budget - regenerate, 0)
        kept = select_in_all(standing, count, self._floors, none_of(scores), dead)
        return select_in_all(demands, budget, self._floors, kept, none_of(scores))

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
        self, scores: ByLayer, before: Chosen, progress: float
    ) -> tuple[dict[str, int], Plan | None]:
        """Return the channels of every layer, and the plan that they lead to.

        Not a plan for a larger budget on the way: budgets of cores have other cliffs, so that
        layers would lose channels and get them back.
        """
        keep, found = self.config.keep, None
        if keep is not None:
            final = {n: max(self._floors[n], round(keep * len(a))) for n, a in before.items()}
        else:
            found = self._plan(scores, self._measured_rates(before))
            final = found.channels
        sizes = {name: len(alive) for name, alive in before.items()}
        return {n: round(size + (final[n] - size) * progress) for n, size in sizes.items()}, found

    def _plan(self, scores: ByLayer | None, rates: Rates) -> Plan:
        """Plan for what is measured, or, before there are scores, for weights of 8 bits."""
        if self.outline is None:
            raise ConfigError(f"pruning.{self.config.budget.name}: needs the outline of the model.")
        if scores is None:
            return plan_for(self.outline, self.config, rates)
        importance = {n: s.numpy() for n, s in scores.items()}
        return plan_for(self.outline, self.config, rates, importance, bits_of(self.model))

    def _measured_rates(self, before: Chosen) -> Rates:
        """Return the mean rate of the living channels of each block since the last update."""
        measured = dict(self.rates.by_layer)
        for name, rate in self.observation.averages("rate").items():
            measured[name] = float(rate[before[name]].mean())
        return Rates(self.rates.timesteps, measured, self.rates.otherwise)

    @property
    def _floors(self) -> dict[str, int]:
        least = self.config.min_channels
        return {name: min(least, block.channels) for name, block in self.blocks.items()}

    def _apply(
        self,
        before: Chosen,
        after: Chosen,
        optimizer: torch.optim.Optimizer,
        planned: Plan | None,
    ) -> Update:
        pruned = regenerated = 0
        for name, block in self.blocks.items():
            changed = before[name] != after[name]
            pruned += int((before[name] & changed).sum())
            regenerated += int((after[name] & changed).sum())
            block.gate.data.copy_(after[name].to(block.gate.dtype))
            for parameter, axis in block.own_parameters:
                _clear_moments(optimizer, parameter, axis, changed)
        self.observation.clear()
        return Update({n: int(a.sum()) for n, a in after.items()}, pruned, regenerated, planned)


def _clear_moments(
    optimizer: torch.optim.Optimizer,
    parameter: torch.nn.Parameter,
    axis: int,
    channels: torch.Tensor,
) -> None:
    index = channels.nonzero().flatten().to(parameter.device)
    for value in optimizer.state.get(parameter, {}).values():
        if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
            value.index_fill_(axis, index, 0)
