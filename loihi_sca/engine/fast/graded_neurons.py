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
from loihi_sca.engine.fast.jit import compiled
from loihi_sca.engine.fast.vector import bit_length
from loihi_sca.network.fixed_point import (
    MESSAGE_BITS,
    PAYLOAD_LIMIT,
    STATE_LIMIT,
)

I32 = np.int32
LIMIT, MASK = I32(STATE_LIMIT), I32(2 * STATE_LIMIT - 1)

PIECE = 1024
"""Neurons that are advanced at a time: all that is known of them stays in the first-level cache."""

GLANCE = 64
"""Positions that are skipped at once, if none of them is marked."""


@compiled
def next_marked(marks: Any, p: int) -> int:
    """Return the first position from ``p`` on whose mark is not zero; behind the last, if none."""
    positions = marks.shape[0]
    while p < positions and not marks[p]:
        p += 1
        if p % GLANCE == 0:
            while p + GLANCE <= positions and not total(marks[p : p + GLANCE]):
                p += GLANCE
    return p


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
    for first in range(0, tally.shape[0], GLANCE):
        here = tally[first : first + GLANCE]
        least = here[0]
        for count in here:
            least = min(least, count)
        if least:  # all of them speak
            continue
        for p in range(first, first + here.shape[0]):
            if not tally[p]:
                messages[p * channels : (p + 1) * channels] = 0


@compiled
def advance(
    table: Any, z: Any, bias: Any, state: Any, reached: Any, out: Any, tally: Any, counts: Any
) -> int:
    """Let the neurons at reached positions sum up, and send; return how many more sums are wide.

    Positions are unmarked in ``reached``, and ``tally`` is how many messages each sends; at the
    others ``out`` is not written.
    """
    channels, positions = table.g.out_c, reached.shape[0]
    wide, p = 0, next_marked(reached, 0)
    tally[:] = 0
    while p < positions:
        first = p
        while p < positions and reached[p]:
            reached[p] = 0
            p += 1
        for a in range(first * channels, p * channels, PIECE):
            b = min(a + PIECE, p * channels)
            wide += _advance_piece(table, z, bias, state, out, a, b, counts)
        count_positions(out[first * channels : p * channels], tally[first:p])
        p = next_marked(reached, p)
    return wide


@compiled
def _advance_piece(
    table: Any, z: Any, bias: Any, state: Any, out: Any, a: int, b: int, counts: Any
) -> int:
    sigma, act, residue = state
    threshold, wide = I32(table.threshold), 0
    wide = _sum_up(z[a:b], sigma[a:b], table.wraps, counts)
    if table.kind == SIGMA_DELTA:
        _rectify(sigma[a:b], bias[a:b], act[a:b], residue[a:b])
        send(threshold, residue[a:b], out[a:b])
    return wide


@compiled
def _sum_up(z: Any, sigma: Any, wraps: bool, counts: Any) -> int:
    """Add what arrived to the sums, and leave ``z`` zero; return how many more sums are wide."""
    high, low, wide, wrapped = I32(0), I32(0), I32(0), I32(0)
    for j in range(z.shape[0]):
        arrived = z[j]
        if wraps:
            arrived = I32(I32(I32(arrived + LIMIT) & MASK) - LIMIT)
        wrapped = I32(wrapped + I32(arrived != z[j]))
        z[j] = I32(0)
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
def _rectify(level: Any, bias: Any, act: Any, residue: Any) -> None:
    """Add to ``residue`` by how much the rectified sum of ``level`` and ``bias`` has changed."""
    for j in range(level.shape[0]):
        new = max(I32(level[j] + bias[j]), I32(0))
        residue[j] = I32(I32(new - act[j]) + residue[j])
        act[j] = new


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
def count_positions(messages: Any, tally: Any) -> None:
    """Write how many messages other than zero each position has."""
    positions = messages.reshape(tally.shape[0], -1)
    for p in range(positions.shape[0]):
        count = I32(0)
        for c in range(positions.shape[1]):
            count = I32(count + I32(positions[p, c] != 0))
        tally[p] = count


@compiled
def count_step(messages: Any, tally: Any, counts: Any) -> None:
    """Count the messages of one step, their bits, and which are too wide."""
    channels, positions = messages.shape[0] // tally.shape[0], tally.shape[0]
    counts[MESSAGES] += total(tally)
    p = next_marked(tally, 0)
    while p < positions:
        first = p
        while p < positions and tally[p]:
            p += 1
        for a in range(first * channels, p * channels, PIECE):
            _count(messages[a : min(a + PIECE, p * channels)], counts)
        p = next_marked(tally, p)


@compiled
def _count(messages: Any, counts: Any) -> None:
    bits, wide, high, low = I32(0), I32(0), I32(0), I32(0)
    for j in range(messages.shape[0]):
        message = messages[j]
        present = I32(message != 0)
        needed = I32(bit_length(I32(message ^ (message >> I32(31)))) + I32(1))
        bits = I32(bits + I32(needed * present))
        wide = I32(wide + I32((message >= PAYLOAD_LIMIT) | (message <= -PAYLOAD_LIMIT)))
        high, low = max(high, message), min(low, message)
    counts[BITS] += bits
    counts[WIDE_MESSAGES] += wide
    counts[PEAK_MESSAGE] = max(counts[PEAK_MESSAGE], np.int64(high), -np.int64(low))
