"""Accuracy, confusion and activity of a network over a whole dataset, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from loihi_sca import netx
from loihi_sca.config import DataConfig
from loihi_sca.data import ENCODED, Dataset, Recorded, Recordings, Split, encoding_of, load
from loihi_sca.data.asked import config_of, is_recipe, name_of
from loihi_sca.data.encoding import check_encoding
from loihi_sca.engine import fast, reference
from loihi_sca.engine.result import Engine, Prepared
from loihi_sca.engine.windows import State, as_stream, check_state, cut_result
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.memory import check_memory
from loihi_sca.network import Input, Network, Readout
from loihi_sca.network.activity import LayerActivity
from loihi_sca.pipeline.evaluation import Evaluation
from loihi_sca.pipeline.readout import count_classes, scores

SPIKE_BYTES = 1 << 23
"""Input spikes that are encoded at once; encoding takes ENCODING times this for a moment."""

ENCODING = 9

EngineName: TypeAlias = Literal["fast", "reference"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with samples done and samples in all."""


def evaluate(
    network: Network | str | os.PathLike[str],
    dataset: Dataset | str | os.PathLike[str],
    engine: Engine | EngineName = "fast",
    on_progress: Progress | None = None,
    *,
    split: Split = "test",
    root: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    state: State = "fresh",
) -> Evaluation:
    """Run a network on every sample of a dataset and count the answers.

    The answer is the class of the largest score (:func:`loihi_sca.pipeline.readout.scores`), and
    the first of them where several are equal.

    Parameters
    ----------
    network : Network or path
        Its input takes what the dataset gives, spikes or bias mantissas. Or a netx file.
    dataset : Dataset, name or path
        Encoded piece by piece, so that its spikes never lie in memory all at once. A name is one
        for :func:`loihi_sca.load_data`, which loads it as the network takes it.
    engine : "fast", "reference" or Engine
        For example :func:`loihi_sca.engine.fast.prepare`.
    on_progress : callable, optional
        Called with the number of samples done and of all.
    split, root, limit
        Of a dataset by name: its split, its folder, and how many of the first samples.
    state : {"fresh", "carried"}
        Whether every sample starts at rest, or where the one before has ended: see
        :data:`loihi_sca.engine.windows.State`. Carried on, all samples are one run, and are
        encoded at once.

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
    if not isinstance(dataset, Dataset):
        dataset = dataset_for(network, name_of(dataset), split, root, limit)
    run = engine_of(engine) if isinstance(engine, str) else engine
    check_state(state)
    check_answers(network, dataset)
    if state == "carried":
        check_memory(
            f"{len(dataset)} samples with their state carried on",
            ENCODING * len(dataset) * _sample_bytes(dataset), "Give a limit.",
        )  # fmt: skip
    found = evaluate_prepared(run(network), network.readout, dataset, run, on_progress, state)
    return replace(found, network=network.name)


def dataset_for(
    network: Network,
    name: str,
    split: Split = "test",
    root: str | os.PathLike[str] | None = None,
    limit: int | None = None,
) -> Dataset:
    """Load a dataset by name as a network takes it: its timesteps, spikes or bias mantissas.

    Samples are encoded as those that the network learned from, if its file says how; a recipe or a
    run says so itself.

    Raises
    ------
    ConfigError
        The network does not say how many timesteps a sample has, or it learned from samples that
        were encoded in another way than a recipe or a run says.
    """
    if network.timesteps is None:
        raise ConfigError(
            f"{network.name} does not say how many timesteps a sample has; give --steps, or "
            "network.replace(timesteps=...)."
        )
    encoded = network.metadata.get(ENCODED)
    if encoded is not None and is_recipe(name):
        check_encoding(name, config_of(name), encoded)
        encoded = None
    elif encoded is None and network.takes_mantissas:
        encoded = encoding_of(DataConfig(encoding="direct"))
    folder = None if root is None else Path(root)
    found = load(name, split=split, timesteps=network.timesteps, root=folder, encoded=encoded)
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
    state: State = "fresh",
) -> Evaluation:
    """As :func:`evaluate`, with a network that is ready and was checked, and its read-out."""
    carried = state == "carried"
    confusion = np.zeros((dataset.classes, dataset.classes), dtype=np.int64)
    activity: tuple[LayerActivity, ...] = ()
    elapsed, done = 0.0, 0
    for part in [slice(0, len(dataset))] if carried else _parts(dataset):
        labels = dataset.labels[part]
        spikes = dataset.spikes(part)
        if carried:
            result = cut_result(ready.run(as_stream(spikes)), len(spikes))
        else:
            result = ready.run(spikes)
        answers = scores(readout, result, engine)[:, : dataset.classes].argmax(axis=1)
        np.add.at(confusion, (labels, answers), 1)
        activity = add_activity(activity, result.activity)
        elapsed += result.wall_time_s
        done += len(labels)
        if on_progress is not None:
            on_progress(done, len(dataset))
    return Evaluation(
        confusion, activity, dataset.timesteps, elapsed, data=dataset.name, state=state
    )


def add_activity(
    total: tuple[LayerActivity, ...], more: tuple[LayerActivity, ...]
) -> tuple[LayerActivity, ...]:
    """Add the activity of two runs of one network; an empty one is nothing yet."""
    return tuple(a.add(b) for a, b in zip(total, more, strict=True)) if total else more


def _parts(dataset: Dataset) -> Iterator[slice]:
    """Cut a dataset into slices whose spikes fit the room for them."""
    size = max(1, SPIKE_BYTES // _sample_bytes(dataset))
    for first in range(0, len(dataset), size):
        yield slice(first, min(first + size, len(dataset)))


def _sample_bytes(dataset: Dataset) -> int:
    return int(np.prod(dataset.shape)) * dataset.timesteps


def check_answers(network: Network, dataset: Dataset) -> None:
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
        kinds = (
            "spikes, 0 or 1", "values (data.encoding = direct or video, data.counts = graded)"
        )  # fmt: skip
        instead = "Load it with the other encoding."
        if isinstance(dataset.samples, Recorded | Recordings):
            graded = dataset.samples.are_mantissas
            instead = f"{'Clip' if graded else 'Give'} its counts: data.counts = " + (
                '"clip".' if graded else '"graded".'
            )
        raise InputError(
            f"{network.name} takes {kinds[network.takes_mantissas]}, but {dataset.name} gives "
            f"{kinds[dataset.samples.are_mantissas]}. {instead}"
        )
    if dataset.shape != network.data_shape:
        raise InputError(
            f"{network.name} takes input of shape {network.data_shape}, but {dataset.name} has "
            f"{dataset.shape}."
        )
    first = network.layers[0]
    if isinstance(first, Input) and network.takes_mantissas and not first.takes_as_given:
        raise InputError(
            f"{network.name} is driven by data x as {first.weight} x / 64 + {first.bias}, a "
            f"transform of its host that an engine does not make, and {dataset.name} gives x as it "
            "is. Train with an Input block without weight and bias; or make it yourself, and give "
            "loihi_sca.run the integers."
        )
