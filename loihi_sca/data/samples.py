"""What a dataset holds: images that are encoded when asked for, or spikes step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from loihi_sca.config import Counts, Encoding
from loihi_sca.data import encoders
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.network import Shape
from loihi_sca.network.fixed_point import MAX_BIAS

OF_IMAGES = {
    "rate": encoders.rate,
    "direct": encoders.direct,
    "latency": encoders.latency,
}

CONSTANT = ("direct", "thermometer")
"""Encodings of which every timestep is the same."""

Index: TypeAlias = slice | npt.NDArray[np.int64]

Encoded: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.int32]
"""Spikes or mantissas; those of counts need more than 8 bits."""

MOST_COUNT = MAX_BIAS // encoders.MANTISSA
"""The largest count that a neuron at the input can be driven by, in a timestep."""


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

    def encoded(self, index: Index, timesteps: int) -> Encoded:
        """Return samples as the network takes them, uint8 (N, C, H, W, T); of counts int32."""


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


def of_pixels(name: str, values: npt.NDArray[np.uint8]) -> Images:
    """Return images of 8 bits.

    Raises
    ------
    InputError
        Their values are 0 and 1 only: of 255 that is black, and hardly meant.
    """
    if values.max(initial=0) == 1:
        raise InputError(
            f"{name}: images of uint8 have values from 0 to 255, and the largest of these is 1, "
            "which is next to black. If 1 is full brightness, give them as bool or float, or "
            "times 255."
        )
    return Images(values, full=255.0)


def encoded_shape(shape: Shape, encoding: Encoding, levels: int) -> Shape:
    """Return the shape (C, H, W) of images as they come in."""
    return (levels * shape[0], *shape[1:]) if encoding == "thermometer" else shape


def graded(counts: npt.NDArray[Any], name: str) -> npt.NDArray[np.int32]:
    """Return counts as mantissas that drive neurons, 64 for one, as an image's value of 1 does.

    Raises
    ------
    InputError
        A count is larger than what the chip holds.
    """
    most = int(counts.max(initial=0))
    if most > MOST_COUNT:
        raise InputError(
            f"{name}: {most} events at one place in one timestep, and a neuron is driven by at "
            f"most {MOST_COUNT} (mantissas up to {MAX_BIAS}, 64 for one). Take more timesteps, or "
            'clip them: data.counts = "clip".'
        )
    return counts.astype(np.int32) * np.int32(encoders.MANTISSA)


@dataclass(frozen=True)
class Recorded:
    """Spikes that are there already, step by step, or counts of them.

    Attributes
    ----------
    values : array (M, C, H, W, T) or (M, C, T)
        Of 0 and 1, or counts; may be a memory map.
    order : int64 array (N,)
        Which of them the samples are: a choice of samples copies nothing.
    most : int
        The largest of the values.
    counts : {"clip", "graded"} or None
        Whether counts become spikes of 0 or 1, or mantissas that drive neurons.
    """

    values: npt.NDArray[Any]
    order: npt.NDArray[np.int64]
    most: int = 1
    counts: Counts | None = None

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
        """Whether counts drive neurons, instead of being spikes."""
        return self.counts == "graded"

    def pick(self, index: Index) -> Recorded:
        """Return some of the samples."""
        return replace(self, order=self.order[index])

    def encoded(self, index: Index, timesteps: int) -> Encoded:
        """Return spikes, uint8 array (N, C, H, W, T), or mantissas of counts, int32.

        Raises
        ------
        ConfigError
            Other timesteps than were recorded are asked for.
        InputError
            Counts are larger than what the chip holds.
        """
        _check_timesteps(timesteps, self.timesteps)
        values = self.values[self.order[index]]
        if self.counts == "graded":
            return graded(values, "samples")
        return np.ascontiguousarray(np.minimum(values, 1), dtype=np.uint8)


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
