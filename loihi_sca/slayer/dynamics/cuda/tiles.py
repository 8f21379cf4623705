"""How the neurons of a batch are divided among the programs of a Triton kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

TILE = 256
"""Neurons per program, two per thread; powers of two, as Triton wants them."""

WIDEST = 64
"""Channels per program, so that sums over the rest of a tile leave something to add up."""


@dataclass(frozen=True)
class Tiles:
    """A batch [T, N, ..., C], in tiles of samples and places by channels.

    Attributes
    ----------
    steps, rows, channels : int
        T; samples times places; C.
    """

    steps: int
    rows: int
    channels: int

    @classmethod
    def of(cls, values: torch.Tensor) -> Tiles:
        """Divide a batch."""
        steps, channels = values.shape[0], values.shape[-1]
        return cls(steps, values.numel() // (steps * channels), channels)

    @property
    def size(self) -> int:
        """Neurons."""
        return self.rows * self.channels

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The sizes that every kernel is given: rows, channels and neurons."""
        return self.rows, self.channels, self.size

    @property
    def width(self) -> int:
        """Channels per tile."""
        return min(WIDEST, 1 << (self.channels - 1).bit_length())

    @property
    def blocks(self) -> int:
        """Tiles along the rows: partial sums per channel."""
        return -(-self.rows // (TILE // self.width))

    def launch(self, kernel: Any, first: torch.Tensor, *arguments: Any, **constants: Any) -> None:
        """Start a kernel for all tiles, on the device of its first argument."""
        grid = (self.blocks, -(-self.channels // self.width))
        with torch.cuda.device_of(first):  # type: ignore[no-untyped-call]
            kernel[grid](
                first,
                *arguments,
                **constants,
                STEPS=self.steps,
                ROWS=TILE // self.width,
                WIDTH=self.width,
            )
