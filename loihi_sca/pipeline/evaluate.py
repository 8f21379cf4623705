"""Accuracy, confusion and activity of a network over a whole dataset, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca import netx
from loihi_sca.config import Encoding
from loihi_sca.data import Dataset, Split, load
from loihi_sca.data.datasets import is_recipe
from loihi_sca.engine import fast, reference
from loihi_sca.engine.result import Engine, Prepared
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.network import Network, Readout
from loihi_sca.network.activity import LayerActivity, activity_table
from loihi_sca.pipeline.readout import count_classes, scores
from loihi_sca.results import Result, add_numbers, open_table

if TYPE_CHECKING:
    from rich.table import Table

SPIKE_BYTES = 1 << 23
"""Input spikes that are encoded at once; encoding takes nine times this for a moment."""

EngineName: TypeAlias = Literal["fast", "reference"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with samples done and samples in all."""


@dataclass(frozen=True, repr=False)
class Evaluation(Result):
    """What a network does on a dataset.

    Attributes
    ----------
    confusion : int64 array (classes, classes)
        Samples by true class (rows) and answer (columns).
    activity : tuple of LayerActivity
        One per layer, summed over all samples.
    timesteps : int
        Steps per sample.
    wall_time_s : float
        Time in the engine, encoding excluded.
    network, data : str
        Their names, where they are known.
    """

    confusion: npt.NDArray[np.int64]
    activity: tuple[LayerActivity, ...]
    timesteps: int
    wall_time_s: float
    network: str = ""
    data: str = ""

    @property
    def samples(self) -> int:
        """Number of samples."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of samples with the right answer."""
        return float(np.trace(self.confusion) / self.samples)

    def about(self) -> str:
        """Return the accuracy in a line."""
        return (
            f"{self.network!r} on {self.data}: accuracy {100 * self.accuracy:.2f} % of "
            f"{self.samples} samples of {self.timesteps} steps, {self.wall_time_s:.2f} s"
        )

    def as_json(self) -> dict[str, Any]:
        """Return accuracy, confusion and the counts of every layer."""
        return {
            "schema": 1,
            "network": self.network,
            "data": self.data,
            "samples": self.samples,
            "timesteps": self.timesteps,
            "accuracy": self.accuracy,
            "confusion": self.confusion.tolist(),
            "wall_time_s": self.wall_time_s,
            "layers": [a.as_json(self.samples, self.timesteps) for a in self.activity],
        }

    def tables(self) -> list[Table]:
        """Return the confusion and the activity of every layer."""
        table = open_table("confusion: true class down, answer across", "")
        add_numbers(table, *map(str, range(len(self.confusion))))
        for label, row in enumerate(self.confusion):
            cells = [f"[bold]{n}[/]" if label == k else str(n) if n else "."
                     for k, n in enumerate(row)]  # fmt: skip
            table.add_row(str(label), *cells)
        return [table, activity_table(self.activity, self.samples, self.timesteps, "activity")]


def evaluate(
    network: Network | str | os.PathLike[str],
    dataset: Dataset | str,
    engine: Engine | EngineName = "fast",
    on_progress: Progress | None = None,
    *,
    split: Split = "test",
    root: str | os.PathLike[str] | None = None,
    limit: int | None = None,
) -> Evaluation:
    """Run a network on every sample of a dataset and count the answers.

    The answer is the class of the largest score (:func:`loihi_sca.pipeline.readout.scores`), and
    the first of them where several are equal.

    Parameters
    ----------
    network : Network or path
        Its input takes what the dataset gives, spikes or bias mantissas. Or a netx file.
    dataset : Dataset or str
        Encoded piece by piece, so that its spikes never lie in memory all at once. A name is one
        for :func:`loihi_sca.load_data`, which loads it as the network takes it.
    engine : "fast", "reference" or Engine
        For example :func:`loihi_sca.engine.fast.prepare`.
    on_progress : callable, optional
        Called with the number of samples done and of all.
    split, root, limit
        Of a dataset by name: its split, its folder, and how many of the first samples.

    Returns
    -------
    Evaluation
        Accuracy, confusion, and counts of every layer.

    Raises
    ------
    ConfigError
        There is no such dataset, or the network does not say how many timesteps a sample has.
    InputError
        The dataset does not fit the network: shape, number of classes, or kind of input.

    Examples
    --------
    >>> import numpy as np
    >>> import loihi_sca
    >>> from loihi_sca.network import Cuba, Dense, Network
    >>> weight = np.full((10, 64), 2, np.int32)
    >>> output = Dense("output", (1, 8, 8), weight, neuron=Cuba(4096, 0, 60))
    >>> network = Network("tiny", (output,), timesteps=4)
    >>> loihi_sca.evaluate(network, "digits", "reference", limit=5).samples
    5
    """
    if not isinstance(network, Network):
        network = netx.read(network)
    if isinstance(dataset, str):
        dataset = dataset_for(network, dataset, split, root, limit)
    run = engine_of(engine) if isinstance(engine, str) else engine
    check(network, dataset)
    found = evaluate_prepared(run(network), network.readout, dataset, run, on_progress)
    return replace(found, network=network.name)


