"""Weigh messages where they arrive: each output position sums up what its window holds.

Two neighbouring channels make a pair of messages of 16 bits, and meet pairs of weights. Positions
without messages are left out, and so are pairs of zeros where that is worth a look. A message that is wider is cut in two halves, which are weighed one after the
other. Sums stay in registers until they are complete, and are exact modulo 2^32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from loihi_sca.engine.fast.graded_table import LANES, WIDEST
from loihi_sca.engine.fast.jit import compiled
from loihi_sca.engine.fast.pair_sums import HALF_BITS, sum_columns

I32 = np.int32
HALF = I32((1 << HALF_BITS) - 1)
LARGEST_HALF = I32((1 << HALF_BITS - 1) - 1)

LISTING = 100
"""To look whether a pair of messages is silent takes as long as so many synapses."""


@compiled
def list_pairs(g: Any, fan_out: Any, messages: Any, tally: Any, listed: Any) -> Any:
    """List the pairs of messages of one step, position by position.

    ``tally`` holds how many messages each position has. ``listed`` is ``(starts, rows, low, high)``
    and written: the pairs of position ``p`` are ``starts[p]`` to ``starts[p + 1]``, ``rows`` holds
    the place of each in its row of the map, and ``low`` the lower halves of both messages. Returns
    the synaptic operations, and whether these halves are not all; if so, ``high`` holds the rest.
    """
    starts, rows, low, _ = listed
    pairs, halves = (g.in_c + 1) // 2, low.view(np.int16)
    is_flat = tally.shape[0] != g.in_h * g.in_w  # a map that a dense layer sees as one position
    n, synops, wide = 0, 0, I32(0)
    for y in range(g.in_h):
        for x in range(g.in_w):
            p = y * g.in_w + x
            starts[p] = n
            count = tally.sum() if is_flat else np.int64(tally[p])
            if not count:
                continue
            synops += count * fan_out[p]
            silent, first = g.in_c - count, p * g.in_c
            if silent * silent * fan_out[p] > LISTING * g.in_c * g.in_c:
                for q in range(pairs):
                    one, two = _pair(messages, first, q, g.in_c)
                    rows[n] = x * pairs + q
                    low[n] = _pack(one, two)
                    wide |= _above(one) | _above(two)
                    n += (one | two) != 0
            else:
                wide |= _cut(messages, first, g.in_c, halves, 2 * n)
                for q in range(pairs):
                    rows[n + q] = x * pairs + q
                n += pairs
    starts[g.in_h * g.in_w] = n
    if wide:
        _list_upper_halves(g, messages, listed)
    return synops, wide != 0


@compiled
def _list_upper_halves(g: Any, messages: Any, listed: Any) -> None:
    starts, rows, _, high = listed
    pairs = (g.in_c + 1) // 2
    for p in range(g.in_h * g.in_w):
        for n in range(starts[p], starts[p + 1]):
            q = rows[n] - p % g.in_w * pairs
            one, two = _pair(messages, p * g.in_c, q, g.in_c)
            high[n] = _pack(_above(one), _above(two))


@compiled
def _pair(messages: Any, first: int, q: int, channels: int) -> Any:
    """Return pair ``q`` of the messages from ``first`` on; an odd one has zero for company."""
    two = messages[first + 2 * q + 1] if 2 * q + 1 < channels else I32(0)
    return messages[first + 2 * q], two


@compiled
def _cut(messages: Any, first: int, channels: int, halves: Any, place: int) -> Any:
    """Write the lower halves of the messages from ``first`` on; return whether these are not all.

    As :func:`_pack` does pair by pair, in a loop of which the compiler makes vectors.
    """
    wide = I32(0)
    for c in range(channels):
        message = messages[first + c]
        halves[place + c] = message
        wide |= _above(message)
    if channels % 2:
        halves[place + channels] = 0
    return wide


@compiled
def _pack(one: Any, two: Any) -> Any:
    """Return the lower halves of two messages in one number."""
    return I32(I32(two << I32(HALF_BITS)) | I32(one & HALF))


@compiled
def _above(message: Any) -> Any:
    """Return what the lower half of a message, as a number with a sign, leaves of it."""
    return I32(I32(message + LARGEST_HALF + I32(1)) >> I32(HALF_BITS))


@compiled
def gather(
    g: Any, weight: Any, listed: Any, wide: bool, top: int, bottom: int, z: Any, reached: Any
) -> None:
    """Write what arrives at some output rows to ``z``, and mark the positions that it reaches.

    ``z`` (positions * channels and one vector more) and ``reached`` (positions,) begin with row
    ``top``. Where nothing arrives, ``z`` is only cleared if the position is marked already.

    Vectors reach beyond the last channel, into the first ones of the next position, which must
    be written later: so stripes go from the last to the first, and positions from first to last.
    """
    starts, rows, low, high = listed
    stripe_rows = g.kernel_y * g.kernel_x * ((g.in_c + 1) // 2)
    last = (g.out_c - 1) // WIDEST * WIDEST
    for j in range(last, -1, -WIDEST):
        width = min(WIDEST, (g.out_c - j + LANES - 1) // LANES * LANES)
        for y in range(top, bottom):
            for x in range(g.out_w):
                place = (y - top) * g.out_w + x
                window = _window(g, y, x)
                if _is_silent(window, starts):
                    if reached[place]:
                        z[place * g.out_c + j : (place + 1) * g.out_c] = 0
                    continue
                reached[place] = 1
                sum_columns(
                    z, place * g.out_c + j, weight, stripe_rows * j, rows, low, high, starts,
                    window, wide, width,
                )  # fmt: skip


@compiled
def _window(g: Any, y: int, x: int) -> Any:
    """Return the window of an output position as :func:`sum_columns` takes it.

    A line of it is one piece of the list, since it has no horizontal gaps.
    """
    pairs = (g.in_c + 1) // 2
    above, left = y * g.stride_y - g.pad_y, x * g.stride_x - g.pad_x
    from_ky = (max(-above, 0) + g.dilation_y - 1) // g.dilation_y
    to_ky = min(g.kernel_y, (g.in_h - above + g.dilation_y - 1) // g.dilation_y)
    from_x, to_x = max(left, 0), min(left + g.kernel_x, g.in_w)
    first = (above + from_ky * g.dilation_y) * g.in_w + from_x
    lines = to_ky - from_ky if to_x > from_x else 0
    shift = (from_ky * g.kernel_x - left) * pairs
    return first, lines, g.in_w * g.dilation_y, to_x - from_x, shift, g.kernel_x * pairs


@compiled
def _is_silent(window: Any, starts: Any) -> bool:
    first, lines, step, span = window[:4]
    for i in range(lines):
        if starts[first + i * step] != starts[first + i * step + span]:
            return False
    return True
