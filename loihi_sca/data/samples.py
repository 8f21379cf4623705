"""What a dataset holds: images that are encoded when asked for, or recorded events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.config import Encoding
from loihi_sca.data import encoders
from loihi_sca.errors import ConfigError
from loihi_sca.network import Shape

Index: TypeAlias = slice | npt.NDArray[np.int64]


class Samples(Protocol):
    """Samples of one shape."""

    def __len__(self) -> int: ...

    @property
    def shape(self) -> Shape:
        """Shape (C, H, W) of one timestep of a sample."""

    @property
    def are_mantissas(self) -> bool:
        """Whether they drive neurons at the input, instead of being spikes."""

    def pick(self, index: Index) -> Samples:
        """Return some of the samples."""

    def encoded(self, index: Index, timesteps: int) -> npt.NDArray[np.uint8]:
        """Return samples as the network takes them, uint8 array (N, C, H, W, T)."""


@dataclass(frozen=True)
class Images:
    """Images, kept as they are: encoded they take T times the room.

    Attributes
    ----------
    values : float32 or uint8 array (N, C, H, W)
    full : float
        The value of full brightness.
    encoding : {"rate", "direct"}
        How they become input.
    """

    values: npt.NDArray[np.float32] | npt.NDArray[np.uint8]
    full: float = 1.0
    encoding: Encoding = "rate"

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> Shape:
        """Shape (C, H, W) of one timestep of a sample."""
        return tuple(self.values.shape[1:])

    @property
    def are_mantissas(self) -> bool:
        """Whether they drive neurons at the input, instead of being spikes."""
        return self.encoding == "direct"

    def pick(self, index: Index) -> Images:
        """Return some of the images."""
        return Images(self.values[index], self.full, self.encoding)

    def encoded(self, index: Index, timesteps: int) -> npt.NDArray[np.uint8]:
        """Return spikes or mantissas, uint8 array (N, C, H, W, T)."""
        brightness = self.values[index].astype(np.float32) / np.float32(self.full)
        encode = encoders.rate if self.encoding == "rate" else encoders.direct
        return encode(brightness, timesteps)


@dataclass(frozen=True)
class Recordings:
    """Events of a camera, one row per event, recording after recording.

    Attributes
    ----------
    events : int32 array (events, 4)
        Column, row, polarity (0 off, 1 on) and time in microseconds.
    starts : int64 array (N + 1,)
        Where each recording starts, and the last one ends.
    size : tuple of int
        Height and width of the camera.
    window_us : int
        Time that the timesteps divide; events after it are left out.
    """

    events: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    size: tuple[int, int]
    window_us: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def shape(self) -> Shape:
        """Shape (polarity, height, width) of one timestep of a recording."""
        return (2, *self.size)

    @property
    def are_mantissas(self) -> bool:
        """False: events are spikes."""
        return False

    def pick(self, index: Index) -> Recordings:
        """Return some of the recordings."""
        chosen = np.arange(len(self))[index]
        parts = [self.events[self.starts[i] : self.starts[i + 1]] for i in chosen]
        starts = np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(np.int64)
        events = np.concatenate(parts) if parts else self.events[:0]
        return Recordings(events, starts, self.size, self.window_us)

    def encoded(self, index: Index, timesteps: int) -> npt.NDArray[np.uint8]:
        """Return spikes, uint8 array (N, 2, H, W, T): 1 where a step saw at least one event."""
        chosen = self.pick(index)
        recording = np.repeat(np.arange(len(chosen)), np.diff(chosen.starts))
        column, row, polarity, time = chosen.events.T
        step = time.astype(np.int64) * timesteps // self.window_us
        inside = step < timesteps
        spikes = np.zeros((len(chosen), *self.shape, timesteps), dtype=np.uint8)
        at = (recording, polarity, row, column, step)
        spikes[tuple(axis[inside] for axis in at)] = 1
        return spikes


@dataclass(frozen=True)
class Recorded:
    """Spikes that are there already, step by step.

    Attributes
    ----------
    values : array (M, C, H, W, T) or (M, C, T)
        Of 0 and 1; may be a memory map.
    order : int64 array (N,)
        Which of them the samples are: a choice of samples copies nothing.
    """

    values: npt.NDArray[Any]
    order: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.order)

    @property
    def shape(self) -> Shape:
        """Shape (C, H, W) of one timestep of a sample."""
        return tuple(self.values.shape[1:-1])

    @property
    def timesteps(self) -> int:
        """Steps T that were recorded."""
        return int(self.values.shape[-1])

    @property
    def are_mantissas(self) -> bool:
        """False: they are spikes."""
        return False

    def pick(self, index: Index) -> Recorded:
        """Return some of the samples."""
        return Recorded(self.values, self.order[index])

    def encoded(self, index: Index, timesteps: int) -> npt.NDArray[np.uint8]:
        """Return spikes, uint8 array (N, C, H, W, T).

        Raises
        ------
        ConfigError
            Other timesteps than were recorded are asked for.
        """
        if timesteps != self.timesteps:
            raise ConfigError(f"{timesteps} timesteps of samples that have {self.timesteps}.")
        return np.ascontiguousarray(self.values[self.order[index]], dtype=np.uint8)


def no_direct_encoding(name: str, encoding: Encoding) -> None:
    """Raise if events shall be encoded as values."""
    if encoding != "rate":
        raise ConfigError(
            f"data.encoding = {encoding!r}: {name} holds spikes already. Leave the key out."
        )
