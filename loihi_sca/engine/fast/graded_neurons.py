"""The neurons of layers that send messages: plain loops over few arrays, which become vectors.

Nothing changes where nothing arrives, and nothing is sent there, so only the positions that were
reached are visited: what a silent position sends is not even written, its tally of zero says all.
All sums are in int32 and wrap there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from loihi_sca.engine.fast.graded_table import (
    BITS,
    MESSAGES,
    PEAK_MESSAGE,
    PEAK_SIGMA,
    SIGMA_DELTA,
    WIDE_MESSAGES,
    WRAPS,
)
from loihi_sca.engine.fast.jit import compiled, inlined
from loihi_sca.engine.fast.vector import MASK_BYTES, bit_length, lowest_bit, spike_mask
from loihi_sca.network.fixed_point import (
    MESSAGE_BITS,
    PAYLOAD_LIMIT,
    STATE_LIMIT,
)

I32 = np.int32
LIMIT, MASK = I32(STATE_LIMIT), I32(2 * STATE_LIMIT - 1)

PIECE = 1024
"""Neurons that are advanced at a time: all that is known of them stays in the first-level cache."""

GLANCE = MASK_BYTES
"""Positions that are looked at together: behind the last one, as many marks may be read."""

ALL = ~np.uint64(0)


@compiled
def marked(marks: Any, p: int) -> Any:
    """Return a mask of which positions from ``p`` on have marks other than zero."""
    found = spike_mask(marks, p)
    if marks.shape[0] - p < GLANCE:
        found &= (np.uint64(1) << np.uint64(marks.shape[0] - p)) - np.uint64(1)
    return found


@compiled
def next_marked(marks: Any, p: int) -> Any:
    """Return the first position from ``p`` on whose mark is not zero; behind the last, if none."""
    while p < marks.shape[0]:
        found = marked(marks, p)
        if found:
            return p + lowest_bit(found)
        p += GLANCE
    return marks.shape[0]


@compiled
def next_unmarked(marks: Any, p: int) -> Any:
    """As :func:`next_marked`, for a mark of zero."""
    while p < marks.shape[0]:
        found = marked(marks, p) ^ ALL
        if found:
            return min(p + lowest_bit(found), marks.shape[0])
        p += GLANCE
    return marks.shape[0]


@compiled
def total(marks: Any) -> int:
    """Return the sum of few small numbers, none of them negative."""
    found = I32(0)
    for mark in marks:
        found = I32(found + I32(mark))
    return int(found)


@compiled
def clear_silent(messages: Any, tally: Any) -> None:
    """Write the zeros of silent positions into the messages of one step."""
    channels = messages.shape[0] // tally.shape[0]
    p = next_unmarked(tally, 0)
    while p < tally.shape[0]:
        end = next_marked(tally, p)
        messages[p * channels : end * channels] = 0
        p = next_unmarked(tally, end)


@compiled
def advance(
    table: Any, z: Any, bias: Any, sigma: Any, residue: Any, reached: Any, out: Any, tally: Any,
    counts: Any,
) -> int:  # fmt: skip
    """Let the neurons at reached positions sum up, and send; return how many more sums are wide.

    Positions are unmarked in ``reached``, and ``tally`` is how many messages each sends; at the
    others ``out`` is not written. Messages are counted while they are in the caches.
    """
    channels, positions = table.g.out_c, reached.shape[0]
    wide, p = 0, next_marked(reached, 0)
    tally[:] = 0
    while p < positions:
        first, p = p, next_unmarked(reached, p)
        reached[first:p] = 0
        for a in range(first * channels, p * channels, PIECE):
            b = min(a + PIECE, p * channels)
            wide += _sum_up(z[a:b], sigma[a:b], table.wraps, counts)
            if table.kind == SIGMA_DELTA:
                _rectify(sigma[a:b], z[a:b], bias[a:b], residue[a:b])
                send(I32(table.threshold), residue[a:b], out[a:b])
                count_some(out[a:b], counts)
            z[a:b] = 0
        if table.kind == SIGMA_DELTA:
            counts[MESSAGES] += count_positions(
                out[first * channels : p * channels], tally[first:p]
            )
        p = next_marked(reached, p)
    return wide


@compiled
def _sum_up(z: Any, sigma: Any, wraps: bool, counts: Any) -> int:
    """Add to the sums what arrived, and leave it in ``z``; return how many more sums are wide."""
    high, low, wide, wrapped = I32(0), I32(0), I32(0), I32(0)
    for j in range(z.shape[0]):
        arrived = z[j]
        if wraps:
            arrived = I32(I32(I32(arrived + LIMIT) & MASK) - LIMIT)
        wrapped = I32(wrapped + I32(arrived != z[j]))
        z[j] = arrived
        before = sigma[j]
        total = I32(before + arrived)
        sigma[j] = total
        high, low = max(high, total), min(low, total)
        wide = I32(wide + I32((total >= LIMIT) | (total <= -LIMIT)))
        wide = I32(wide - I32((before >= LIMIT) | (before <= -LIMIT)))
    counts[PEAK_SIGMA] = max(counts[PEAK_SIGMA], np.int64(high), -np.int64(low))
    counts[WRAPS] += wrapped
    return int(wide)


@compiled
def _rectify(sigma: Any, arrived: Any, bias: Any, residue: Any) -> None:
    """Add to ``residue`` by how much the rectified sum of ``sigma`` and ``bias`` has changed."""
    for j in range(sigma.shape[0]):
        level = I32(sigma[j] + bias[j])
        before = max(I32(level - arrived[j]), I32(0))
        residue[j] = I32(I32(max(level, I32(0)) - before) + residue[j])


@compiled
def send(threshold: Any, residue: Any, out: Any) -> None:
    """Send of what is left to send what is enough."""
    for j in range(out.shape[0]):
        delta = residue[j]
        size = I32(-delta) if delta < 0 else delta
        sent = delta if size >= threshold else I32(0)
        residue[j] = I32(delta - sent)
        out[j] = sent >> I32(MESSAGE_BITS)


@compiled
def count_positions(messages: Any, tally: Any) -> int:
    """Write how many messages other than zero each position has; return how many there are."""
    positions, channels = tally.shape[0], messages.shape[0] // tally.shape[0]
    if channels == 1:
        _count_each(messages, 1, tally)
    elif channels == 2:
        _count_each(messages, 2, tally)
    elif channels == 3:
        _count_each(messages, 3, tally)
    else:
        for p in range(positions):
            count = I32(0)
            for message in messages[p * channels : (p + 1) * channels]:
                count = I32(count + I32(message != 0))
            tally[p] = count
    return total(tally)


@inlined
def _count_each(messages: Any, channels: Any, tally: Any) -> None:
    """Count so few messages per position, a literal number, that positions share a vector."""
    for p in range(tally.shape[0]):
        count = I32(messages[channels * p] != 0)
        if channels > 1:
            count = I32(count + I32(messages[channels * p + 1] != 0))
        if channels > 2:
            count = I32(count + I32(messages[channels * p + 2] != 0))
        tally[p] = count


@compiled
def count_step(messages: Any, tally: Any, counts: Any) -> None:
    """Count the messages of one step, their bits, and which are too wide."""
    channels, positions = messages.shape[0] // tally.shape[0], tally.shape[0]
    counts[MESSAGES] += total(tally)
    p = next_marked(tally, 0)
    while p < positions:
        first, p = p, next_unmarked(tally, p)
        for a in range(first * channels, p * channels, PIECE):
            count_some(messages[a : min(a + PIECE, p * channels)], counts)
        p = next_marked(tally, p)


@compiled
def count_some(messages: Any, counts: Any) -> None:
    """Count the bits of some messages, and which are too wide."""
    bits, high, low = I32(0), I32(0), I32(0)
    for j in range(messages.shape[0]):
        message = messages[j]
        bits = I32(bits + bit_length(I32(message ^ (message >> I32(31)))))
        bits = I32(bits + I32(message != 0))
        high, low = max(high, message), min(low, message)
    peak = max(np.int64(high), -np.int64(low))
    counts[BITS] += bits
    counts[PEAK_MESSAGE] = max(counts[PEAK_MESSAGE], peak)
    if peak >= PAYLOAD_LIMIT:
        for message in messages:
            counts[WIDE_MESSAGES] += (message >= PAYLOAD_LIMIT) | (message <= -PAYLOAD_LIMIT)
