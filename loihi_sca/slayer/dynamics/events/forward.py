"""Sums of weights over the spikes of each window, in integers.

Only where no sum in float32 can round, see :func:`loihi_sca.slayer.dynamics.events.exact.is_exact`:
then they have the bits of any other order of summation. Weights are read as steps of 1/32 in 8
bits, a quarter of what float32 takes of the cache, and added in 16; before those could overflow,
sums go on to float32.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from loihi_sca.engine.fast.vector import lowest_bit
from loihi_sca.slayer.dynamics import threads
from loihi_sca.slayer.dynamics.events.bits import Bits, bits_at
from loihi_sca.slayer.dynamics.events.exact import peak_steps
from loihi_sca.slayer.dynamics.events.geometry import Geometry
from loihi_sca.slayer.dynamics.events.tables import table_of
from loihi_sca.slayer.dynamics.events.vector import WORD, add_steps, move_steps
from loihi_sca.slayer.dynamics.jit import entry_point, inlined
from loihi_sca.slayer.dynamics.tiles import Array

_ONE = np.uint64(1)

_COLUMNS = 128
"""Channels at a time, whose sums fill a few vector registers."""

_HELD = (1 << 15) - 1
"""What 16 bits hold."""

LARGEST = _HELD >> 4
"""Steps above which sums would leave 16 bits too soon."""


def weighted(
    bits: Bits, kernel: torch.Tensor, geometry: Geometry, peak: int | None = None
) -> torch.Tensor:
    """Return the convolution [B, H, W, out] of spikes [B, H, W, in] with a kernel.

    Parameters
    ----------
    bits : Bits
        The spikes.
    kernel : float32 tensor (out, in, kh, kw)
        The weights, exact and of at most :data:`LARGEST` steps.
    geometry : Geometry
        Of both.
    peak : int, optional
        Their largest magnitude in steps, if it is known.

    Raises
    ------
    ValueError
        The weights are others.
    """
    g = geometry
    largest = peak_steps(kernel) if peak is None else peak
    if largest is None or largest > LARGEST:
        raise ValueError(f"weights are {largest or 'no'} steps of 1/32, at most {LARGEST} can be.")
    out = torch.zeros(g.images, g.out_h, g.out_w, g.out_c)
    table = table_of(kernel, largest)
    events = _HELD // max(largest, 1)
    arrays = (table.view(-1).numpy(), table.shape[1], events, out.view(-1).numpy())
    threads.run(_convolve, out.numel(), threads.CHUNKS, bits.words, g, *arrays)
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
        first: int, last: int, chunks: int, words: Array, g: Geometry, table: Array, stride: int,
        most: int, out: Array,
    ) -> None:  # fmt: skip
        """Add to out, [B, H, W, out], what the table [kh, kw, in, stride] says; both are flat.

        Sums of at most so many weights fit 16 bits.
        """
        _ = sources
        starts = np.empty(g.in_h * g.in_w + 1, np.int64)
        events = np.empty(g.in_h * g.in_w * g.in_c, np.int32)
        sums = np.zeros(_COLUMNS, np.int16)
        for image in range(first * g.images // chunks, last * g.images // chunks):
            _list_events(words, g, image, starts, events)
            for column in range(0, g.out_c, _COLUMNS):
                width = min(_COLUMNS, stride - column)
                used = min(_COLUMNS, g.out_c - column)
                to = image * g.out_h * g.out_w * g.out_c + column
                for out_y in range(g.out_h):
                    top = out_y * g.stride_y - g.pad_y
                    for out_x in range(g.out_w):
                        left = out_x * g.stride_x - g.pad_x
                        begin, end = max(left, 0), min(left + g.kernel_x, g.in_w)
                        room = most
                        for y in range(max(top, 0), min(top + g.kernel_y, g.in_h)):
                            # a line of the window is a piece of a row of the map
                            line = ((y - top) * g.kernel_x - left) * g.in_c * stride + column
                            event, over = starts[y * g.in_w + begin], starts[y * g.in_w + end]
                            while event < over and begin < end:
                                stop = min(over, event + room)
                                add_steps(sums, width, table, line, stride, events, event, stop)
                                room -= stop - event
                                event = stop
                                if room == 0:
                                    move_steps(sums, width, out, to, used)
                                    room = most
                        move_steps(sums, width, out, to, used)
                        to += g.out_c

    return convolve
