"""A run folder: train by a recipe, resume, and find what was trained.

::

    RUN/recipe.toml                          the recipe, every default spelled out
    RUN/metrics.jsonl                        a line per epoch
    RUN/checkpoints/MODEL-last.safetensors   to resume from
    RUN/checkpoints/MODEL-best.safetensors   best validation accuracy, structure final
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import tomli_w

from loihi_sca import data
from loihi_sca.config import Recipe
from loihi_sca.data import Dataset
from loihi_sca.errors import ConfigError, InputError, LoihiScaError
from loihi_sca.files import make_folder, write_text
from loihi_sca.training import checkpoint as checkpoints
from loihi_sca.training.checkpoint import Checkpoint
from loihi_sca.training.loop import Epoch, Progress, Trainer

Label: TypeAlias = Literal["dense", "pruned"]
LABELS: tuple[Label, ...] = ("pruned", "dense")

OnEpoch: TypeAlias = Callable[[Epoch], None]


class Interrupted(LoihiScaError):
    """Training was stopped by the user; all completed epochs are saved."""

    exit_code = 130


@dataclass(frozen=True)
class Run:
    """A folder that holds the results of a recipe."""

    folder: Path

    def checkpoint(self, label: Label, which: Literal["last", "best"]) -> Path:
        """Return the path of a checkpoint."""
        return self.folder / "checkpoints" / f"{label}-{which}.safetensors"

    @property
    def metrics(self) -> Path:
        """Return the path of the metrics."""
        return self.folder / "metrics.jsonl"

    def trained(self, label: Label | None = None) -> tuple[Label, Checkpoint]:
        """Return the best model of a label, by default the pruned one if there is one.

        Raises
        ------
        InputError
            The folder holds no finished model.
        """
        for candidate in LABELS if label is None else (label,):
            path = self.checkpoint(candidate, "best")
            if path.is_file():
                return candidate, checkpoints.load(path)
        raise InputError(
            f"{self.folder}: no trained {label or ''} model here. Train one first: "
            "loihi-sca train RECIPE --out " + str(self.folder)
        )


def train(
    recipe: Recipe,
    folder: Path | str,
    *,
    resume: bool = False,
    on_epoch: OnEpoch | None = None,
    progress: Progress | None = None,
) -> Checkpoint:
    """Train by a recipe, saving after every epoch.

    Parameters
    ----------
    recipe : Recipe
        Without a ``pruning`` section the model is called ``dense``, else ``pruned``.
    folder : path
        Created if needed.
    resume : bool
        Go on from the last completed epoch, if there is one, bit for bit as if nothing had
        happened. A finished run is returned as it is.
    on_epoch : callable, optional
        Called with each :class:`Epoch`.
    progress : callable, optional
        Called after every batch.

    Returns
    -------
    Checkpoint
        The best by validation accuracy, of the epochs with the final structure.

    Raises
    ------
    ConfigError
        The folder holds another run, or this one and ``resume`` is not set.
    Interrupted
        Ctrl-C; the message says how to resume.
    """
    run, label = Run(Path(folder)), label_of(recipe)
    trainer = _trainer(recipe)
    best = _prepare(run, label, recipe, trainer, resume)
    try:
        while not trainer.is_done:
            epoch = trainer.run_epoch(progress)
            best = _save(run, label, trainer, epoch, best)
            if on_epoch is not None:
                on_epoch(epoch)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted in epoch {trainer.epoch + 1}; {trainer.epoch} completed epochs are saved "
            f"in {run.folder}. Go on with the same command and --resume."
        ) from None
    return checkpoints.load(run.checkpoint(label, "best"))


def label_of(recipe: Recipe) -> Label:
    """Return what the model of a recipe is called."""
    return "dense" if recipe.pruning is None else "pruned"


def _trainer(recipe: Recipe) -> Trainer:
    training, validation = (load_split(recipe, part) for part in ("train", "validation"))
    return Trainer(recipe, training.first(recipe.data.limit), validation)


def load_split(recipe: Recipe, split: data.Split) -> Dataset:
    """Load a split of a recipe's dataset, encoded as the recipe says."""
    return data.load(
        recipe.data.name,
        split=split,
        timesteps=recipe.data.timesteps,
        root=recipe.data.root,
        seed=recipe.seed,
        encoding=recipe.data.encoding,
    )


def _prepare(run: Run, label: Label, recipe: Recipe, trainer: Trainer, resume: bool) -> float:
    """Set up the folder and the trainer; return the best accuracy so far."""
    make_folder(run.folder / "checkpoints")
    last = run.checkpoint(label, "last")
    if not last.is_file():
        _forget_after(run, label, 0)
        write_text(run.folder / "recipe.toml", recipe_as_toml(recipe))
        return -1.0
    if not resume:
        raise ConfigError(
            f"{run.folder} already holds a {label} run. Go on with --resume, or choose "
            "another --out."
        )
    checkpoint = checkpoints.load(last)
    if checkpoint.recipe != recipe:
        raise ConfigError(
            f"{run.folder} holds a run of another recipe "
            f"({_differences(checkpoint.recipe, recipe)}). Choose another --out."
        )
    checkpoints.restore(trainer, checkpoint)
    _forget_after(run, label, checkpoint.epoch)
    return checkpoint.best


def _save(run: Run, label: Label, trainer: Trainer, epoch: Epoch, best: float) -> float:
    """Save an epoch; the last checkpoint is written last, so that a kill repeats the epoch."""
    is_best = trainer.structure_is_final and epoch.validation_accuracy >= best
    best = epoch.validation_accuracy if is_best else best
    state = checkpoints.capture(trainer, best)
    if is_best:
        checkpoints.save(state, run.checkpoint(label, "best"))
    _append_metrics(run, label, epoch)
    checkpoints.save(state, run.checkpoint(label, "last"))
    return best


def _append_metrics(run: Run, label: Label, epoch: Epoch) -> None:
    with run.metrics.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"model": label, **epoch.as_json()}) + "\n")


def _forget_after(run: Run, label: Label, epoch: int) -> None:
    """Drop metrics of epochs that are about to be trained again."""
    if not run.metrics.is_file():
        return
    kept = []
    for line in run.metrics.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:  # the half line of a run that was killed
            continue
        if entry["model"] != label or entry["number"] <= epoch:
            kept.append(line)
    write_text(run.metrics, "".join(kept))


def recipe_as_toml(recipe: Recipe) -> str:
    """Return a recipe as TOML with every default spelled out."""
    return tomli_w.dumps(recipe.model_dump(mode="json", exclude_none=True))


def _differences(ours: Recipe, theirs: Recipe) -> str:
    a, b = ours.model_dump(), theirs.model_dump()
    return ", ".join(key for key in a if a[key] != b[key]) + " differ"
