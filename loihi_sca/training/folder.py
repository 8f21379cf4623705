"""A run folder: where checkpoints and metrics of a run lie, and how they are found again.

::

    RUN/recipe.toml                                the recipe, every default spelled out
    RUN/metrics.jsonl                              a line per epoch
    RUN/checkpoints/MODEL-EPOCH-BATCH.safetensors  the last few, to resume from
    RUN/checkpoints/MODEL-best.safetensors         best validation accuracy, structure final
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from loihi_sca.config import Recipe
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.files import write_text
from loihi_sca.training import checkpoint as checkpoints
from loihi_sca.training.checkpoint import Checkpoint

Label: TypeAlias = Literal["dense", "pruned"]
LABELS: tuple[Label, ...] = ("pruned", "dense")

Note: TypeAlias = Callable[[str], None]
"""Called with what a user should know but need not act on."""


@dataclass(frozen=True)
class RunFolder:
    """A folder that holds the results of a recipe."""

    folder: Path

    @property
    def checkpoints(self) -> Path:
        """Return the folder of the checkpoints."""
        return self.folder / "checkpoints"

    @property
    def metrics(self) -> Path:
        """Return the path of the metrics."""
        return self.folder / "metrics.jsonl"

    def best(self, label: Label) -> Path:
        """Return the path of the best model."""
        return self.checkpoints / f"{label}-best.safetensors"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from training into the folder, which exists, while the context lasts.

        The lock is the kernel's: it goes with the process, however that ends, and leaves no file.

        Raises
        ------
        ConfigError
            Somebody else has it.
        """
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # not every network file system knows locks of folders
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise ConfigError(
                        f"{self.folder}: another process is training into it. Wait for it, or "
                        "choose another --out."
                    ) from None
            yield
        finally:
            os.close(handle)

    def saved(self, label: Label) -> list[Path]:
        """Return the checkpoints to resume from, the newest first."""
        return sorted(self.checkpoints.glob(f"{label}-[0-9]*.safetensors"), reverse=True)

    def epochs_done(self, label: Label) -> int:
        """Return the epochs that the newest checkpoint has behind it."""
        saved = self.saved(label)
        return int(saved[0].stem.split("-")[1]) if saved else 0

    def trained(self, label: Label | None = None) -> tuple[Label, Checkpoint]:
        """Return the best model of a label, by default the pruned one if there is one.

        Raises
        ------
        InputError
            The folder holds no finished model.
        """
        for candidate in LABELS if label is None else (label,):
            path = self.best(candidate)
            if path.is_file():
                return candidate, checkpoints.load(path)
        raise InputError(
            f"{self.folder}: no trained {f'{label} ' if label else ''}model here. Train one first: "
            "loihi-sca train RECIPE --out " + str(self.folder)
        )

    def recipe_of(self, label: Label) -> Recipe | None:
        """Return the recipe of the best model of a label, None if none is there and intact."""
        with suppress(InputError):
            return checkpoints.load(self.best(label)).recipe
        return None

    def newest(self, label: Label, note: Note) -> Checkpoint | None:
        """Return the newest checkpoint that is intact, None if there is none at all.

        Raises
        ------
        InputError
            All are damaged.
        """
        problems = []
        for path in self.saved(label):
            try:
                found = checkpoints.load(path)
            except InputError as error:
                problems.append(str(error))
                continue
            for problem in problems:
                note(f"{problem} Going on from the one before, {path.name}.")
            return found
        if problems:
            raise InputError(
                " ".join(problems) + f" No intact {label} checkpoint is left; train into another "
                "--out."
            )
        return None

    def save(self, label: Label, state: Checkpoint, keep: int) -> None:
        """Save a checkpoint to resume from, then delete all but the last few.

        Raises
        ------
        InputError
            It cannot be written; those before are still there.
        """
        name = f"{label}-{state.epoch:05d}-{state.sums.batches:06d}.safetensors"
        checkpoints.save(state, self.checkpoints / name)
        for path in self.saved(label)[keep:]:
            path.unlink(missing_ok=True)

    def add_metrics(self, label: Label, values: dict[str, Any]) -> None:
        """Append a line to the metrics.

        Raises
        ------
        InputError
            It cannot be written.
        """
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"model": label, **values}) + "\n")
        except OSError as error:
            raise InputError(f"cannot write {self.metrics}: {error.strerror or error}.") from error

    def forget_after(self, label: Label, state: Checkpoint | None) -> None:
        """Drop what lies behind a checkpoint and is about to be trained again.

        That is metrics of later epochs, checkpoints that are damaged, and what a killed process
        was writing.
        """
        for half in self.checkpoints.glob(f".{label}-*.tmp"):
            half.unlink(missing_ok=True)
        here = (0, 0) if state is None else (state.epoch, state.sums.batches)
        for path in self.saved(label):
            epoch, batches = path.stem.split("-")[1:]
            if (int(epoch), int(batches)) > here:
                path.replace(path.with_suffix(".damaged"))
        if not self.metrics.is_file():
            return
        kept = []
        for line in self.metrics.read_text(encoding="utf-8").splitlines(keepends=True):
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # the half line of a run that was killed
                continue
            if entry["model"] != label or entry["number"] <= here[0]:
                kept.append(line)
        write_text(self.metrics, "".join(kept))
