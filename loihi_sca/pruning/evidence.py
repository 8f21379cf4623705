"""What training says about channels: scores, demand and rates, averaged over batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from loihi_sca.errors import ConfigError, TrainingError
from loihi_sca.model.blocks import Gated
from loihi_sca.pruning.criteria import Criterion, scores_of
from loihi_sca.pruning.selection import ByLayer
from loihi_sca.slayer.dynamics import ChannelActivity


@dataclass
class Evidence:
    """Running sums over the batches since the last update, per channel of one block.

    Attributes
    ----------
    score : tensor (C,)
        Sum of the criterion.
    demand : tensor (C,)
        Sum of ``|dL/dgate|``: how much the loss would like the channel back.
    rate : tensor (C,)
        Sum of the firing rate.
    batches : int
        Number of batches summed.
    """

    score: torch.Tensor
    demand: torch.Tensor
    rate: torch.Tensor
    batches: int = 0

    def clear(self) -> None:
        """Start anew."""
        for values in (self.score, self.demand, self.rate):
            values.zero_()
        self.batches = 0


class Observation:
    """Observes blocks in training and collects evidence.

    Parameters
    ----------
    blocks : mapping of str to Gated
        Their observer is set.
    criterion : callable
        Gives the scores.

    Raises
    ------
    ConfigError
        The criterion does not give one finite score per channel.
    """

    def __init__(self, blocks: Mapping[str, Gated], criterion: Criterion) -> None:
        self.blocks, self.criterion = dict(blocks), criterion
        self.evidence: dict[str, Evidence] = {}
        self._names = {block: name for name, block in self.blocks.items()}
        self._latest: dict[str, ChannelActivity] = {}
        for name, block in self.blocks.items():
            self._try_on_made_up_activity(name, block)
            score, demand, rate = torch.zeros(3, block.channels)
            self.evidence[name] = Evidence(score, demand, rate)
            block.observer = self.observe

    def _try_on_made_up_activity(self, name: str, block: Gated) -> None:
        half = torch.full((block.channels,), 0.5, device=block.gate.device)
        made_up = ChannelActivity(half, half, half, half)
        if not bool(scores_of(self.criterion, name, block, made_up).isfinite().all()):
            called = getattr(self.criterion, "__name__", "criterion")
            raise ConfigError(f"criterion {called!r} gives {name} scores that are not finite.")

    def detach(self) -> None:
        """Stop observing."""
        for block in self.blocks.values():
            block.observer = None

    def observe(self, block: Gated, activity: ChannelActivity) -> None:
        """Note what a block did in a forward pass."""
        self._latest[self._names[block]] = activity

    def after_backward(self, strict: bool = False) -> None:
        """Collect what a batch says, while gradients are there; gradients of gates are removed.

        Raises
        ------
        TrainingError
            With ``strict``: there was no forward pass in training mode, or no backward pass.
            Nothing is collected.
        """
        if strict:
            self._check_passes()
        for name, block in self.blocks.items():
            activity = self._latest.pop(name, None)
            evidence = self.evidence[name]
            if activity is not None:
                evidence.score += scores_of(self.criterion, name, block, activity)
                evidence.rate += activity.rate.detach().float().cpu()
                evidence.batches += 1
            if block.gate.grad is not None:
                evidence.demand += block.gate.grad.abs().cpu()
                block.gate.grad = None

    def _check_passes(self) -> None:
        if not self._latest:
            raise TrainingError(
                "no block has run in training mode since the last step of the pruner. Call "
                "model.train(), and step the pruner once for every forward and backward pass."
            )
        if all(block.gate.grad is None for block in self.blocks.values()):
            raise TrainingError(
                "no gradient has reached the gates since the last step of the pruner. Step it "
                "after loss.backward() and optimizer.step(), before gradients are cleared."
            )

    def averages(self, what: str) -> ByLayer:
        """Return ``score``, ``demand`` or ``rate`` averaged over the batches, by block.

        Raises
        ------
        TrainingError
            No batch has been seen, or an average is not finite.
        """
        found = {}
        for name, evidence in self.evidence.items():
            if not evidence.batches:
                raise TrainingError(f"{name}: no batch seen since the last pruning update.")
            found[name] = getattr(evidence, what) / evidence.batches
            if not bool(found[name].isfinite().all()):
                called = getattr(self.criterion, "__name__", "criterion")
                raise TrainingError(f"{name}: the {what} of criterion {called!r} is not finite.")
        return found

    def clear(self) -> None:
        """Start anew, after an update."""
        for evidence in self.evidence.values():
            evidence.clear()
