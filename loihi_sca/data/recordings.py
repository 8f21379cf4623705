"""Recordings of events, and how they become spikes: step by step, counted, nothing unseen lost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from loihi_sca.config import Binning, Counts
from loihi_sca.data.event_sources import Source
from loihi_sca.data.samples import Encoded, Index, graded
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.network import Shape

KEPT_BYTES = 1 << 30
"""Spikes that are kept in memory, as bits, so that files are decoded once and not per epoch."""


@dataclass(frozen=True)
class Recordings:
    """Events of a camera or a cochlea, and how they are seen by a network.

    Attributes
    ----------
    source : Source
        The events.
    order : int64 array (N,)
        Which of the recordings the samples are.
    size : tuple of int
        Height and width of the camera; (channels,) of a cochlea, whose events are in row 0 of
        polarity 0.
    window_us : int or None
        Time that the timesteps divide; events after it are left out. None, which only ``count``
        allows, takes all.
    binning : {"time", "count"}
        Whether timesteps last equally long, or have equally many events.
    downsample : int
        So many rows and columns, or channels, become one.
    counts_as : {"clip", "graded"} or None
        Whether several events at one place in one step are one spike, or drive a neuron.
    rows : uint8 array (recordings of the source, 1 + bytes) or None
        What was binned earlier, see :mod:`loihi_sca.data.cache`; may be a memory map.
    """

    source: Source
    order: npt.NDArray[np.int64]
    size: tuple[int, ...]
    window_us: int | None
    binning: Binning = "time"
    downsample: int = 1
    counts_as: Counts | None = None
    rows: npt.NDArray[np.uint8] | None = field(default=None, compare=False, repr=False)
    _kept: dict[tuple[int, int], npt.NDArray[np.uint8]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def __len__(self) -> int:
        return len(self.order)

    @property
    def shape(self) -> Shape:
        """Shape (polarity, height, width) or (channels,) of one timestep of a recording."""
        return downsampled((2, *self.size) if len(self.size) == 2 else self.size, self.downsample)

    @property
    def are_mantissas(self) -> bool:
        """Whether the number of events drives neurons, instead of events being spikes."""
        return self.counts_as == "graded"

    def pick(self, index: Index) -> Recordings:
        """Return some of the recordings."""
        return replace(self, order=self.order[index])

    def seen(
        self,
        binning: Binning,
        window_us: int | None,
        downsample: int,
        counts_as: Counts | None = None,
    ) -> Recordings:
        """Return the recordings as they are seen in another way.

        Raises
        ------
        ConfigError
            Steps of equal time, but of what time is not said.
        """
        window_us = window_us if window_us is not None or binning == "count" else self.window_us
        if binning == "time" and window_us is None:
            raise ConfigError(
                "data.window_ms is missing: the time in ms that the timesteps of a recording "
                'divide. Or give data.binning = "count", steps of equally many events.'
            )
        return replace(
            self, binning=binning, window_us=window_us, downsample=downsample,
            counts_as=counts_as, rows=None, _kept={},
        )  # fmt: skip

    def encoded(self, index: Index, timesteps: int) -> Encoded:
        """Return spikes, uint8 array (N, *shape, T): 1 where a step saw at least one event.

        Or, of graded counts, mantissas that drive neurons, int32.

        Raises
        ------
        InputError
            A recording is damaged, or more events fall into a step than drive a neuron.
        """
        chosen = self.order[index]
        binned = np.empty((len(chosen), *self.shape, timesteps), dtype=np.uint8)
        for at, number in enumerate(chosen.tolist()):
            packed = self._packed(number, timesteps)
            if self.are_mantissas:
                binned[at] = packed.reshape(binned[at].shape)
            else:
                bits = np.unpackbits(packed, count=binned[at].size)
                binned[at] = bits.reshape(binned[at].shape)
        return graded(binned, self.source.name(0)) if self.are_mantissas else binned

    def _packed(self, number: int, timesteps: int) -> npt.NDArray[np.uint8]:
        """Return a recording as :meth:`pack` makes it, which is done once if there is room."""
        if self.rows is not None and self.rows[number, 0]:
            return self.rows[number, 1:]
        found = self._kept.get((number, timesteps))
        if found is None:
            found = self.pack(number, timesteps)
            if (len(self._kept) + 1) * found.size <= KEPT_BYTES:
                self._kept[number, timesteps] = found
        return found

    def pack(self, number: int, timesteps: int) -> npt.NDArray[np.uint8]:
        """Return a recording in bins, uint8: a bit per bin, or a byte of graded counts.

        Raises
        ------
        InputError
            As of :meth:`encoded`.
        """
        counts, _ = self.counts(number, timesteps)
        if self.are_mantissas:
            graded(counts, self.source.name(number))  # says which recording has too many
            return counts.astype(np.uint8).ravel()
        return np.packbits(counts > 0)

    def counts(self, number: int, timesteps: int) -> tuple[npt.NDArray[np.int64], int]:
        """Return the events per place and step, int64 (*shape, T), and how many came too late.

        Raises
        ------
        InputError
            The recording is damaged, or events are not all accounted for.
        """
        events = self.source.events(number)
        step = self._steps(events[:, 3].astype(np.int64), timesteps)
        inside = step < timesteps
        column, row, polarity, _ = (events[inside] // [*[self.downsample] * 2, 1, 1]).T
        place = (polarity, row, column) if len(self.size) == 2 else (column,)
        bins = (*self.shape, timesteps)
        try:
            flat = np.ravel_multi_index((*place, step[inside]), bins)
        except ValueError as error:
            raise InputError(f"{self.source.name(number)}: {error}, in {bins}.") from error
        counts = np.bincount(flat, minlength=int(np.prod(bins))).reshape(bins)
        late = int(len(events) - inside.sum())
        if counts.sum() + late != len(events):
            raise InputError(
                f"{self.source.name(number)}: its frames hold {counts.sum()} events and {late} "
                f"came after them, of {len(events)}."
            )
        return counts, late

    def sound(self, timesteps: int) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
        """Return which samples can be encoded, int64 (n,), and why the others cannot."""
        sound, damaged = [], []
        for at in range(len(self)):
            try:
                self.encoded(np.array([at]), timesteps)
                sound.append(at)
            except InputError as error:
                damaged.append(str(error))
        return np.array(sound, dtype=np.int64), tuple(damaged)

    def _steps(self, time: npt.NDArray[np.int64], timesteps: int) -> npt.NDArray[np.int64]:
        """Return the step of each event; ``timesteps`` or more for those that come too late."""
        if self.binning == "time" and self.window_us is not None:
            return time * timesteps // self.window_us
        step = np.full(len(time), timesteps, dtype=np.int64)
        within = np.flatnonzero(time < self.window_us) if self.window_us else np.arange(len(time))
        in_order = within[np.argsort(time[within], kind="stable")]
        step[in_order] = np.arange(len(in_order)) * timesteps // max(len(in_order), 1)
        return step


def downsampled(shape: Shape, factor: int) -> Shape:
    """Return a shape (C, H, W) or (C,) where so many rows and columns, or channels, are one."""
    smaller = tuple(-(-length // factor) for length in shape)
    return (shape[0], *smaller[1:]) if len(shape) == 3 else smaller


@dataclass(frozen=True)
class EventCount:
    """What became of the events of recordings.

    Attributes
    ----------
    recorded : int
        Events in the files.
    late : int
        Of these, after the last timestep.
    merged : int
        Of these, at a place and in a step that had one already: a spike is 0 or 1.
    spikes : int
        What is left.
    """

    recorded: int
    late: int
    merged: int
    spikes: int

    def __add__(self, other: EventCount) -> EventCount:
        """Return the count of both."""
        return EventCount(
            self.recorded + other.recorded,
            self.late + other.late,
            self.merged + other.merged,
            self.spikes + other.spikes,
        )


def count_events(recordings: Recordings, timesteps: int) -> EventCount:
    """Count what becomes of events when they are divided over timesteps."""
    recorded = late = spikes = 0
    for number in recordings.order.tolist():
        counts, after = recordings.counts(number, timesteps)
        recorded += int(counts.sum()) + after
        late += after
        spikes += int(np.count_nonzero(counts))
    return EventCount(recorded, late, recorded - late - spikes, spikes)
