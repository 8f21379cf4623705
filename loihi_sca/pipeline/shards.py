"""Evaluation of a network on parts of a dataset, by many processes, and their sum."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path

from loihi_sca import netx
from loihi_sca.data import Dataset, Split
from loihi_sca.engine.result import Prepared
from loihi_sca.errors import BackendError
from loihi_sca.execution import Executor, Failure
from loihi_sca.network import Network, Shape
from loihi_sca.pipeline.evaluate import (
    EngineName,
    Progress,
    add_activity,
    check_answers,
    dataset_for,
    engine_of,
    evaluate_prepared,
)
from loihi_sca.pipeline.evaluation import Evaluation

PARTS = 4
"""Parts per worker, so that none waits long for the last one."""


@dataclass(frozen=True)
class Source:
    """A network and a dataset by name: what a worker needs to load them by itself.

    Attributes
    ----------
    net : path
        A netx file.
    data, split, root, limit
        As in :func:`loihi_sca.data.load`; ``limit`` for the first samples only.
    steps : int or None
        Timesteps per sample, where the file does not say.
    input_shape : tuple of int or None
        Where the file does not say it.
    """

    net: Path
    data: str
    split: Split = "test"
    root: Path | None = None
    limit: int | None = None
    steps: int | None = None
    input_shape: Shape | None = None

    def load(self) -> tuple[Network, Dataset]:
        """Return the network, and the dataset encoded as it takes it.

        Raises
        ------
        ConfigError
            Nothing says how many timesteps a sample has.
        """
        network = netx.read(self.net, input_shape=self.input_shape, timesteps=self.steps)
        return network, dataset_for(network, self.data, self.split, self.root, self.limit)


@dataclass(frozen=True)
class Part:
    """Samples ``first`` to ``last``, the last excluded."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"samples {self.first} to {self.last - 1}"


def evaluate_sharded(
    source: Source,
    samples: int,
    executor: Executor,
    engine: EngineName = "fast",
    on_progress: Progress | None = None,
) -> Evaluation:
    """Evaluate parts of a dataset wherever the executor does work, and add them up.

    Parameters
    ----------
    source : Source
        What to evaluate; each process loads it once.
    samples : int
        Length of the dataset.
    executor : Executor
        In its ``with`` block.
    engine : {"fast", "reference"}
        The same spikes.
    on_progress : callable, optional
        Called with the number of samples done and of all.

    Raises
    ------
    BackendError
        A part could not be evaluated.
    """
    parts = _parts(samples, PARTS * executor.workers)
    work = partial(_evaluate, source, engine, executor.threads)
    found, done = [], 0
    for part, outcome in executor.map(work, parts):
        if isinstance(outcome, Failure):
            raise BackendError(f"{source.data}, {part}: {outcome.kind}: {outcome.message}")
        found.append(outcome)
        done += part.last - part.first
        if on_progress is not None:
            on_progress(done, samples)
    return total(found)


def total(parts: Iterable[Evaluation]) -> Evaluation:
    """Add up evaluations of one network; the time in the engine is that of all processes."""
    first, *others = parts
    for other in others:
        first = replace(
            first,
            confusion=first.confusion + other.confusion,
            activity=add_activity(first.activity, other.activity),
            wall_time_s=first.wall_time_s + other.wall_time_s,
        )
    return first


def _evaluate(source: Source, engine: EngineName, threads: int | None, part: Part) -> Evaluation:
    network, dataset, ready = _loaded(source, source.net.stat().st_mtime_ns, engine, threads)
    chosen = dataset.pick(slice(part.first, part.last))
    prepare = engine_of(engine, threads)
    return evaluate_prepared(ready, network.readout, chosen, prepare)


@lru_cache(maxsize=1)
def _loaded(
    source: Source, _written: int, engine: EngineName, threads: int | None
) -> tuple[Network, Dataset, Prepared]:
    """Load and prepare once per process, as long as the file stays: it gets several parts."""
    network, dataset = source.load()
    check_answers(network, dataset)
    return network, dataset, engine_of(engine, threads)(network)


def _parts(samples: int, count: int) -> list[Part]:
    """Cut samples into at most so many parts of about the same size."""
    bounds = [samples * i // count for i in range(count + 1)]
    return [Part(a, b) for a, b in pairwise(bounds) if a < b]
