"""What a dataset is and what a network is given of it: counted, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from loihi_sca.data.dataset import Dataset
from loihi_sca.data.recordings import EventCount, Recordings, count_events
from loihi_sca.data.samples import Courses, Images
from loihi_sca.data.videos import Videos
from loihi_sca.network import Shape
from loihi_sca.results import Result

if TYPE_CHECKING:
    from rich.table import Table

AT_ONCE = 64
"""Samples that are encoded at a time."""


@dataclass(frozen=True, repr=False)
class Description(Result):
    """A dataset in numbers.

    Attributes
    ----------
    name : str
    shape : tuple of int
        Of one timestep of a sample.
    timesteps : int
    how : str
        How samples become input: ``rate``, ``events by time``, ...
    samples, spikes : int64 array (classes,)
        Samples of each class, and spikes of all of them; none where values drive neurons.
    mantissas : bool
        Whether values drive neurons on the chip, instead of spikes that come in.
    events : EventCount or None
        What became of recorded events.
    skipped : tuple of str
        What is wrong with recordings that were left out.
    """

    name: str
    shape: Shape
    timesteps: int
    how: str
    samples: npt.NDArray[np.int64]
    spikes: npt.NDArray[np.int64]
    mantissas: bool
    events: EventCount | None
    skipped: tuple[str, ...]

    @property
    def spikes_per_sample(self) -> float:
        """Spikes that come into the chip for a sample."""
        return float(self.spikes.sum() / max(self.samples.sum(), 1))

    @property
    def updates_per_sample(self) -> int:
        """Updates of neurons at the input, which values need on the chip and spikes do not."""
        return int(np.prod(self.shape)) * self.timesteps if self.mantissas else 0

    def about(self) -> str:
        """Return a line without the name of the class."""
        return (
            f"{self.name}: {self.samples.sum()} samples of {self.shape} x {self.timesteps}, "
            f"{self.spikes_per_sample:.4g} spikes each ({self.how})"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {
            "schema": 1,
            "name": self.name,
            "samples": int(self.samples.sum()),
            "shape": list(self.shape),
            "timesteps": self.timesteps,
            "how": self.how,
            "spikes_per_sample": self.spikes_per_sample,
            "input_updates_per_sample": self.updates_per_sample,
            "events": asdict(self.events) if self.events is not None else None,
            "skipped": list(self.skipped),
            "classes": list(self.rows()),
        }

    def rows(self) -> Sequence[dict[str, Any]]:
        """Return one flat row per class."""
        return [
            {"class": label, "samples": int(n), "spikes_per_sample": float(spikes / max(n, 1))}
            for label, (n, spikes) in enumerate(zip(self.samples, self.spikes, strict=True))
        ]

    def tables(self) -> Sequence[Table]:
        """Return the tables that the command prints."""
        from rich.table import Table

        table = Table("", "", title=f"{self.name}, {self.how}", show_header=False)
        for key, value in self._facts():
            table.add_row(key, value)
        return [table]

    def _facts(self) -> Iterator[tuple[str, str]]:
        samples = self.samples
        yield "samples", f"{samples.sum()}, of each class {samples.min()} to {samples.max()}"
        yield "classes", str(len(samples))
        yield "a sample", f"{' x '.join(map(str, self.shape))}, {self.timesteps} timesteps"
        if self.mantissas:
            yield "spikes into the chip", "none: values drive neurons at the input"
            yield "updates of these", f"{self.updates_per_sample:,} per sample"
        else:
            places = int(np.prod(self.shape)) * self.timesteps
            share = self.spikes_per_sample / places
            yield "spikes per sample", f"{self.spikes_per_sample:,.1f} ({share:.2%} of what could)"
        if self.events is not None:
            yield from _event_facts(self.events, "counted" if self.mantissas else "lost")
        if self.skipped:
            yield "left out, damaged", f"{len(self.skipped)}, the first: {self.skipped[0]}"


def _event_facts(events: EventCount, merged: str) -> Iterator[tuple[str, str]]:
    whole = max(events.recorded, 1)
    yield "events recorded", f"{events.recorded:,}"
    yield "after the last timestep", f"{events.late:,} ({events.late / whole:.1%})"
    yield "where a step had one", f"{events.merged:,} ({events.merged / whole:.1%}), {merged}"


def describe(
    dataset: Dataset, on_progress: Callable[[int, int], None] | None = None
) -> Description:
    """Count what a network is given of a dataset.

    Parameters
    ----------
    dataset : Dataset
    on_progress : callable, optional
        Called with the number of samples done and of all.

    Raises
    ------
    InputError
        A recording is damaged.
    """
    spikes = np.zeros(dataset.classes, dtype=np.int64)
    mantissas = dataset.samples.are_mantissas
    events = EventCount(0, 0, 0, 0)
    for first in range(0, len(dataset), AT_ONCE):
        part = dataset.pick(slice(first, first + AT_ONCE))
        if isinstance(part.samples, Recordings):
            events = events + count_events(part.samples, part.timesteps)
        if not mantissas:
            np.add.at(spikes, part.labels, part.spikes().reshape(len(part), -1).sum(axis=1))
        if on_progress is not None:
            on_progress(first + len(part), len(dataset))
    return Description(
        dataset.name, dataset.shape, dataset.timesteps, _how(dataset),
        np.bincount(dataset.labels, minlength=dataset.classes), spikes, mantissas,
        events if isinstance(dataset.samples, Recordings) else None, dataset.skipped,
    )  # fmt: skip


def _how(dataset: Dataset) -> str:
    samples = dataset.samples
    if isinstance(samples, Recordings):
        return f"events by {samples.binning}{', graded' if samples.are_mantissas else ''}"
    if isinstance(samples, Images | Videos):
        return f"{samples.encoding} encoding"
    if isinstance(samples, Courses):
        return "delta encoding"
    return "counts as given" if samples.are_mantissas else "spikes as given"
