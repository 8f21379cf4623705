"""What an epoch of training brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from loihi_sca.model.folded import Folding
from loihi_sca.pruning import Update
from loihi_sca.pruning.update import Change


@dataclass(frozen=True)
class Epoch:
    """What one epoch brought.

    Attributes
    ----------
    number : int
        From 1.
    loss, accuracy : float
        Mean over the training samples.
    validation_accuracy : float
        On the validation split.
    rates : dict of str to float
        Output spikes per channel-step of each block, on the validation split.
    alive : dict of str to int
        Channels left per block that can be pruned: the classes of the read-out are none.
    pruned, regenerated : int
        Channels that its updates switched off and on.
    changes : dict of str to Change
        The same by block, with the scores behind them; empty without an update.
    folding : Folding or None
        If batch norms were folded at its end; ``validation_accuracy`` is then that of the folded
        model.
    """

    number: int
    loss: float
    accuracy: float
    validation_accuracy: float
    rates: dict[str, float] = field(default_factory=dict)
    alive: dict[str, int] = field(default_factory=dict)
    pruned: int = 0
    regenerated: int = 0
    changes: dict[str, Change] = field(default_factory=dict)
    folding: Folding | None = None

    def as_json(self) -> dict[str, object]:
        """Return a line for ``metrics.jsonl``."""
        values = asdict(self)
        seldom = ("folding", "changes")
        return {k: v for k, v in values.items() if v or k not in seldom}


@dataclass(frozen=True)
class Sums:
    """What an epoch has brought until now.

    Attributes
    ----------
    batches, samples : int
        How many are over.
    loss : float
        Sum over the samples.
    correct : int
        Samples that were classified right.
    pruned, regenerated : int
        Channels switched off and on.
    changes : dict of str to Change
        The same by block.
    """

    batches: int = 0
    samples: int = 0
    loss: float = 0.0
    correct: int = 0
    pruned: int = 0
    regenerated: int = 0
    changes: dict[str, Change] = field(default_factory=dict)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Sums:
        """Return sums from their fields; older ones do not tell changes by block."""
        changes = {n: Change.from_json(c) for n, c in values.get("changes", {}).items()}
        return Sums(**{**values, "changes": changes})

    def plus(self, samples: int, loss: float, correct: int) -> Sums:
        """Return the sums after one more batch, whose mean loss is given."""
        return replace(
            self,
            batches=self.batches + 1,
            samples=self.samples + samples,
            loss=self.loss + loss * samples,
            correct=self.correct + correct,
        )

    def updated(self, update: Update) -> Sums:
        """Return the sums after an update that was due after a batch that is counted."""
        return replace(
            self,
            pruned=self.pruned + update.pruned,
            regenerated=self.regenerated + update.regenerated,
            changes={
                name: self.changes.get(name, Change()).then(change)
                for name, change in update.changes.items()
            }
            or self.changes,
        )
