"""Train by a recipe into a run folder, and go on with what is there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeAlias

import tomli_w
import torch

from loihi_sca import data
from loihi_sca.config import Recipe, load_recipe
from loihi_sca.data import Dataset
from loihi_sca.errors import (
    BudgetError,
    ConfigError,
    DataError,
    InputError,
    Interrupted,
    TrainingError,
)
from loihi_sca.files import make_folder, write_text
from loihi_sca.training import checkpoint as checkpoints
from loihi_sca.training import distributed
from loihi_sca.training.checkpoint import Checkpoint
from loihi_sca.training.device import device_of, reproducible_on
from loihi_sca.training.distributed import World
from loihi_sca.training.epoch import Epoch
from loihi_sca.training.folder import LABELS, Label, Note, RunFolder
from loihi_sca.training.interrupt import StopRequest
from loihi_sca.training.loop import Progress, Trainer
from loihi_sca.training.memory import keep_freed_memory

__all__ = ["LABELS", "Interrupted", "Label", "RunFolder", "label_of", "load_split", "train"]

OnEpoch: TypeAlias = Callable[[Epoch], None]

Observer: TypeAlias = Callable[[Trainer, Epoch], None]
"""Such as :class:`loihi_sca.training.tensorboard.EventFile`; must leave the trainer as it is."""

LAUNCHER_S = 2.0
"""A launcher sends its processes the Ctrl-C that they have seen already, within this time."""

HOW_TO_RESUME = "Go on with the same command and --resume."


class _Stop(Exception):
    """Raised between two steps, when a stop was asked for."""


def train(
    recipe: Recipe | str | Path,
    folder: Path | str,
    *,
    resume: bool = False,
    start: Checkpoint | str | Path | None = None,
    device: str = "cpu",
    on_epoch: OnEpoch | None = None,
    progress: Progress | None = None,
    note: Note = lambda _text: None,
    observer: Observer | None = None,
) -> Checkpoint:
    """Train by a recipe, saving after every epoch.

    Started by ``torchrun``, the processes train together and the first one writes. Ctrl-C (or
    SIGTERM) ends training after the step that is under way and saves it; a second one at once.

    Parameters
    ----------
    recipe : Recipe, str or path
        A recipe, the name of a shipped one, or a file. Without a ``pruning`` section the model is
        called ``dense``, else ``pruned``.
    folder : path
        Created if needed.
    resume : bool
        Go on from the last checkpoint that is intact, if there is one, bit for bit as if nothing
        had happened. A finished run is returned as it is.
    start : Checkpoint or path, optional
        A trained dense network of the same recipe to start from, instead of random weights; or the
        run folder that it is in.
    device : str
        See :func:`loihi_sca.training.device.device_of`. A run may go on on another one, equal to
        rounding then, and what it leaves in its folder does not say where it was.
    on_epoch : callable, optional
        Called with each :class:`Epoch`.
    progress : callable, optional
        Called after every batch.
    note : callable, optional
        Called with what a user should know, such as a checkpoint that is damaged.
    observer : callable, optional
        Called after every epoch that is saved, with the trainer, on the first process only.

    Returns
    -------
    Checkpoint
        The best by validation accuracy, of epochs with the final structure and folded norms.

    Raises
    ------
    ConfigError
        The folder holds another run, or this one and ``resume`` is not set, or somebody else is
        training into it; its data, or those of ``start``, have another shape or other classes; or
        there is no such device.
    TrainingError
        The loss is no longer a number, samples cannot be read, or nothing can be written.
    Interrupted
        Ctrl-C; the message says how to resume.

    Examples
    --------
    >>> import loihi_sca
    >>> recipe = loihi_sca.config.Recipe.model_validate({
    ...     "name": "tiny", "data": {"name": "digits", "limit": 64, "timesteps": 4},
    ...     "model": {"layers": [{"type": "dense", "neurons": 8}]}, "training": {"epochs": 1},
    ... })
    >>> loihi_sca.train(recipe, "runs/tiny").epoch
    1
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    if isinstance(start, str | Path):
        start = RunFolder(Path(start)).trained("dense")[1]
    keep_freed_memory()
    place = device_of(device)
    with reproducible_on(place), distributed.joined(place) as world, ExitStack() as held:
        session = _Session(
            recipe, RunFolder(Path(folder)), world, resume, start, note, observer, place, held
        )
        session.train(on_epoch, progress)
        world.wait()  # the first rank writes what the others read
        return checkpoints.load(session.run.best(session.label))


