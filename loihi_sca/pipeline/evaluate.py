"""Accuracy, confusion and activity of a network over a whole dataset, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.data import Dataset
from loihi_sca.engine.result import Engine, Prepared, RunResult
from loihi_sca.errors import InputError
from loihi_sca.network import Cuba, Dense, IntArray, Network, Readout
from loihi_sca.network.activity import LayerActivity

SPIKE_BYTES = 1 << 23
"""Input spikes that are encoded at once; encoding takes nine times this for a moment."""

NEVER = 1 << 23
"""A threshold that no voltage exceeds."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with samples done and samples in all."""


@dataclass(frozen=True)
class Evaluation:
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
    """

    confusion: npt.NDArray[np.int64]
    activity: tuple[LayerActivity, ...]
    timesteps: int
    wall_time_s: float

    @property
    def samples(self) -> int:
        """Number of samples."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of samples with the right answer."""
        return float(np.trace(self.confusion) / self.samples)


def evaluate(
    network: Network, dataset: Dataset, engine: Engine, on_progress: Progress | None = None
) -> Evaluation:
    """Run a network on every sample of a dataset and count the answers.

    The answer is the class of the largest score, see :func:`scores`, and the first of them where
    several are equal.

    Parameters
    ----------
    network : Network
        Its input takes what the dataset gives, spikes or bias mantissas.
    dataset : Dataset
        Encoded piece by piece, so that its spikes never lie in memory all at once.
    engine : Engine
        For example :func:`loihi_sca.engine.fast.prepare`.
    on_progress : callable, optional
        Called with the number of samples done and of all.

    Raises
    ------
    InputError
        The dataset does not fit the network: shape, number of classes, or kind of input.
    """
    check(network, dataset)
    return evaluate_prepared(engine(network), network.readout, dataset, engine, on_progress)


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
    return Evaluation(confusion, activity, dataset.timesteps, elapsed)


def scores(readout: Readout, result: RunResult, engine: Engine) -> npt.NDArray[np.int64]:
    """Return one score per sample and class, (N, classes): what the host reads out, summed over T.

    That is spikes per output, spikes per group of outputs, weighted spikes, or the voltage that
    they drive, in the units of the chip.
    """
    counts = result.counts
    if readout.kind == "average" and readout.groups is not None:
        grouped: npt.NDArray[np.int64] = counts.reshape(len(counts), readout.groups, -1)
        return grouped.sum(axis=-1)  # type: ignore[no-any-return]
    if readout.kind == "affine" and readout.weight is not None:
        if readout.neuron is not None:
            return _voltages(readout.weight, readout.neuron, result, engine)
        weighted: npt.NDArray[np.int64] = counts @ readout.weight.T.astype(np.int64)
        return weighted
    return counts


def add_activity(
    total: tuple[LayerActivity, ...], more: tuple[LayerActivity, ...]
) -> tuple[LayerActivity, ...]:
    """Add the activity of two runs of one network; an empty one is nothing yet."""
    return tuple(a.add(b) for a, b in zip(total, more, strict=True)) if total else more


def _voltages(
    weight: IntArray, neuron: Cuba, result: RunResult, engine: Engine
) -> npt.NDArray[np.int64]:
    """Run the read-out as a layer that never spikes, and sum its voltage over time."""
    layer = Dense("readout", (weight.shape[1],), weight, neuron=replace(neuron, threshold=NEVER))
    spikes = result.spikes.reshape(result.samples, -1, result.timesteps)
    ready = engine(Network("readout", (layer,)))
    trace = ready.run(spikes, record=["readout"]).traces["readout"]
    if trace.voltage is None:
        raise InputError("this engine does not tell voltages, which the read-out needs.")
    total: npt.NDArray[np.int64] = trace.voltage.sum(axis=-1, dtype=np.int64)
    return total


def _parts(dataset: Dataset) -> Iterator[slice]:
    """Cut a dataset into slices whose spikes fit the room for them."""
    size = max(1, SPIKE_BYTES // (int(np.prod(dataset.shape)) * dataset.timesteps))
    for first in range(0, len(dataset), size):
        yield slice(first, min(first + size, len(dataset)))


def check(network: Network, dataset: Dataset) -> None:
    """Raise :class:`InputError` unless the network can be run on the dataset."""
    if network.takes_mantissas != dataset.samples.are_mantissas:
        kinds = ("spikes", "bias mantissas (data.encoding = direct)")
        raise InputError(
            f"{network.name} takes {kinds[network.takes_mantissas]}, but {dataset.name} gives "
            f"{kinds[dataset.samples.are_mantissas]}. Load it with the other encoding."
        )
    if dataset.shape != network.in_shape:
        raise InputError(
            f"{network.name} takes input of shape {network.in_shape}, but {dataset.name} has "
            f"{dataset.shape}."
        )
    outputs = _classes(network)
    if outputs < dataset.classes:
        raise InputError(
            f"{network.name} tells {outputs} classes apart, but {dataset.name} has "
            f"{dataset.classes}."
        )


def _classes(network: Network) -> int:
    readout, outputs = network.readout, network.layers[-1].neurons
    if readout.kind == "average" and readout.groups is not None:
        if outputs % readout.groups:
            raise InputError(
                f"{network.name}: {outputs} outputs do not divide into {readout.groups} groups."
            )
        return readout.groups
    if readout.kind == "affine" and readout.weight is not None:
        if readout.weight.shape[1] != outputs:
            raise InputError(
                f"{network.name}: the read-out weighs {readout.weight.shape[1]} outputs, "
                f"but there are {outputs}."
            )
        return int(readout.weight.shape[0])
    return outputs
