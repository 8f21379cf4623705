"""The training loop.

Everything that happens in an epoch follows from the recipe, the epoch's number and the state at
its start: the order of samples and the learning rate are functions of seed and step. So a
checkpoint at the end of an epoch is all that is needed to go on as if nothing had happened.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import TypeAlias

import numpy as np
import torch
from torch.nn import functional

from loihi_sca.config import Recipe
from loihi_sca.data import Dataset
from loihi_sca.errors import TrainingError
from loihi_sca.pruning import Pruner, Update
from loihi_sca.pruning.schedule import Schedule
from loihi_sca.slayer.blocks import SCAConv
from loihi_sca.slayer.zoo import SpikingNet, build

FINAL_RATE = 0.01
"""The learning rate ends at this fraction of its start."""


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
        Channels left per block.
    pruned, regenerated : int
        Channels that the update at its end switched off and on.
    """

    number: int
    loss: float
    accuracy: float
    validation_accuracy: float
    rates: dict[str, float] = field(default_factory=dict)
    alive: dict[str, int] = field(default_factory=dict)
    pruned: int = 0
    regenerated: int = 0

    def as_json(self) -> dict[str, object]:
        """Return a line for ``metrics.jsonl``."""
        return asdict(self)


Progress: TypeAlias = Callable[[int, int], None]
"""Called as ``progress(batches_done, batches_in_epoch)``."""


class Trainer:
    """Trains one model by one recipe, an epoch at a time.

    Parameters
    ----------
    recipe : Recipe
        Without a ``pruning`` section the model stays dense.
    train, validation : Dataset
        Where weights are learnt, and where choices are made.

    Attributes
    ----------
    model : SpikingNet
    optimizer : Optimizer
    pruner : Pruner or None
    epoch : int
        Epochs completed.
    """

    def __init__(self, recipe: Recipe, train: Dataset, validation: Dataset) -> None:
        self.recipe, self.train, self.validation = recipe, train, validation
        torch.manual_seed(recipe.seed)
        self.model: SpikingNet = build(recipe.model, train.shape, train.classes)
        self.optimizer = torch.optim.Adam(
            self.model.trainable_parameters(),
            lr=recipe.training.learning_rate,
            weight_decay=recipe.training.weight_decay,
        )
        self.pruner: Pruner | None = None
        self.schedule: Schedule | None = None
        if recipe.pruning is not None:
            self.pruner = Pruner(self.model, recipe.pruning)
            self.schedule = Schedule(recipe.pruning, recipe.training.epochs)
        self.epoch = 0

    @property
    def is_done(self) -> bool:
        """Whether all epochs of the recipe are over."""
        return self.epoch >= self.recipe.training.epochs

    @property
    def structure_is_final(self) -> bool:
        """Whether no update of the structure is still to come."""
        return self.schedule is None or self.schedule.is_frozen_after(self.epoch - 1)

    def run_epoch(self, progress: Progress | None = None) -> Epoch:
        """Train for one epoch, update the structure if it is due, and measure.

        Raises
        ------
        TrainingError
            The loss is no longer a number; the message names the blocks that fell silent.
        """
        self.model.train()
        batches = list(self._batches())
        loss_sum, correct = 0.0, 0
        for number, index in enumerate(batches):
            loss, right = self._step(index, self.epoch + number / len(batches))
            loss_sum, correct = loss_sum + loss * len(index), correct + right
            if progress is not None:
                progress(number + 1, len(batches))
        update = self._update_structure()
        self.epoch += 1
        accuracy, rates = evaluate(self.model, self.validation)
        return Epoch(
            number=self.epoch,
            loss=loss_sum / len(self.train),
            accuracy=correct / len(self.train),
            validation_accuracy=accuracy,
            rates=rates,
            alive={name: int(block.alive.sum()) for name, block in self.model.gated},
            pruned=update.pruned,
            regenerated=update.regenerated,
        )

    def _batches(self) -> Iterator[np.ndarray[tuple[int], np.dtype[np.int64]]]:
        order = np.random.default_rng([self.recipe.seed, self.epoch]).permutation(len(self.train))
        size = self.recipe.training.batch_size
        return (order[i : i + size] for i in range(0, len(order), size))

    def _step(
        self, index: np.ndarray[tuple[int], np.dtype[np.int64]], when: float
    ) -> tuple[float, int]:
        """Learn from one batch; ``when`` is the time in epochs."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate(when)
        spikes = torch.from_numpy(self.train.spikes(index)).float()
        labels = torch.from_numpy(self.train.labels[index])
        counts = self.model(spikes).sum(dim=-1)
        loss = functional.cross_entropy(counts, labels) + self._penalty()
        if not math.isfinite(loss.item()):
            raise TrainingError(self._diagnosis(loss.item()))
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        if self.pruner is not None:
            self.pruner.after_backward()
        with nullcontext() if self.pruner is None else self.pruner.protected():
            self.optimizer.step()
        return loss.item(), int((counts.argmax(dim=1) == labels).sum())

    def _learning_rate(self, when: float) -> float:
        """Cosine from the recipe's rate to a hundredth of it."""
        phase = 0.5 * (1 + math.cos(math.pi * when / self.recipe.training.epochs))
        return self.recipe.training.learning_rate * (FINAL_RATE + (1 - FINAL_RATE) * phase)

    def _penalty(self) -> torch.Tensor:
        if not self.recipe.training.l1:
            return torch.zeros(())
        weights = [b.synapse.weight for _, b in self.model.gated if isinstance(b, SCAConv)]
        return self.recipe.training.l1 * torch.stack([w.abs().sum() for w in weights]).sum()

    def _update_structure(self) -> Update:
        if self.pruner is None or self.schedule is None:
            return Update()
        keep = self.schedule.keep_after(self.epoch)
        update = Update() if keep is None else self.pruner.update(keep, self.optimizer)
        if self.schedule.is_frozen_after(self.epoch):
            self.pruner.detach()
        return update

    def _diagnosis(self, loss: float) -> str:
        _, rates = evaluate(self.model, self.validation.first(64))
        return (
            f"the loss is {loss} in epoch {self.epoch + 1}; firing rates are "
            + ", ".join(f"{name} {rate:.3f}" for name, rate in rates.items())
            + ". Lower training.learning_rate, or raise model.weight_scale if blocks are silent."
        )


def evaluate(
    model: SpikingNet, dataset: Dataset, batch_size: int = 256
) -> tuple[float, dict[str, float]]:
    """Return accuracy and the mean output rate of each block, in evaluation mode."""
    rates: dict[str, float] = {}

    def note(name: str, share: float) -> Callable[..., None]:
        def hook(_module: object, _inputs: object, spikes: torch.Tensor) -> None:
            rates[name] = rates.get(name, 0.0) + float(spikes.mean()) * share

        return hook

    was_training = model.training
    model.eval()
    correct = 0
    with torch.no_grad():
        for start in range(0, len(dataset), batch_size):
            part = slice(start, start + batch_size)
            labels = torch.from_numpy(dataset.labels[part])
            share = len(labels) / len(dataset)
            hooks = [b.register_forward_hook(note(name, share)) for name, b in model.gated]
            spikes = torch.from_numpy(dataset.spikes(part)).float()
            correct += int((model(spikes).sum(dim=-1).argmax(dim=1) == labels).sum())
            for hook in hooks:
                hook.remove()
    model.train(was_training)
    return correct / len(dataset), rates
