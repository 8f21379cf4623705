"""Pictures as videos: they move to and fro, a pixel at a time, in front of a dark ground."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from loihi_sca.data.encoders import MANTISSA
from loihi_sca.data.samples import Images, Index
from loihi_sca.network import Shape

SEED = 5
"""Of where pictures begin and which way they go: the same video whenever it is loaded."""


@dataclass(frozen=True)
class Videos:
    """Pictures and their ways; frames are made when they are asked for.

    Attributes
    ----------
    images : Images
    places, ways : int array (N, 2)
        Rows and columns by which a picture is off its place at first, and whether it goes on
        upwards or downwards, -1 or 1.
    reach : int
        How far it gets off its place, in pixels.
    hold : int
        Timesteps from one move to the next.
    """

    images: Images
    places: npt.NDArray[np.int64]
    ways: npt.NDArray[np.int64]
    reach: int
    hold: int

    @classmethod
    def of(cls, images: Images, reach: int, hold: int) -> Videos:
        """Draw a way for each picture."""
        rng = np.random.default_rng(SEED)
        places = rng.integers(-reach, reach, (len(images), 2), endpoint=True)
        return cls(images, places, rng.choice([-1, 1], (len(images), 2)), reach, hold)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> Shape:
        """Shape (C, H, W) of a frame."""
        return self.images.shape

    @property
    def encoding(self) -> str:
        """What becomes of pixels, for people."""
        return "video"

    @property
    def are_mantissas(self) -> bool:
        """True: values enter neurons on the chip."""
        return True

    def pick(self, index: Index) -> Videos:
        """Return some of the videos."""
        return replace(
            self, images=self.images.pick(index), places=self.places[index], ways=self.ways[index]
        )

    def offsets(self, timesteps: int) -> npt.NDArray[np.int64]:
        """Return by how much pictures are off their places, (N, 2, T)."""
        moves = np.arange(timesteps) // self.hold
        along = self.places[..., None] + self.ways[..., None] * moves
        if not self.reach:
            return np.zeros_like(along)
        # to and fro: a triangle wave between -reach and reach
        folded = np.abs((along + 3 * self.reach) % (4 * self.reach) - 2 * self.reach)
        return folded - self.reach

    def encoded(self, index: Index, timesteps: int) -> npt.NDArray[np.uint8]:
        """Return frames, uint8 array (N, C, H, W, T), in even 1/64 from 0 to 64."""
        chosen = self.pick(index)
        values = chosen.images.values.astype(np.float32) / np.float32(chosen.images.full)
        grey = (np.rint(values * (MANTISSA // 2)) * 2).astype(np.uint8)
        height, width = self.shape[1:]
        margin = self.reach
        wide = np.pad(grey, ((0, 0), (0, 0), (margin, margin), (margin, margin)))
        frames = np.empty((*grey.shape, timesteps), dtype=np.uint8)
        for frame, image, way in zip(frames, wide, chosen.offsets(timesteps), strict=True):
            for t, (down, right) in enumerate(way.T):
                top, left = margin - down, margin - right
                frame[..., t] = image[:, top : top + height, left : left + width]
        return frames
