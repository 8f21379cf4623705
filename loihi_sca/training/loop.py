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

from loihi_sca.config import Recipe
from loihi_sca.data import Dataset
from loihi_sca.errors import TrainingError
from loihi_sca.pruning import Pruner, Update
from loihi_sca.pruning.criteria import Criterion
from loihi_sca.pruning.meters import Rates
from loihi_sca.pruning.outline import outline_of
from loihi_sca.pruning.schedule import Schedule
from loihi_sca.slayer.blocks import ValueInput
from loihi_sca.slayer.removal import remove_pruned
from loihi_sca.slayer.zoo import SpikingNet, build
from loihi_sca.training.loss import Loss

FINAL_RATE = 0.01
"""The learning rate ends at this fraction of its start."""

MAX_EPOCHS = 1 << 20
"""Keeps the random numbers of different seeds apart."""

RATE_SAMPLES = 256
"""Training samples from which the rate of the input is known, for budgets of synops and energy."""


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
        Channels that its updates switched off and on.
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
    criterion : callable, optional
        A pruning criterion of your own, instead of the recipe's.

    Attributes
    ----------
    model : SpikingNet
    optimizer : Optimizer
    pruner : Pruner or None
        Until the structure is final.
    epoch : int
        Epochs completed.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: Dataset,
        validation: Dataset,
        *,
        criterion: Criterion | None = None,
    ) -> None:
        self.recipe, self.train, self.validation = recipe, train, validation
        torch.manual_seed(recipe.seed)
        self.model: SpikingNet = build(
            recipe.model, train.shape, train.classes, values=recipe.data.encoding == "direct"
        )
        self.optimizer = torch.optim.Adam(
            self.model.trainable_parameters(),
            lr=recipe.training.learning_rate,
            weight_decay=recipe.training.weight_decay,
        )
        self.loss = Loss(self.model, recipe.training)
        self.pruner: Pruner | None = None
        self.schedule: Schedule | None = None
        if recipe.pruning is not None:
            self.schedule = Schedule(recipe.pruning, recipe.training.epochs, self._steps_per_epoch)
            self.pruner = Pruner(
                self.model,
                recipe.pruning,
                outline_of(recipe, train.shape, train.classes),
                criterion=criterion,
                rates=Rates(train.timesteps, {"input": self._input_rate()}),
            )
        self.epoch = 0

    @property
    def is_done(self) -> bool:
        """Whether all epochs of the recipe are over."""
        return self.epoch >= self.recipe.training.epochs

    @property
    def structure_is_final(self) -> bool:
        """Whether no update of the structure is still to come."""
        steps = self.epoch * self._steps_per_epoch
        return self.schedule is None or self.schedule.is_frozen_after(steps - 1)

    @property
    def _steps_per_epoch(self) -> int:
        return math.ceil(len(self.train) / self.recipe.training.batch_size)

    def run_epoch(self, progress: Progress | None = None) -> Epoch:
        """Train for one epoch, update the structure if it is due, and measure.

        Raises
        ------
        TrainingError
            The loss is no longer a number; the message names the blocks that fell silent.
        """
        self.model.train()
        # whatever is drawn in an epoch, such as random scores, follows from seed and epoch
        torch.manual_seed(self.recipe.seed * MAX_EPOCHS + self.epoch + 1)
        batches = list(self._batches())
        loss_sum, correct, pruned, regenerated = 0.0, 0, 0, 0
        for number, index in enumerate(batches):
            loss, right = self._step(index, self.epoch + number / len(batches))
            loss_sum, correct = loss_sum + loss * len(index), correct + right
            update = self._update_structure(self.epoch * len(batches) + number)
            pruned, regenerated = pruned + update.pruned, regenerated + update.regenerated
            if progress is not None:
                progress(number + 1, len(batches))
        self.epoch += 1
        accuracy, rates = evaluate(self.model, self.validation)
        return Epoch(
            number=self.epoch,
            loss=loss_sum / len(self.train),
            accuracy=correct / len(self.train),
            validation_accuracy=accuracy,
            rates=rates,
            alive={name: int(block.alive.sum()) for name, block in self.model.gated},
            pruned=pruned,
            regenerated=regenerated,
        )

    def _input_rate(self) -> float:
        """Return the spikes per input position and step, of the first training samples."""
        given = torch.from_numpy(self.train.first(RATE_SAMPLES).spikes()).float()
        first = next(self.model.children())
        with torch.no_grad():
            spikes = first(given) if isinstance(first, ValueInput) else given
        return float(spikes.mean())

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
        loss = self.loss(counts, labels)
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

    def _update_structure(self, step: int) -> Update:
        """Change the structure after a step, counted from the start of the training, if due."""
        if self.pruner is None or self.schedule is None:
            return Update()
        progress = self.schedule.progress_after(step)
        if progress is None:
            return Update()
        regenerate = self.schedule.regenerate_after(step)
        update = self.pruner.update(progress, self.optimizer, regenerate)
        if self.schedule.is_frozen_after(step):
            self.freeze()
        return update

    def freeze(self) -> None:
        """End pruning: what is off cannot come back any more, so it is no longer computed."""
        if self.pruner is not None:
            self.pruner.detach()
            self.pruner = None
            remove_pruned(self.model, self.optimizer)

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
