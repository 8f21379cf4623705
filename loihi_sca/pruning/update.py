"""What an update of the structure did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from loihi_sca.planning.budget import Plan

BINS = 20
"""Of a histogram of scores."""


@dataclass(frozen=True)
class Scores:
    """A histogram of the scores of the channels of a block that lived before an update.

    Attributes
    ----------
    low, high : float
        Ends of the bins, which are equally wide.
    kept, pruned : tuple of int
        Channels per bin that stayed, and that were switched off.
    """

    low: float
    high: float
    kept: tuple[int, ...]
    pruned: tuple[int, ...]


@dataclass(frozen=True)
class Change:
    """What updates did to a block.

    Attributes
    ----------
    pruned, regenerated : int
        Channels switched off and on.
    scores : Scores or None
        That the last update went by.
    """

    pruned: int = 0
    regenerated: int = 0
    scores: Scores | None = None

    def then(self, later: Change) -> Change:
        """Return what this update and a later one did together."""
        return Change(
            self.pruned + later.pruned, self.regenerated + later.regenerated, later.scores
        )

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Change:
        """Return a change from its fields."""
        scores = values["scores"]
        if scores is not None:
            each = {name: tuple(scores[name]) for name in ("kept", "pruned")}
            scores = Scores(scores["low"], scores["high"], **each)
        return Change(values["pruned"], values["regenerated"], scores)


@dataclass(frozen=True)
class Update:
    """What an update did.

    Attributes
    ----------
    alive : dict of str to int
        Channels left per prunable block.
    changes : dict of str to Change
        By prunable block.
    plan : Plan or None
        How a budget was divided over the layers.
    """

    alive: dict[str, int] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)
    plan: Plan | None = None

    @property
    def pruned(self) -> int:
        """Channels switched off."""
        return sum(change.pruned for change in self.changes.values())

    @property
    def regenerated(self) -> int:
        """Channels switched on."""
        return sum(change.regenerated for change in self.changes.values())


def change_of(before: torch.Tensor, after: torch.Tensor, scores: torch.Tensor) -> Change:
    """Return what became of the channels of a block.

    Parameters
    ----------
    before, after : bool tensor (C,)
        Whether they live.
    scores : tensor (C,)
    """
    off, on = before & ~after, after & ~before
    return Change(int(off.sum()), int(on.sum()), _histogram(scores, before & after, off))


def _histogram(scores: torch.Tensor, kept: torch.Tensor, pruned: torch.Tensor) -> Scores | None:
    lived = scores[kept | pruned].double()
    if not len(lived):
        return None
    low, high = float(lived.min()), float(lived.max())
    width = (high - low) / BINS or 1.0

    def count(chosen: torch.Tensor) -> tuple[int, ...]:
        bins = ((scores[chosen].double() - low) / width).long().clamp(0, BINS - 1)
        return tuple(torch.bincount(bins, minlength=BINS).tolist())

    return Scores(low, high, count(kept), count(pruned))