class _Session:
    """A training and the folder that it is saved to."""

    def __init__(
        self,
        recipe: Recipe,
        run: RunFolder,
        world: World,
        resume: bool,
        start: Checkpoint | None,
        note: Note,
        observer: Observer | None,
        device: torch.device,
        held: ExitStack,
    ) -> None:
        self.run, self.label, self.world, self.note = run, label_of(recipe), world, note
        self.observer = observer
        data.check_test_samples(recipe.data)
        training, validation = (load_split(recipe, part) for part in ("train", "validation"))
        self.trainer = Trainer(
            recipe, training.first(recipe.data.limit), validation, world=world, device=device
        )
        self.best = -1.0
        if start is not None:
            checkpoints.start_from(self.trainer, start)
        if world.is_first:
            make_folder(run.checkpoints)
            held.enter_context(run.locked())
        state = self._found(recipe, resume)
        if world.is_first:
            run.forget_after(self.label, state)
            write_text(run.folder / "recipe.toml", recipe_as_toml(recipe))
        if state is not None:
            checkpoints.restore(self.trainer, state)
            self.best = state.best

    def _found(self, recipe: Recipe, resume: bool) -> Checkpoint | None:
        """Return the checkpoint to go on from."""
        self._check_neighbour(recipe)
        if not self.run.saved(self.label):
            return None
        if not resume:
            raise ConfigError(
                f"{self.run.folder} already holds a {self.label} run. Go on with --resume, or "
                "choose another --out."
            )
        state = self.run.newest(self.label, self.note)
        self.world.wait()  # nobody tidies up before all have read
        if state is not None and state.recipe != recipe:
            raise ConfigError(
                f"{self.run.folder} holds a run of another recipe "
                f"({_differences(state.recipe, recipe)}). Choose another --out."
            )
        if state is not None and (other := checkpoints.other_data(self.trainer, state)):
            raise ConfigError(
                f"{self.run.folder} holds a run of other data, {other}. Bring those back, or "
                "choose another --out."
            )
        if state is not None and state.origin != self.trainer.origin:
            raise ConfigError(
                f"{self.run.folder} holds a run that started from other weights. Go on with the "
                "--from it was started with, or choose another --out."
            )
        return state

    def _check_neighbour(self, recipe: Recipe) -> None:
        """Refuse a folder whose other model is of another recipe: it has one ``recipe.toml``."""
        (other,) = (label for label in LABELS if label != self.label)
        free = {"pruning": recipe.pruning, "training": recipe.training}
        theirs = self.run.recipe_of(other)
        if theirs is not None and (theirs := theirs.model_copy(update=free)) != recipe:
            raise ConfigError(
                f"{self.run.folder} holds a {other} run of another recipe "
                f"({_differences(theirs, recipe)}). Choose another --out."
            )

    def train(self, on_epoch: OnEpoch | None, progress: Progress | None) -> None:
        """Train to the end, or until something stops it."""
        patience = LAUNCHER_S if self.world.size > 1 else 0.0
        asked = "finishing this step; a second Ctrl-C stops at once"
        with StopRequest(lambda: self.note(asked), patience) as stop:

            def after_batch(done: int, total: int) -> None:
                if progress is not None:
                    progress(done, total)
                if self.world.any(stop.requested):
                    raise _Stop

            try:
                while not self.trainer.is_done:
                    self._finish(self.trainer.run_epoch(after_batch), on_epoch)
                    if not self.trainer.is_done and self.world.any(stop.requested):
                        raise _Stop
            except _Stop:
                self._save_step()
                raise Interrupted(f"interrupted {self._position()}. {HOW_TO_RESUME}") from None
            except KeyboardInterrupt:
                raise Interrupted(
                    f"interrupted at once in epoch {self.trainer.epoch + 1}; "
                    f"{self._what_is_saved()} {HOW_TO_RESUME}"
                ) from None
            except (DataError, BudgetError) as error:
                self._save_step()
                text = f"{error} Stopped {self._position()}. {HOW_TO_RESUME}"
                raise type(error)(text) from error
            except TrainingError as error:
                raise TrainingError(f"{error} {self._what_is_saved()}") from error

    def _finish(self, epoch: Epoch, on_epoch: OnEpoch | None) -> None:
        """Save an epoch; the checkpoint is written last, so that a kill repeats the epoch."""
        is_best = self.trainer.is_deployable and epoch.validation_accuracy >= self.best
        if is_best:
            self.best = epoch.validation_accuracy
        if self.world.is_first:
            try:
                if is_best:
                    state = checkpoints.capture(self.trainer, self.best)
                    checkpoints.save(state, self.run.best(self.label))
                self.run.add_metrics(self.label, epoch.as_json())
                self._save()
            except InputError as error:
                raise TrainingError(
                    f"{error} Epoch {epoch.number} is not saved; make room or give access, then go "
                    "on with the same command and --resume."
                ) from error
            if self.observer is not None:
                self.observer(self.trainer, epoch)
        if epoch.folding:
            self.note(epoch.folding.as_text())
        if on_epoch is not None:
            on_epoch(epoch)

    def _save(self) -> None:
        state = checkpoints.capture(self.trainer, self.best)
        self.run.save(self.label, state, self.trainer.recipe.training.keep_checkpoints)

    def _save_step(self) -> None:
        """Save in the middle of an epoch, if there is anything to save."""
        if self.world.is_first and (self.trainer.sums.batches or self.trainer.epoch):
            # what stops the training is the news; the checkpoint before it is still there
            with suppress(InputError, TrainingError):
                self.trainer.check_weights()
                self._save()

    def _position(self) -> str:
        """Say where the newest checkpoint is."""
        saved = self.run.saved(self.label)
        if not saved:
            return "before the first step, nothing is saved"
        epoch, batches = (int(part) for part in saved[0].stem.split("-")[1:])
        step = f" and {batches} batches of the next" if batches else ""
        return f"and saved after {epoch} epochs{step} in {self.run.folder}"

    def _what_is_saved(self) -> str:
        saved = self.run.saved(self.label)
        if not saved:
            return "Nothing is saved yet."
        return f"The last good checkpoint is {saved[0]}."


def label_of(recipe: Recipe) -> Label:
    """Return what the model of a recipe is called."""
    return "dense" if recipe.pruning is None else "pruned"


def load_split(recipe: Recipe, split: data.Split) -> Dataset:
    """Load a split of a recipe's dataset, encoded as the recipe says."""
    return data.load_as(recipe.data, split=split, seed=recipe.seed)


def recipe_as_toml(recipe: Recipe) -> str:
    """Return a recipe as TOML with every default spelled out."""
    return tomli_w.dumps(recipe.model_dump(mode="json", exclude_none=True))


def _differences(ours: Recipe, theirs: Recipe) -> str:
    a, b = ours.model_dump(), theirs.model_dump()
    return ", ".join(key for key in a if a[key] != b[key]) + " differ"
