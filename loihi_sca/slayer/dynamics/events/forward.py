"""Sums of weights over the spikes of each window.

Only where no sum can round, see :func:`loihi_sca.slayer.dynamics.events.choice.is_exact`: then they
have the bits of any other order of summation.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from loihi_sca.engine.fast.vector import lowest_bit
from loihi_sca.slayer.dynamics import threads
from loihi_sca.slayer.dynamics.events.bits import Bits, bits_at
from loihi_sca.slayer.dynamics.events.geometry import Geometry
from loihi_sca.slayer.dynamics.events.tables import table_of
from loihi_sca.slayer.dynamics.events.vector import WORD, add_rows
from loihi_sca.slayer.dynamics.jit import entry_point, inlined
from loihi_sca.slayer.dynamics.tiles import Array

_ONE = np.uint64(1)

_COLUMNS = 64
"""Channels at a time: their weights for a line of the window stay in the second-level cache."""


def weighted(bits: Bits, kernel: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    """Return the convolution [B, H, W, out] of spikes [B, H, W, in] with a kernel.

    Parameters
    ----------
    bits : Bits
        The spikes.
    kernel : float32 tensor (out, in, kh, kw)
        The weights.
    geometry : Geometry
        Of both.
    """
    g = geometry
    out = torch.empty(g.images, g.out_h, g.out_w, g.out_c)
    flat_table, flat_out = table_of(kernel).view(-1).numpy(), out.view(-1).numpy()
    threads.run(_convolve, out.numel(), threads.CHUNKS, bits.words, g, flat_table, flat_out)
    return out


@inlined
def _list_events(words: Array, g: Geometry, image: int, starts: Array, events: Array) -> None:
    """List the spikes of an image.

    An event is the place of a spike in its row of the map, ``x * channels + c``; those of place p
    are ``starts[p]`` to ``starts[p + 1]``.
    """
    n, place = 0, 0
    at = image * g.in_h * g.in_w * g.in_c
    for _y in range(g.in_h):
        for x in range(g.in_w):
            starts[place] = n
            place += 1
            for c in range(0, g.in_c, WORD):
                count = min(WORD, g.in_c - c)
                mask = bits_at(words, at + c, count)
                while mask:
                    events[n] = x * g.in_c + c + lowest_bit(mask)
                    n += 1
                    mask &= mask - _ONE
            at += g.in_c
    starts[place] = n


@entry_point
def _convolve(sources: str) -> Callable[..., None]:
    """Return the kernel that convolves a range of images."""

    def convolve(
        first: int, last: int, chunks: int, words: Array, g: Geometry, table: Array, out: Array
    ) -> None:
        """Convolve; table is [kh, kw, in, out] and out is [B, H, W, out], both flat."""
        _ = sources
        starts = np.empty(g.in_h * g.in_w + 1, np.int64)
        events = np.empty(g.in_h * g.in_w * g.in_c, np.int32)
        for image in range(first * g.images // chunks, last * g.images // chunks):
            _list_events(words, g, image, starts, events)
            for column in range(0, g.out_c, _COLUMNS):
                width = min(_COLUMNS, g.out_c - column)
                to = image * g.out_h * g.out_w * g.out_c + column
                for out_y in range(g.out_h):
                    top = out_y * g.stride_y - g.pad_y
                    for out_x in range(g.out_w):
                        left = out_x * g.stride_x - g.pad_x
                        begin, end = max(left, 0), min(left + g.kernel_x, g.in_w)
                        out[to : to + width] = 0
                        for y in range(max(top, 0), min(top + g.kernel_y, g.in_h)):
                            # a line of the window is a piece of a row of the map
                            line = ((y - top) * g.kernel_x - left) * g.in_c
                            if begin < end:
                                add_rows(
                                    out, to, width, table, line * g.out_c + column, g.out_c,
                                    events, starts[y * g.in_w + begin], starts[y * g.in_w + end],
                                )  # fmt: skip
                        to += g.out_c

    return convolve