def dataset_for(
    network: Network,
    name: str,
    split: Split = "test",
    root: str | os.PathLike[str] | None = None,
    limit: int | None = None,
) -> Dataset:
    """Load a dataset by name as a network takes it: its timesteps, spikes or bias mantissas.

    Raises
    ------
    ConfigError
        The network does not say how many timesteps a sample has.
    """
    if network.timesteps is None:
        raise ConfigError(
            f"{network.name} does not say how many timesteps a sample has; give --steps, or "
            "network.replace(timesteps=...)."
        )
    values = network.takes_mantissas and not is_recipe(name)
    encoding: Encoding | None = "direct" if values else None
    folder = None if root is None else Path(root)
    found = load(name, split=split, timesteps=network.timesteps, root=folder, encoding=encoding)
    return found.first(limit)


def engine_of(name: EngineName, threads: int | None = None) -> Engine:
    """Return an engine by name; the fast one may be told how many threads to use."""
    if name not in ("fast", "reference"):
        raise ConfigError(f"engine {name!r}: fast or reference.")
    return partial(fast.prepare, threads=threads) if name == "fast" else reference.prepare


def count_activity(
    network: Network, dataset: Dataset, on_progress: Progress | None = None
) -> tuple[LayerActivity, ...]:
    """Run a network on a dataset for what its layers do, whatever it answers.

    Raises
    ------
    InputError
        The dataset does not fit the network: shape or kind of input.
    """
    check_input(network, dataset)
    ready = fast.prepare(network)
    activity: tuple[LayerActivity, ...] = ()
    for part in _parts(dataset):
        activity = add_activity(activity, ready.run(dataset.spikes(part)).activity)
        if on_progress is not None:
            on_progress(part.stop, len(dataset))
    return activity


def evaluate_prepared(
    ready: Prepared,
    readout: Readout,
    dataset: Dataset,
    engine: Engine,
    on_progress: Progress | None = None,
) -> Evaluation:
    """As :func:`evaluate`, with a network that is ready and was checked, and its read-out."""
    confusion = np.zeros((dataset.classes, dataset.classes), dtype=np.int64)
    activity: tuple[LayerActivity, ...] = ()
    elapsed, done = 0.0, 0
    for part in _parts(dataset):
        labels = dataset.labels[part]
        result = ready.run(dataset.spikes(part))
        answers = scores(readout, result, engine)[:, : dataset.classes].argmax(axis=1)
        np.add.at(confusion, (labels, answers), 1)
        activity = add_activity(activity, result.activity)
        elapsed += result.wall_time_s
        done += len(labels)
        if on_progress is not None:
            on_progress(done, len(dataset))
    return Evaluation(confusion, activity, dataset.timesteps, elapsed, data=dataset.name)


def add_activity(
    total: tuple[LayerActivity, ...], more: tuple[LayerActivity, ...]
) -> tuple[LayerActivity, ...]:
    """Add the activity of two runs of one network; an empty one is nothing yet."""
    return tuple(a.add(b) for a, b in zip(total, more, strict=True)) if total else more


def _parts(dataset: Dataset) -> Iterator[slice]:
    """Cut a dataset into slices whose spikes fit the room for them."""
    size = max(1, SPIKE_BYTES // (int(np.prod(dataset.shape)) * dataset.timesteps))
    for first in range(0, len(dataset), size):
        yield slice(first, min(first + size, len(dataset)))


def check(network: Network, dataset: Dataset) -> None:
    """Raise :class:`InputError` unless the network can be run on the dataset, and judged."""
    check_input(network, dataset)
    outputs = count_classes(network)
    if outputs < dataset.classes:
        raise InputError(
            f"{network.name} tells {outputs} classes apart, but {dataset.name} has "
            f"{dataset.classes}."
        )


def check_input(network: Network, dataset: Dataset) -> None:
    """Raise :class:`InputError` unless the network can be run on the dataset."""
    if network.takes_mantissas != dataset.samples.are_mantissas:
        kinds = ("spikes", "values (data.encoding = direct or video)")
        raise InputError(
            f"{network.name} takes {kinds[network.takes_mantissas]}, but {dataset.name} gives "
            f"{kinds[dataset.samples.are_mantissas]}. Load it with the other encoding."
        )
    if dataset.shape != network.in_shape:
        raise InputError(
            f"{network.name} takes input of shape {network.in_shape}, but {dataset.name} has "
            f"{dataset.shape}."
        )
