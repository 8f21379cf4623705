"""One run of a sweep or a study: trained, deployed, measured.

::

    RUN/                a run folder, see loihi_sca.training.session
    RUN/network.net     the compiled network
    RUN/result.json     the figures, once it is over
    RUN/failed.json     why it has none, if it failed
    RUN/seconds.json    how long it has taken until its last epoch

A run that has its result is not run again, and one that was interrupted or killed goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from pydantic import ValidationError

from loihi_sca.config import Budget, Recipe
from loihi_sca.data import is_the_same_anywhere
from loihi_sca.errors import InputError
from loihi_sca.execution import Failure
from loihi_sca.files import make_folder, write_json
from loihi_sca.hardware.profile import CHIPS
from loihi_sca.network import Network
from loihi_sca.pipeline.deploy import check_chips, check_deployable, deploy, figures, measure
from loihi_sca.training.checkpoint import Checkpoint
from loihi_sca.training.epoch import Epoch
from loihi_sca.training.session import RunFolder, label_of, load_split, train
from loihi_sca.versions import versions

SCHEMA = 1

Result: TypeAlias = dict[str, Any]
"""What a run's ``result.json`` says."""

Value: TypeAlias = bool | int | float | str
"""Of a recipe's field."""


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes
    ----------
    name : str
        Also of its folder.
    recipe : Recipe
        Without pruning for the dense network.
    budget : Budget or None
        None if dense.
    start : str or None
        Name of the run whose dense network it starts from; None starts from random weights.
    search : mapping or None
        What a study chose, by the dotted names of the recipe's fields.
    """

    name: str
    recipe: Recipe
    budget: Budget | None
    start: str | None = None
    search: Mapping[str, Value] | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> Result:
        """Return what tells the run from others."""
        pruning = self.recipe.pruning
        return {
            "run": self.name,
            "seed": self.recipe.seed,
            "criterion": None if pruning is None else pruning.criterion,
            "objective": None if pruning is None else pruning.objective,
            "budget": None if self.budget is None else self.budget.as_json(),
            "start": self.start,
            **({} if self.search is None else {"search": dict(self.search)}),
        }


@dataclass(frozen=True)
class Runner:
    """Does a run, in this process or in another one that sees the same folder.

    Attributes
    ----------
    folder : path
        Run folders are made in its ``runs``.
    profiles, verify_samples, lava_samples
        As in :func:`loihi_sca.pipeline.deploy.deploy`.
    threads : int or None
        CPU threads of torch, on which the last bits of a training depend; None leaves them.
    progress : callable or None
        Called after every batch; to be left out for other processes.
    """

    folder: Path
    profiles: tuple[str, ...] = CHIPS
    verify_samples: int = 16
    lava_samples: int = 0
    threads: int | None = None
    progress: Callable[[int, int], None] | None = None

    def place(self, job: Job) -> Path:
        """Return the run folder."""
        return self.folder / "runs" / job.name

    def __call__(self, job: Job) -> Result:
        """Train, deploy and measure, from where the run was left, and write the result."""
        place = make_folder(self.place(job))
        found = self.finished(job)
        if found is not None:
            return found
        (place / "failed.json").unlink(missing_ok=True)
        clock = _Clock(place / "seconds.json")
        with _threads(self.threads):
            checkpoint = train(
                job.recipe,
                place,
                resume=True,
                start=self._trained(job.start),
                on_epoch=clock.keep,
                progress=self.progress,
            )
            deployed = deploy(
                checkpoint,
                load_split(job.recipe, "test"),
                place / "network.net",
                profiles=self.profiles,
                verify_samples=self.verify_samples,
                lava_samples=self.lava_samples,
            )
            result = {
                "schema": SCHEMA,
                **job.key,
                "validation_accuracy": checkpoint.best,
                **deployed.as_json(),
                **self._on_validation(job, deployed.network),
                "seconds": round(clock.seconds, 3),
                "threads": torch.get_num_threads(),
                "recipe": as_json(job.recipe),
                "versions": versions(),
            }
        write_json(place / "result.json", result)
        return result

    def _on_validation(self, job: Job, network: Network) -> Result:
        """Return what a study chooses by; a sweep chooses nothing and need not measure it."""
        if job.search is None:
            return {}
        data = load_split(job.recipe, "validation")
        return {"validation": figures(*measure(network, data, self.profiles))}

    def _trained(self, name: str | None) -> Checkpoint | None:
        """Return the dense network that another run has trained."""
        return None if name is None else RunFolder(self.folder / "runs" / name).trained("dense")[1]

    def finished(self, job: Job) -> Result | None:
        """Return the result of a run that is over.

        Raises
        ------
        InputError
            It is of another recipe, lacks one of the chips, or is damaged.
        """
        path = self.place(job) / "result.json"
        if not path.is_file():
            return None
        try:
            result: Result = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path}: damaged ({error}). Delete it to run again.") from error
        if (_recipe_of(result), result["start"]) != (as_json(job.recipe), job.start):
            raise InputError(f"{path}: a result of another recipe. Choose another --out.")
        if missing := [chip for chip in self.profiles if chip not in result["chips"]]:
            raise InputError(
                f"{path}: a result without {', '.join(missing)}; it has been estimated for "
                f"{', '.join(result['chips'])}. Ask for those, --profiles, or choose another --out."
            )
        return result

    def mark(self, job: Job, failure: Failure) -> None:
        """Write down that a run failed, and why."""
        place = make_folder(self.place(job))
        what = {"error": failure.kind, "message": failure.message, "details": failure.details}
        write_json(place / "failed.json", {"schema": SCHEMA, **job.key, **what})

    def epochs_done(self, job: Job) -> int:
        """Return the epochs that a run has behind it, whoever does it."""
        return RunFolder(self.place(job)).epochs_done(label_of(job.recipe))


class _Clock:
    """Counts the seconds of a run over all its parts; a kill loses those since the last epoch."""

    def __init__(self, path: Path) -> None:
        self._path, self._started = path, time.monotonic()
        try:
            self._before = float(json.loads(path.read_text(encoding="utf-8"))["seconds"])
        except (OSError, ValueError, KeyError, TypeError):  # there is none, or it is damaged
            self._before = 0.0

    @property
    def seconds(self) -> float:
        """Return the seconds until now."""
        return self._before + time.monotonic() - self._started

    def keep(self, _epoch: Epoch) -> None:
        """Write them down."""
        write_json(self._path, {"seconds": self.seconds})


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Let torch use so many threads, for the length of a ``with`` block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check_jobs(jobs: Sequence[Job], profiles: Sequence[str]) -> None:
    """Check what would stop runs only after they have trained, or one after the other.

    Raises
    ------
    UnsupportedLayer
        A model could not be compiled.
    DoesNotFit
        A chip whose costs are wanted does not hold a model, whatever its size.
    InputError
        What the runs learn from is missing or damaged.
    """
    for recipe in {job.recipe.model: job.recipe for job in jobs}.values():
        check_deployable(recipe)
        check_chips(recipe, profiles)
    for recipe in {job.recipe.data: job.recipe for job in jobs}.values():
        load_split(recipe, "test")


def _recipe_of(result: Result) -> dict[str, Any] | None:
    """Return the recipe of a result; fields that are newer than it have their defaults."""
    try:
        return as_json(Recipe.model_validate(result["recipe"]))
    except ValidationError:  # it cannot be meant today
        return None


def as_json(recipe: Recipe) -> dict[str, Any]:
    """Return what a result depends on of a recipe.

    A known dataset is the same wherever it lies; one's own are what is in that folder.
    """
    place = {"data": {"root"}} if is_the_same_anywhere(recipe.data.name) else None
    return recipe.model_dump(mode="json", exclude_none=True, exclude=place)
