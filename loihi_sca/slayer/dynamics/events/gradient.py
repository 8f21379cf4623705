"""The gradient of the weights as sums of output gradients over spikes.

A weight's row of output channels is the sum of the gradients of all outputs that a spike of its
input meets through it. Every row is summed by one thread, image by image, place by place: the
result does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from loihi_sca.engine.fast.vector import count_bits, lowest_bit
from loihi_sca.slayer.dynamics import threads
from loihi_sca.slayer.dynamics.events.bits import Bits, bits_at
from loihi_sca.slayer.dynamics.events.geometry import Geometry
from loihi_sca.slayer.dynamics.events.tables import kernel_of
from loihi_sca.slayer.dynamics.events.vector import MIDDLE, NARROW, WIDE, WORD, add_taps, copy_row
from loihi_sca.slayer.dynamics.jit import entry_point, inlined
from loihi_sca.slayer.dynamics.tiles import Array

_ONE = np.uint64(1)

_CACHED = 20 << 10
"""Gradients that stay in the first-level cache, in which rows are looked up: 28 KiB."""

_TAPS = 3
"""Taps along y and along x whose rows are summed at once, all in registers."""


class Maps(NamedTuple):
    """Gradients of a stack of images, with borders of zeros for what no output is there to meet.

    A spike at ``y`` meets output ``(y + pad - ky) / stride``, which may lie outside the map.

    Attributes
    ----------
    stack : int
        Images at a time.
    height, width, columns : int
        Of a map; some of the output channels at a time.
    top, left : int
        Of the border before the first output.
    """

    stack: int
    height: int
    width: int
    columns: int
    top: int
    left: int


def maps_of(g: Geometry) -> Maps:
    """Return maps that fit the cache."""
    top = max(0, -((g.pad_y - g.kernel_y + 1) // g.stride_y))
    left = max(0, -((g.pad_x - g.kernel_x + 1) // g.stride_x))
    height = top + max(g.out_h, (g.in_h - 1 + g.pad_y) // g.stride_y + 1)
    width = left + max(g.out_w, (g.in_w - 1 + g.pad_x) // g.stride_x + 1)
    if g.kernel_y * g.kernel_x == 1:  # a tap alone: wide rows keep as many registers busy
        columns = WIDE
    else:
        columns = NARROW if height * width * MIDDLE > _CACHED or g.out_c <= NARROW else MIDDLE
    stack = max(1, min(g.images, _CACHED // (height * width * columns)))
    return Maps(stack, height, width, columns, top, left)


def of_weight(bits: Bits, gradient: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    """Return the gradient (out, in, kh, kw) of a kernel.

    Parameters
    ----------
    bits : Bits
        The spikes [B, H, W, in].
    gradient : float32 tensor [B, H, W, out], contiguous
        Of the result.
    geometry : Geometry
        Of both.
    """
    g, m = geometry, maps_of(geometry)
    rows = torch.zeros(-(-g.out_c // m.columns), g.kernel_y * g.kernel_x * g.in_c, m.columns)
    arrays = (gradient.view(-1).numpy(), rows.view(-1).numpy())
    threads.run(_sum_gradients, gradient.numel(), threads.CHUNKS, bits.words, g, m, *arrays)
    return kernel_of(rows, g.out_c, g.kernel_y, g.kernel_x)


@inlined
def _transpose(square: Array) -> None:
    """Transpose 64 words as a square of bits, in place (Hacker's Delight, section 7-3)."""
    for power in range(5, -1, -1):
        j = 1 << power
        shift = np.uint64(j)
        low = np.uint64(0xFFFFFFFFFFFFFFFF) // ((_ONE << shift) + _ONE)
        for begin in range(0, WORD, 2 * j):
            for k in range(begin, begin + j):
                swapped = ((square[k] >> shift) ^ square[k + j]) & low
                square[k] ^= swapped << shift
                square[k + j] ^= swapped


@inlined
def _order_places(g: Geometry, m: Maps) -> tuple[Array, Array, Array]:
    """Order the places of a stack of images by their phase, the remainder of y and x by the stride.

    Returns
    -------
    places : int64 array (slots,)
        Number of the place in the stack, -1 for none: a phase begins with a word of its own.
    targets : int32 array (slots,)
        Place in the padded maps of gradients to which a shift of 0 leads.
    words : int64 array (phases + 1,)
        Where the words of each phase begin.
    """
    phases = g.stride_y * g.stride_x
    most = (-(-g.in_h // g.stride_y)) * (-(-g.in_w // g.stride_x)) * m.stack
    slots = phases * (-(-most // WORD)) * WORD
    places, targets = np.full(slots, -1, np.int64), np.zeros(slots, np.int32)
    words = np.zeros(phases + 1, np.int64)
    slot = 0
    for phase in range(phases):
        words[phase] = slot // WORD
        for image in range(m.stack):
            for y in range(phase // g.stride_x, g.in_h, g.stride_y):
                for x in range(phase % g.stride_x, g.in_w, g.stride_x):
                    row = image * m.height + y // g.stride_y
                    places[slot] = (image * g.in_h + y) * g.in_w + x
                    targets[slot] = row * m.width + x // g.stride_x
                    slot += 1
        slot = -(-slot // WORD) * WORD
    words[phases] = slot // WORD
    return places, targets, words


@inlined
def _mask_channels(
    words: Array, g: Geometry, begin: int, present: int, first: int, last: int, places: Array,
    masks: Array,
) -> None:  # fmt: skip
    """Write which slots spike, ``masks[channel - first, word]``, for a stack of images.

    ``begin`` is its first bit, ``present`` the number of its places.
    """
    square = np.empty(WORD, np.uint64)
    for word in range(masks.shape[1]):
        for channel in range(first, last, WORD):
            count = min(WORD, last - channel)
            for k in range(WORD):
                place = places[word * WORD + k]
                square[k] = 0
                if 0 <= place < present:
                    square[k] = bits_at(words, begin + place * g.in_c + channel, count)
            _transpose(square)
            for k in range(count):
                masks[channel - first + k, word] = square[k]


@inlined
def _list_events(
    words: Array, g: Geometry, m: Maps, begin: int, end: int, phase_words: Array, places: Array,
    targets: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """List the spikes of channels ``begin`` to ``end``: by stack, channel, phase and place.

    Returns
    -------
    events : int32 array
        Where the row of the target begins in the maps.
    starts : int64 array (stacks, channels, phases + 1)
        Where the events of each phase begin.
    """
    stacks, phases = -(-g.images // m.stack), len(phase_words) - 1
    masks = np.empty((stacks, end - begin, phase_words[-1]), np.uint64)
    starts = np.empty((stacks, end - begin, phases + 1), np.int64)
    total = 0
    for stack in range(stacks):
        image = stack * m.stack
        present = min(m.stack, g.images - image) * g.in_h * g.in_w
        first_bit = image * g.in_h * g.in_w * g.in_c
        _mask_channels(words, g, first_bit, present, begin, end, places, masks[stack])
        for channel in range(end - begin):
            for word in range(phase_words[-1]):
                total += count_bits(masks[stack, channel, word])
    events = np.empty(total, np.int32)
    n = 0
    for stack in range(stacks):
        for channel in range(end - begin):
            for phase in range(phases):
                starts[stack, channel, phase] = n
                for word in range(phase_words[phase], phase_words[phase + 1]):
                    mask = masks[stack, channel, word]
                    while mask:
                        events[n] = targets[word * WORD + lowest_bit(mask)] * m.columns
                        n += 1
                        mask &= mask - _ONE
            starts[stack, channel, phases] = n
    return events, starts


@inlined
def _pad_maps(
    gradient: Array, g: Geometry, m: Maps, image: int, column: int, padded: Array
) -> None:
    """Copy some columns of gradients [B, H, W, out] into maps."""
    used = min(m.columns, g.out_c - column)
    for i in range(min(m.stack, g.images - image)):
        for y in range(g.out_h):
            to = ((i * m.height + m.top + y) * m.width + m.left) * m.columns
            at = ((image + i) * g.out_h + y) * g.out_w * g.out_c + column
            for _x in range(g.out_w):
                copy_row(padded, to, gradient, at, used)
                to += m.columns
                at += g.out_c


@inlined
def _add_channel(
    g: Geometry, m: Maps, to: int, padded: Array, events: Array, starts: Array, out: Array
) -> None:
    """Add what the spikes of a channel meet to the rows of its weights; starts are by phase.

    The row of tap 0 begins at ``out[to]``. The taps that a phase meets are a stride apart, and what
    they meet a place less each.
    """
    tap = g.in_c * m.columns  # from one tap to the next
    for phase in range(g.stride_y * g.stride_x):
        begin, end = starts[phase], starts[phase + 1]
        if begin == end:
            continue
        phase_y, phase_x = phase // g.stride_x, phase % g.stride_x
        for ky in range((phase_y + g.pad_y) % g.stride_y, g.kernel_y, _TAPS * g.stride_y):
            y = (phase_y + g.pad_y - ky) // g.stride_y + m.top
            taps_y = min(_TAPS, -((ky - g.kernel_y) // g.stride_y))
            for kx in range((phase_x + g.pad_x) % g.stride_x, g.kernel_x, _TAPS * g.stride_x):
                x = (phase_x + g.pad_x - kx) // g.stride_x + m.left
                taps_x = min(_TAPS, -((kx - g.kernel_x) // g.stride_x))
                add_taps(
                    taps_y, taps_x, m.columns,
                    out, to + (ky * g.kernel_x + kx) * tap,
                    g.stride_y * g.kernel_x * tap, g.stride_x * tap,
                    padded, (y * m.width + x) * m.columns, m.width * m.columns,
                    events, begin, end,
                )  # fmt: skip


@entry_point
def _sum_gradients(sources: str) -> Callable[..., None]:
    """Return the kernel that sums over the spikes of a range of input channels."""

    def sum_gradients(
        first: int, last: int, chunks: int, words: Array, g: Geometry, m: Maps, gradient: Array,
        out: Array,
    ) -> None:  # fmt: skip
        """Add to out, [blocks, kh, kw, in, columns], what gradients [B, H, W, out] say.

        Both are flat.
        """
        _ = sources
        begin, end = first * g.in_c // chunks, last * g.in_c // chunks
        places, targets, phase_words = _order_places(g, m)
        events, starts = _list_events(words, g, m, begin, end, phase_words, places, targets)
        to = 0
        for column in range(0, g.out_c, m.columns):
            padded = np.zeros(m.stack * m.height * m.width * m.columns, np.float32)
            for stack in range(starts.shape[0]):
                _pad_maps(gradient, g, m, stack * m.stack, column, padded)
                for channel in range(begin, end):
                    own = starts[stack, channel - begin]
                    _add_channel(g, m, to + channel * m.columns, padded, events, own, out)
            to += g.kernel_y * g.kernel_x * g.in_c * m.columns

    return sum_gradients
