"""The pruner: watches training, and at an update decides which channels live."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from loihi_sca.config import PruningConfig
from loihi_sca.errors import ConfigError, TrainingError
from loihi_sca.pruning.criteria import CRITERIA
from loihi_sca.slayer.blocks import Gated
from loihi_sca.slayer.dynamics import Activity
from loihi_sca.slayer.zoo import SpikingNet


@dataclass
class Evidence:
    """Running sums over the batches since the last update, per channel of one block.

    Attributes
    ----------
    score : tensor (C,)
        Sum of the criterion.
    demand : tensor (C,)
        Sum of ``|dL/dgate|``: how much the loss would like the channel back.
    batches : int
        Number of batches summed.
    """

    score: torch.Tensor
    demand: torch.Tensor
    batches: int = 0

    def clear(self) -> None:
        """Start anew."""
        self.score.zero_()
        self.demand.zero_()
        self.batches = 0


@dataclass(frozen=True)
class Update:
    """What an update did.

    Attributes
    ----------
    alive : dict of str to int
        Channels left per prunable block.
    pruned, regenerated : int
        Channels switched off and on.
    """

    alive: dict[str, int] = field(default_factory=dict)
    pruned: int = 0
    regenerated: int = 0


class Pruner:
    """Switches the gates of a model.

    Call :meth:`after_backward` for every batch, wrap the optimizer's step in :meth:`protected`,
    and call :meth:`update` when the schedule says so.

    Parameters
    ----------
    model : SpikingNet
        Its prunable blocks are observed from now on.
    config : PruningConfig
        Criterion and fractions.

    Raises
    ------
    ConfigError
        The criterion is unknown, or the model has nothing to prune.
    """

    def __init__(self, model: SpikingNet, config: PruningConfig) -> None:
        if config.criterion not in CRITERIA:
            raise ConfigError(
                f"pruning.criterion: no criterion {config.criterion!r}; "
                f"there are {', '.join(CRITERIA)}."
            )
        self.config = config
        self.blocks = {name: block for name, block in model.gated if block.prunable}
        if not self.blocks:
            raise ConfigError("pruning: the model has no prunable block.")
        self.evidence: dict[str, Evidence] = {}
        self._names = {block: name for name, block in self.blocks.items()}
        for name, block in self.blocks.items():
            self.evidence[name] = Evidence(torch.zeros(block.channels), torch.zeros(block.channels))
            block.observer = self._observe

    def detach(self) -> None:
        """Stop observing, when the structure is final."""
        for block in self.blocks.values():
            block.observer = None

    def _observe(self, block: Gated, activity: Activity) -> None:
        evidence = self.evidence[self._names[block]]
        evidence.score += CRITERIA[self.config.criterion](block, activity).cpu()
        evidence.batches += 1

    def after_backward(self) -> None:
        """Collect the gradients of the gates; call it between backward and the optimizer's step."""
        for name, block in self.blocks.items():
            if block.gate.grad is not None:
                self.evidence[name].demand += block.gate.grad.abs().cpu()
                block.gate.grad = None

    @contextmanager
    def protected(self) -> Iterator[None]:
        """Keep the weights of pruned channels as they were, whatever the optimizer does.

        Their gradient is zero already, but momentum and weight decay would move them.
        """
        saved = [
            (parameter, off, parameter.data[off].clone())
            for block in self.blocks.values()
            if bool((off := ~block.alive).any())
            for parameter in _own_parameters(block)
        ]
        yield
        for parameter, off, values in saved:
            parameter.data[off] = values

    def update(self, keep: float, optimizer: torch.optim.Optimizer) -> Update:
        """Keep the highest-scoring channels, bring back the most demanded of the others.

        Parameters
        ----------
        keep : float
            Fraction of the prunable channels that are alive afterwards, regenerated ones included.
        optimizer : Optimizer
            The moments of channels that change state are cleared, so that a pruned channel does
            not drift and a regenerated one starts afresh.

        Raises
        ------
        TrainingError
            No batch has been seen since the last update, or a score is not a number.
        """
        scores, demands = self._averages("score"), self._averages("demand")
        before = {name: block.alive.cpu() for name, block in self.blocks.items()}
        total = sum(block.channels for block in self.blocks.values())
        budget = max(round(keep * total), sum(self._floor(b) for b in self.blocks.values()))
        regenerate = round(min(self.config.regenerate, 1 - keep) * total)

        # a pruned channel competes by demand only: its score is that of a channel nobody hears
        dead = {name: ~alive for name, alive in before.items()}
        standing = {n: s.masked_fill(dead[n], -torch.inf) for n, s in scores.items()}
        kept = self._select(standing, max(budget - regenerate, 0), excluded=dead)
        after = self._select(demands, budget, base=kept)
        return self._apply(before, after, optimizer)

    def _averages(self, what: str) -> dict[str, torch.Tensor]:
        found = {}
        for name, evidence in self.evidence.items():
            if not evidence.batches:
                raise TrainingError(f"{name}: no batch seen since the last pruning update.")
            found[name] = getattr(evidence, what) / evidence.batches
            if not bool(found[name].isfinite().all()):
                raise TrainingError(
                    f"{name}: the {what} of criterion {self.config.criterion!r} is not finite."
                )
        return found

    def _floor(self, block: Gated) -> int:
        return min(self.config.min_channels, block.channels)

    def _select(
        self,
        values: dict[str, torch.Tensor],
        count: int,
        *,
        base: dict[str, torch.Tensor] | None = None,
        excluded: dict[str, torch.Tensor] | None = None,
    ) -> dict[str, torch.Tensor]:
        """Add to a base the channels of largest value over all blocks until ``count`` are chosen.

        Every block first gets its floor, out of its own best.
        """
        chosen = {
            name: torch.zeros(len(v), dtype=torch.bool) if base is None else base[name].clone()
            for name, v in values.items()
        }
        for name, block in self.blocks.items():
            missing = self._floor(block) - int(chosen[name].sum())
            open_values = values[name].masked_fill(chosen[name], -torch.inf)
            if missing > 0:
                chosen[name][open_values.topk(missing).indices] = True
        sizes = [len(v) for v in values.values()]
        flat = torch.cat(list(chosen.values()))
        closed = flat if excluded is None else flat | torch.cat([excluded[n] for n in values])
        remaining = min(count - int(flat.sum()), int((~closed).sum()))
        if remaining > 0:
            ranking = torch.cat(list(values.values())).masked_fill(closed, -torch.inf)
            flat[ranking.topk(remaining).indices] = True
            chosen = dict(zip(values, torch.split_with_sizes(flat, sizes), strict=True))
        return chosen

    def _apply(
        self,
        before: dict[str, torch.Tensor],
        after: dict[str, torch.Tensor],
        optimizer: torch.optim.Optimizer,
    ) -> Update:
        pruned = regenerated = 0
        for name, block in self.blocks.items():
            changed = before[name] != after[name]
            pruned += int((before[name] & changed).sum())
            regenerated += int((after[name] & changed).sum())
            block.gate.data.copy_(after[name].to(block.gate.dtype))
            for parameter in _own_parameters(block):
                _clear_moments(optimizer, parameter, changed)
            self.evidence[name].clear()
        return Update({n: int(a.sum()) for n, a in after.items()}, pruned, regenerated)


def _own_parameters(block: Gated) -> tuple[torch.nn.Parameter, ...]:
    """Return the parameters whose first axis is the channel."""
    return block.synapse.weight, block.scale


def _clear_moments(
    optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter, channels: torch.Tensor
) -> None:
    for value in optimizer.state.get(parameter, {}).values():
        if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
            value[channels] = 0
