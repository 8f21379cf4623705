"""Weigh messages where they arrive: each output position sums up what its window holds.

Two neighbouring channels make a pair of messages of 16 bits, and meet pairs of weights. Positions
without messages are left out, and so are pairs of zeros where that is worth a look. A message that
is wider is cut in two halves, which are weighed one after the other. Sums stay in registers until
they are complete, and are exact modulo 2^32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from loihi_sca.engine.fast.graded_neurons import GLANCE, clear_silent, marked, next_marked, total
from loihi_sca.engine.fast.graded_table import LANES, WIDEST
from loihi_sca.engine.fast.jit import compiled
from loihi_sca.engine.fast.pair_sums import HALF_BITS, sum_columns
from loihi_sca.engine.fast.vector import count_bits, lowest_bit

I32, ONE = np.int32, np.uint64(1)
HALF = I32((1 << HALF_BITS) - 1)
LARGEST_HALF = I32((1 << HALF_BITS - 1) - 1)

LOOK_AT_POSITION, LOOK_AT_PAIR = 1000, 100
"""Synapses of silent messages that take as long as to look for those that are not."""


@compiled
def list_pairs(
    g: Any, fan_out: Any, fans: int, messages: Any, tally: Any, listed: Any, every: Any
) -> Any:
    """List the pairs of messages of one step, position by position.

    ``tally`` holds how many messages each position has, and ``fans`` is the sum of ``fan_out``.
    ``listed`` is ``(starts, rows, low,
    high)``: the pairs of position ``p`` are ``starts[p]`` to ``starts[p + 1]``, ``rows`` holds the
    place of each in its row of the map, ``low`` the lower halves of both messages, and ``high`` the
    rest, if there is any. ``every`` is ``(starts, rows)`` for the case that all pairs are listed,
    which is filled in when first needed. Returns whether that holds the pairs, whether there is
    anything in ``high``, and the synaptic operations.
    """
    if tally.shape[0] != fan_out.shape[0]:  # a map that a dense layer sees as one position
        clear_silent(messages, tally)
    sent, synops, heard = _count(fan_out, tally)
    silent = 1 - sent / messages.shape[0]
    pairs = (g.in_c + 1) // 2
    looks = heard * (LOOK_AT_POSITION + LOOK_AT_PAIR * pairs)
    spared = pairs * fans * silent * silent
    positions = messages.reshape(g.in_h * g.in_w, g.in_c)
    starts, rows, low, high = listed
    takes_all = spared < looks
    if takes_all:
        starts, rows = every
        if not starts[g.in_h * g.in_w]:
            _list_all(g, starts, rows)
        wide = _cut_all(positions, tally, low)
    else:
        wide = _list_present(g, positions, tally, listed)
    if wide:
        _list_upper_halves(g, positions, (starts, rows, low, high))
    return takes_all, wide != 0, synops


@compiled
def _list_all(g: Any, starts: Any, rows: Any) -> None:
    """Write ``starts`` and ``rows`` of :func:`list_pairs` with every pair listed."""
    pairs = (g.in_c + 1) // 2
    for p in range(g.in_h * g.in_w):
        starts[p] = p * pairs
        for q in range(pairs):
            rows[p * pairs + q] = p % g.in_w * pairs + q
    starts[g.in_h * g.in_w] = g.in_h * g.in_w * pairs


@compiled
def _count(fan_out: Any, tally: Any) -> Any:
    """Return the messages and synaptic operations of a step, and the positions to look at."""
    if tally.shape[0] != fan_out.shape[0]:  # a map that a dense layer sees as one position
        sent = total(tally)
        return sent, sent * fan_out[0], 1
    messages, synops, heard = 0, 0, 0
    for a in range(0, tally.shape[0], GLANCE):
        found = marked(tally, a)
        if found:
            heard += count_bits(found)
            for p in range(a, min(a + GLANCE, tally.shape[0])):
                messages += tally[p]
                synops += tally[p] * fan_out[p]
    return messages, synops, heard


@compiled
def _cut_all(positions: Any, tally: Any, low: Any) -> Any:
    """Write the lower halves of all messages; return whether that is not all of them."""
    count, channels = positions.shape
    wide = I32(0)
    if count == tally.shape[0]:
        clear_silent(positions.reshape(-1), tally)
    if channels % 2 == 0:  # neighbours, and the compiler makes vectors of it
        messages, halves = positions.reshape(-1), low.view(np.int16)
        for j in range(messages.shape[0]):
            halves[j] = messages[j]
            wide |= _above(messages[j])
        return wide
    if channels == 3:  # the same, for pictures
        messages = positions.reshape(-1)
        for p in range(count):
            one, two, three = messages[3 * p], messages[3 * p + 1], messages[3 * p + 2]
            low[2 * p], low[2 * p + 1] = _pack(one, two), I32(three & HALF)
            wide |= _above(one) | _above(two) | _above(three)
        return wide
    pairs = low[: count * (channels // 2 + 1)].reshape(count, channels // 2 + 1)
    for p in range(count):
        for q in range(channels // 2):
            one, two = positions[p, 2 * q], positions[p, 2 * q + 1]
            pairs[p, q] = _pack(one, two)
            wide |= _above(one) | _above(two)
        pairs[p, channels // 2] = _pack(positions[p, channels - 1], I32(0))
        wide |= _above(positions[p, channels - 1])
    return wide


@compiled
def _list_present(g: Any, positions: Any, tally: Any, listed: Any) -> Any:
    """List the pairs that are not both zero; return whether their lower halves are not all."""
    starts, rows, low, _ = listed
    pairs, n, wide = (g.in_c + 1) // 2, 0, I32(0)
    count, left = g.in_h * g.in_w, 0
    is_flat = tally.shape[0] != count
    for a in range(0, count, GLANCE):
        found = ONE if is_flat else marked(tally, a)
        starts[a : a + GLANCE] = n
        while found:
            p = a + lowest_bit(found)
            found &= found - ONE
            while p >= left + g.in_w:  # a division would take longer
                left += g.in_w
            first = (p - left) * pairs
            for q in range(pairs):
                one, two = _pair(positions, p, q)
                rows[n] = first + q
                low[n] = _pack(one, two)
                wide |= _above(one) | _above(two)
                n += (one | two) != 0
            for k in range(1, GLANCE + 1):  # always as many, in vectors, and soon overwritten
                starts[p + k] = n
    starts[count] = n
    return wide


@compiled
def _list_upper_halves(g: Any, positions: Any, listed: Any) -> None:
    starts, rows, _, high = listed
    pairs = (g.in_c + 1) // 2
    for p in range(g.in_h * g.in_w):
        for n in range(starts[p], starts[p + 1]):
            one, two = _pair(positions, p, rows[n] - p % g.in_w * pairs)
            high[n] = _pack(_above(one), _above(two))


@compiled
def _pair(positions: Any, p: int, q: int) -> Any:
    """Return two neighbours of the messages of a position; the last may have none."""
    two = positions[p, 2 * q + 1] if 2 * q + 1 < positions.shape[1] else I32(0)
    return positions[p, 2 * q], two


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
    is_marked = next_marked(reached, 0) < reached.shape[0]  # before, by the biases
    for j in range(last, -1, -WIDEST):
        width = min(WIDEST, (g.out_c - j + LANES - 1) // LANES * LANES)
        for y in range(top, bottom):
            place = (y - top) * g.out_w
            from_x, to_x = (0, g.out_w) if is_marked else _reach(g, _lines(g, y), starts, rows)
            for x in range(from_x, to_x):
                window = _window(g, y, x)
                if not _is_silent(window, starts):
                    reached[place + x] = 1
                    sum_columns(
                        z, (place + x) * g.out_c + j, weight, stripe_rows * j, rows, low, high,
                        starts, window, wide, width,
                    )  # fmt: skip
                elif reached[place + x]:
                    z[(place + x) * g.out_c + j : (place + x + 1) * g.out_c] = 0


@compiled
def _reach(g: Any, lines: Any, starts: Any, rows: Any) -> Any:
    """Return between which places of an output row the windows lie that may hold messages."""
    pairs, left, right = (g.in_c + 1) // 2, g.in_w, -1
    first, count, step, span, _ = lines
    for i in range(count):
        begin, end = starts[first + i * step], starts[first + i * step + span]
        if begin < end:
            left = min(left, rows[begin] // pairs)
            right = max(right, rows[end - 1] // pairs)
    if right < left:
        return 0, 0
    from_x = max(left + g.pad_x - g.kernel_x + g.stride_x, 0) // g.stride_x
    return from_x, min((right + g.pad_x) // g.stride_x + 1, g.out_w)


@compiled
def _window(g: Any, y: int, x: int) -> Any:
    """Return the window of an output position as :func:`sum_columns` takes it.

    A line of it is one piece of the list, since it has no horizontal gaps.
    """
    pairs = (g.in_c + 1) // 2
    left = x * g.stride_x - g.pad_x
    from_x, to_x = max(left, 0), min(left + g.kernel_x, g.in_w)
    first, lines, step, _, from_ky = _lines(g, y)
    shift = (from_ky * g.kernel_x - left) * pairs
    if to_x <= from_x:  # all in the padding
        lines = 0
    return first + from_x, lines, step, to_x - from_x, shift, g.kernel_x * pairs


@compiled
def _lines(g: Any, y: int) -> Any:
    """Return the input rows of an output row, in the order of a window, and the first tap."""
    above = y * g.stride_y - g.pad_y
    from_ky = (max(-above, 0) + g.dilation_y - 1) // g.dilation_y
    to_ky = min(g.kernel_y, (g.in_h - above + g.dilation_y - 1) // g.dilation_y)
    first = (above + from_ky * g.dilation_y) * g.in_w
    return first, max(to_ky - from_ky, 0), g.in_w * g.dilation_y, g.in_w, from_ky


@compiled
def _is_silent(window: Any, starts: Any) -> bool:
    first, lines, step, span = window[:4]
    for i in range(lines):
        if starts[first + i * step] != starts[first + i * step + span]:
            return False
    return True
