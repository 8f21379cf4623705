"""What a dataset holds: images that are encoded when asked for, or spikes step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.config import Encoding
from loihi_sca.data import encoders
from loihi_sca.errors import ConfigError
from loihi_sca.network import Shape

OF_IMAGES = {
    "rate": encoders.rate,
    "direct": encoders.direct,
    "latency": encoders.latency,
}

CONSTANT = ("direct", "thermometer")
"""Encodings of which every timestep is the same."""

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
    encoding : {"rate", "direct", "latency", "thermometer"}
        How they become input.
    levels : int
        With ``thermometer``: as many channels for each of the images'.
    """

    values: npt.NDArray[np.float32] | npt.NDArray[np.uint8]
    full: float = 1.0
    encoding: Encoding = "rate"
    levels: int = 4

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> Shape:
        """Shape (C, H, W) of one timestep of a sample."""
        return encoded_shape(tuple(self.values.shape[1:]), self.encoding, self.levels)

    @property
    def are_mantissas(self) -> bool:
        """Whether they drive neurons at the input, instead of being spikes."""
        return self.encoding == "direct"

    @property
    def are_constant(self) -> bool:
        """Whether every timestep of a sample is the same, however many there are."""
        return self.encoding in CONSTANT

    def pick(self, index: Index) -> Images:
        """Return some of the images."""
        return replace(self, values=self.values[index])

    def encoded(self, index: Index, timesteps: int) -> npt.NDArray[np.uint8]:
        """Return spikes or mantissas, uint8 array (N, C, H, W, T)."""
        brightness = self.values[index].astype(np.float32) / np.float32(self.full)
        if self.encoding == "thermometer":
            return encoders.thermometer(brightness, timesteps, self.levels)
        return OF_IMAGES[self.encoding](brightness, timesteps)


def encoded_shape(shape: Shape, encoding: Encoding, levels: int) -> Shape:
    """Return the shape (C, H, W) of images as they come in."""
    return (levels * shape[0], *shape[1:]) if encoding == "thermometer" else shape


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
        _check_timesteps(timesteps, self.timesteps)
        return np.ascontiguousarray(self.values[self.order[index]], dtype=np.uint8)


@dataclass(frozen=True)
class Courses:
    """Values that change step by step, encoded as spikes where they have changed.

    Attributes
    ----------
    values : float array (M, C, H, W, T) or (M, C, T)
        Of 0 to 1; may be a memory map.
    order : int64 array (N,)
        Which of them the samples are.
    threshold : float
        A change of so much is a spike.
    """

    values: npt.NDArray[Any]
    order: npt.NDArray[np.int64]
    threshold: float = 0.1

    def __len__(self) -> int:
        return len(self.order)

    @property
    def shape(self) -> Shape:
        """Shape (2 C, H, W) or (2 C,) of one timestep: what rises, then what falls."""
        return (2 * self.values.shape[1], *self.values.shape[2:-1])

    @property
    def timesteps(self) -> int:
        """Steps T that were recorded."""
        return int(self.values.shape[-1])

    @property
    def are_mantissas(self) -> bool:
        """False: they become spikes."""
        return False

    def pick(self, index: Index) -> Courses:
        """Return some of the samples."""
        return replace(self, order=self.order[index])

    def encoded(self, index: Index, timesteps: int) -> npt.NDArray[np.uint8]:
        """Return spikes, uint8 array (N, 2 C, H, W, T)."""
        _check_timesteps(timesteps, self.timesteps)
        chosen = self.values[self.order[index]]
        return np.concatenate(encoders.delta(chosen, self.threshold), axis=1)


def _check_timesteps(asked: int, recorded: int) -> None:
    if asked != recorded:
        raise ConfigError(f"{asked} timesteps of samples that have {recorded}.")


def no_encoding(name: str, encoding: Encoding) -> None:
    """Raise if events shall be encoded as values."""
    if encoding != "rate":
        raise ConfigError(
            f"data.encoding = {encoding!r}: {name} holds spikes already. Leave the key out."
        )
