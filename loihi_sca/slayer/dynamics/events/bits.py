"""Spikes as bits: what is kept between forward and backward pass, and where events are read from.

Bit ``i`` of the words, lowest first, is value ``i`` of the images in the order of memory,
``[B, H, W, C]``. That takes a 32nd of the memory of float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from loihi_sca.engine.fast.vector import count_bits
from loihi_sca.slayer.dynamics import threads
from loihi_sca.slayer.dynamics.events.vector import WORD, masks_of
from loihi_sca.slayer.dynamics.jit import entry_point, inlined
from loihi_sca.slayer.dynamics.tiles import Array, tile_range

_ONE, _ZERO_BITS = np.uint64(1), np.uint64(0)
_SPIKE, _SILENCE = np.float32(1), np.float32(0)


@dataclass(frozen=True)
class Bits:
    """Values of 0 and 1.

    Attributes
    ----------
    words : uint64 array
        A word more than hold the values; what is past the last value is 0.
    shape : tuple
        Of the values, in the order of memory.
    spikes : int
        How many are 1.
    """

    words: npt.NDArray[np.uint64]
    shape: torch.Size
    spikes: int

    @property
    def density(self) -> float:
        """Share of the values that are 1."""
        return self.spikes / max(self.shape.numel(), 1)

    def unpacked(self) -> torch.Tensor:
        """Return the values as a float32 tensor."""
        values = torch.empty(self.shape)
        threads.run(_unpack, values.numel(), threads.CHUNKS, self.words, values.view(-1).numpy())
        return values


def packed(values: torch.Tensor) -> Bits | None:
    """Pack a contiguous float32 tensor on the CPU; None if a value is neither 0 nor 1."""
    words = np.empty(values.numel() // WORD + 2, np.uint64)
    words[-2:] = 0
    found = np.zeros((threads.CHUNKS, 2), np.int64)
    threads.run(_pack, values.numel(), values.detach().view(-1).numpy(), words, found)
    spikes, others = found.sum(axis=0)
    return None if others else Bits(words, values.shape, int(spikes))


@inlined
def bits_at(words: Array, at: Any, count: Any) -> Any:
    """Return ``count`` bits from bit ``at`` on, 1 to 64 of them."""
    word, shift = at // WORD, np.uint64(at % WORD)
    bits = words[word] >> shift
    if at % WORD + count > WORD:
        bits |= words[word + 1] << np.uint64(WORD - at % WORD)
    return bits if count == WORD else bits & ((_ONE << np.uint64(count)) - _ONE)


@entry_point
def _pack(sources: str) -> Callable[..., None]:
    """Return the kernel that packs values."""

    def pack(first: int, last: int, values: Array, words: Array, found: Array) -> None:
        """Write the words, and per chunk the number of ones and whether there is anything else."""
        _ = sources
        chunks, whole = len(found), len(values) // WORD
        for chunk in range(first, last):
            begin, end = tile_range(chunk, chunks, whole)
            spikes, others = 0, _ZERO_BITS
            for i in range(begin, end):
                present, ones = masks_of(values, i * WORD)
                words[i] = ones
                others |= present ^ ones
                spikes += count_bits(ones)
            if chunk == chunks - 1:
                tail = _ZERO_BITS
                for i in range(whole * WORD, len(values)):
                    if values[i] == _SPIKE:
                        tail |= _ONE << np.uint64(i % WORD)
                    elif values[i] != _SILENCE:
                        others |= _ONE
                words[whole] = tail
                spikes += count_bits(tail)
            found[chunk, 0] = spikes
            found[chunk, 1] = 1 if others else 0

    return pack


@entry_point
def _unpack(sources: str) -> Callable[..., None]:
    """Return the kernel that unpacks values."""

    def unpack(first: int, last: int, chunks: int, words: Array, values: Array) -> None:
        """Write the values."""
        _ = sources
        count = -(-len(values) // WORD)
        begin, _unused = tile_range(first, chunks, count)
        _unused, end = tile_range(last - 1, chunks, count)
        for i in range(begin, end):
            word = words[i]
            for j in range(min(WORD, len(values) - i * WORD)):
                bit = (word >> np.uint64(j)) & _ONE
                values[i * WORD + j] = _SPIKE if bit else _SILENCE

    return unpack
