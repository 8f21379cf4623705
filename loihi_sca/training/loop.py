"""The training loop.

Everything that happens in an epoch follows from the recipe, the epoch's number and the state at
its start: the order of samples, the learning rate and all random numbers are functions of seed
and step. So weights, moments and a few sums are all that is needed to go on after any step as if
nothing had happened.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import torch

from loihi_sca.config import Recipe
from loihi_sca.data import Augmentation, Dataset, check_augmentation
from loihi_sca.errors import BudgetError, ConfigError, DataError, InputError, TrainingError
from loihi_sca.model.build import SpikingNet, build
from loihi_sca.model.folded import Folding
from loihi_sca.model.folding import FOLD_SAMPLES, NOISE_SAMPLES, measure_and_fold, open_norms
from loihi_sca.planning.outline import outline_of
from loihi_sca.pruning import Pruner
from loihi_sca.pruning.bits import hold_bits, planned_bits
from loihi_sca.pruning.criteria import Criterion
from loihi_sca.pruning.schedule import UpdateSchedule
from loihi_sca.slayer.dynamics.events import event_driven
from loihi_sca.training.distributed import ALONE, Index, World
from loihi_sca.training.epoch import Epoch, Sums
from loihi_sca.training.inputs import as_input
from loihi_sca.training.loss import Loss
from loihi_sca.training.plan import augmentation_of, batches_of, fold_epoch_of, learning_rate_at
from loihi_sca.training.rates import rates_of
from loihi_sca.training.validation import broken_blocks, diagnosis, evaluate

CPU = torch.device("cpu")
MEASURED = "Rates and bits of weights are measured now, not assumed as when training began."

Progress: TypeAlias = Callable[[int, int], None]
"""Called as ``progress(batches_done, batches_in_epoch)``; what it raises ends the training between
two steps, so that its state can be saved."""


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
    world : World
        The processes that train together.
    device : torch.device
        Where the model is, and goes to from the CPU, where it is made: its first weights are the
        same everywhere.

    Attributes
    ----------
    model : SpikingNet
    optimizer : Optimizer
    pruner : Pruner or None
        Until the structure is final.
    held_bits : dict of str to int
        Bits that weights keep to once the structure is final, as the last plan counted on.
    epoch : int
        Epochs completed.
    sums : Sums
        Of the epoch that is under way.
    origin : str
        Digest of the weights it started from, see :func:`loihi_sca.training.checkpoint.start_from`.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: Dataset,
        validation: Dataset,
        *,
        criterion: Criterion | None = None,
        world: World = ALONE,
        device: torch.device = CPU,
    ) -> None:
        self.world, self.device = world, device
        self.recipe, self.train, self.validation = recipe, train, validation
        check_augmentation(recipe.data, train.shape)
        torch.manual_seed(recipe.seed)
        self.model: SpikingNet = build(
            recipe.model, train.shape, train.classes, values=recipe.data.are_values
        ).to(device)
        self.optimizer = torch.optim.Adam(
            self.model.trainable_parameters(),
            lr=recipe.training.learning_rate,
            weight_decay=recipe.training.weight_decay,
        )
        self.pruner: Pruner | None = None
        self.schedule: UpdateSchedule | None = None
        if recipe.pruning is not None:
            steps = self._steps_per_epoch
            self.pruner = Pruner(
                self.model,
                recipe.pruning,
                criterion=criterion,
                steps=recipe.training.epochs * steps,
                steps_per_epoch=steps,
                seed=recipe.seed,
                outline=outline_of(recipe, train.shape, train.classes),
                rates=rates_of(recipe, train),
                measure_bits=True,
            )
            self.schedule = self.pruner.timeline.schedule
        # after the pruner, which would ask what hooks in a model do
        self.loss = Loss(self.model, recipe.training)
        self.held_bits: dict[str, int] = {}
        self._masks: dict[str, torch.Tensor] | None = None
        self._parallel: torch.nn.Module | None = None
        self._augmentation: Augmentation | None = None
        self.epoch, self.sums, self.origin = 0, Sums(), ""

    @property
    def is_done(self) -> bool:
        """Whether all epochs of the recipe are over."""
        return self.epoch >= self.recipe.training.epochs

    @property
    def structure_is_final(self) -> bool:
        """Whether no update of the structure is still to come."""
        steps = self.epoch * self._steps_per_epoch + self.sums.batches
        return self.schedule is None or self.schedule.is_frozen_after(steps - 1)

    @property
    def is_deployable(self) -> bool:
        """Whether the model is of the kind that ships: its structure final, its norms folded."""
        return self.structure_is_final and not open_norms(self.model)

    @property
    def _steps_per_epoch(self) -> int:
        return math.ceil(len(self.train) / self.recipe.training.batch_size)

    @property
    def _batches(self) -> list[Index]:
        return batches_of(self.recipe, len(self.train), self.epoch)

    @property
    def masks(self) -> dict[str, torch.Tensor]:
        """Which channels of the recipe are alive, removed ones included: bool (C,), on the CPU."""
        if self._masks is not None:
            return self._masks
        return {name: block.alive.cpu() for name, block in self.model.gated}

    def run_epoch(self, progress: Progress | None = None) -> Epoch:
        """Train to the end of the epoch, update the structure where it is due, and measure.

        Raises
        ------
        TrainingError
            The loss or a weight is no longer a number, and the message names the block; or samples
            cannot be read, and the state is that after the batch before.
        """
        self.model.train()
        batches = self._batches
        self._augmentation = augmentation_of(self.recipe, len(self.train), self.epoch)
        self._update_structure()  # only if one failed, after which everything was saved
        for number in range(self.sums.batches, len(batches)):
            step = self.epoch * len(batches) + number
            # whatever is drawn in a step, such as random scores, follows from seed and step
            state = np.random.SeedSequence([self.recipe.seed, step]).generate_state(1, np.uint64)
            torch.manual_seed(int(state[0]))
            loss, right = self._step(batches[number], self.epoch + number / len(batches))
            self.sums = self.sums.plus(len(batches[number]), loss, right)
            self._update_structure()
            if progress is not None:
                progress(number + 1, len(batches))
        self.check_weights()
        return self._finish_epoch()

    def check_weights(self) -> None:
        """Raise unless all weights are numbers.

        Raises
        ------
        TrainingError
            Names the blocks with those that are not.
        """
        if broken_blocks(self.model):
            raise TrainingError(f"in epoch {self.epoch + 1}, {self._diagnosis()}")

    def _finish_epoch(self) -> Epoch:
        self.world.share_state(self.model)
        accuracy, rates = self._validate()
        folding, last = None, 0 if self.schedule is None else self.schedule.last_epoch
        if self.epoch + 1 == fold_epoch_of(self.recipe.training, last) and open_norms(self.model):
            folded, before = self._fold(), accuracy
            accuracy, rates = self._validate()
            folding = folded.measured(before, accuracy)
        sums, self.sums = self.sums, Sums()
        self.epoch += 1
        return Epoch(
            number=self.epoch,
            loss=sums.loss / sums.samples,
            accuracy=sums.correct / sums.samples,
            validation_accuracy=accuracy,
            rates=rates,
            alive={n: int(b.alive.sum()) for n, b in self.model.gated if b.prunable},
            pruned=sums.pruned,
            regenerated=sums.regenerated,
            changes=sums.changes,
            folding=folding,
        )

    def _fold(self) -> Folding:
        count = math.ceil(FOLD_SAMPLES / self.recipe.training.batch_size)
        parts = (self._read(self.world.share(i)[0])[0] for i in self._batches[:count])
        few = torch.from_numpy(self.validation.spikes(slice(0, NOISE_SAMPLES))).to(self.device)
        return measure_and_fold(self.model, parts, few.float())

    def _validate(self) -> tuple[float, dict[str, float]]:
        part, weight = self.world.share(np.arange(len(self.validation)))
        accuracy, rates = evaluate(self.model, self.validation.pick(part))
        mean = self.world.total([weight * v for v in (accuracy, *rates.values())])
        return mean[0], dict(zip(rates, mean[1:], strict=True))

    def _step(self, index: Index, when: float) -> tuple[float, int]:
        """Learn from one batch; ``when`` is the time in epochs. Return loss and right answers."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(self.recipe.training, when)
        part, weight = self.world.share(index)
        spikes, labels = self._read(part)
        self.world.share_activity(self.model, weight)
        counts = self.model.scores(self._network(spikes))
        loss = self.loss(counts, labels)
        right = float((counts.argmax(dim=1) == labels).sum()) / len(part)
        mean_loss, accuracy = self.world.total([weight * loss.item(), weight * right])
        if not math.isfinite(mean_loss):
            raise TrainingError(
                f"the loss is {mean_loss} in epoch {self.epoch + 1}; {self._diagnosis()}"
            )
        self.optimizer.zero_grad()
        torch.autograd.backward(loss * (weight * self.world.size))
        self.optimizer.step()
        if self.pruner is not None:
            self.pruner.observe(self.optimizer)
        hold_bits(self.model, self.held_bits)
        return mean_loss, round(accuracy * len(index))

    def _read(self, index: Index) -> tuple[torch.Tensor, torch.Tensor]:
        """Return spikes and labels of training samples."""
        try:
            spikes, labels = self.train.distinct(index), self.train.labels[index]
        except (OSError, ValueError, LookupError, RuntimeError) as error:
            raise DataError(
                f"training samples cannot be read in epoch {self.epoch + 1}, batch "
                f"{self.sums.batches + 1}: {type(error).__name__}: {error}."
            ) from error
        if self._augmentation is not None:
            spikes = self._augmentation.applied(spikes, index)
        given = as_input(spikes, self.train.timesteps, self.device)
        return given, torch.from_numpy(labels).to(self.device)

    def _network(self, spikes: torch.Tensor) -> torch.Tensor:
        if self._parallel is None:
            self._parallel = self.world.parallel(self.model, self.train.shape, self.train.timesteps)
        with event_driven(self.recipe.training.events):
            output: torch.Tensor = self._parallel(spikes)
        return output

    def _update_structure(self) -> None:
        """Change the structure if that is due; it stays due if the budget is out of reach."""
        if self.pruner is None or not self.pruner.is_due:
            return
        self.check_weights()  # here as well, since no score would tell what is wrong
        try:
            update = self.pruner.update_due(self.optimizer)
        except (ConfigError, InputError) as error:
            when = f"the update after batch {self.sums.batches} of epoch {self.epoch + 1}"
            raise BudgetError(f"{when}: {error} {MEASURED}") from error
        self.sums = self.sums.updated(update)
        self.world.check_same(self.masks)
        if self.pruner.is_final:
            self.held_bits = {} if update.plan is None else planned_bits(update.plan.architecture)
            self.freeze()

    def freeze(self, masks: Mapping[str, torch.Tensor] | None = None) -> None:
        """End pruning: what is off cannot come back any more, so it is no longer computed.

        Parameters
        ----------
        masks : mapping of str to bool tensor, optional
            What :attr:`masks` shall be from now on, if channels are removed already.
        """
        if self.pruner is not None:
            self._masks = dict(masks or self.masks)
            self.pruner.remove(self.optimizer)
            self.pruner = None
            self._parallel = None  # it knows parameters by their old shapes

    def _diagnosis(self) -> str:
        return diagnosis(self.model, self.validation.first(64))
