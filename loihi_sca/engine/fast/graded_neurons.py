"""The neurons of layers that send messages: plain loops over few arrays, which become vectors.

Nothing changes where nothing arrives, and nothing is sent there, so only the positions that were
reached are visited. All sums are in int32 and wrap there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from loihi_sca.engine.fast.graded_table import (
    BITS,
    DELTA,
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
    GRADED_ALIGN_BITS,
    MESSAGE_BITS,
    PAYLOAD_LIMIT,
    STATE_LIMIT,
)

I32 = np.int32
LIMIT, MASK = I32(STATE_LIMIT), I32(2 * STATE_LIMIT - 1)

PIECE = 1024
"""Neurons that are advanced at a time: all that is known of them stays in the first-level cache."""


@compiled
def advance(
    table: Any, z: Any, bias: Any, state: Any, reached: Any, out: Any, tally: Any, counts: Any
) -> int:
    """Let the neurons at reached positions sum up, and send; return how many more sums are wide.

    A Delta only sends, ``z`` being the values that it encodes. Positions are unmarked in
    ``reached``, and ``tally`` is how many messages each sends.
    """
    channels, positions = table.g.out_c, reached.shape[0]
    wide, p = 0, 0
    while p < positions:
        first, there = p, reached[p]
        while p < positions and reached[p] == there:
            reached[p] = 0
            p += 1
        if there:
            for a in range(first * channels, p * channels, PIECE):
                b = min(a + PIECE, p * channels)
                wide += _advance_piece(table, z, bias, state, out, a, b, counts)
            count_positions(out[first * channels : p * channels], tally[first:p])
        else:
            out[first * channels : p * channels] = 0
            tally[first:p] = 0
    return wide


@compiled
def _advance_piece(
    table: Any, z: Any, bias: Any, state: Any, out: Any, a: int, b: int, counts: Any
) -> int:
    sigma, act, residue = state
    threshold, wide = I32(table.threshold), 0
    if table.kind == DELTA:
        _encode(z[a:b], act[a:b], residue[a:b])
        _send(threshold, residue[a:b], out[a:b])
        return 0
    wide = _sum_up(z[a:b], sigma[a:b], table.wraps, counts)
    if table.kind == SIGMA_DELTA:
        _rectify(sigma[a:b], bias[a:b], act[a:b], residue[a:b])
        _send(threshold, residue[a:b], out[a:b])
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
def _encode(value: Any, act: Any, residue: Any) -> None:
    """Add to ``residue`` by how much values that are given have changed."""
    for j in range(value.shape[0]):
        new = I32(value[j] << I32(GRADED_ALIGN_BITS))
        residue[j] = I32(I32(new - act[j]) + residue[j])
        act[j] = new


@compiled
def _send(threshold: Any, residue: Any, out: Any) -> None:
    """Send of what is left to send what is enough."""
    for j in range(out.shape[0]):
        delta = residue[j]
        size = I32(-delta) if delta < 0 else delta
        sent = delta if size >= threshold else I32(0)
        residue[j] = I32(delta - sent)
        out[j] = sent >> I32(MESSAGE_BITS)


@compiled
def mark_changes(now: Any, before: Any, reached: Any) -> None:
    """Mark the positions around those at which one step differs from another."""
    channels, positions = now.shape[0] // reached.shape[0], reached.shape[0]
    few = max(1, PIECE // channels)
    for p in range(0, positions, few):
        q = min(p + few, positions)
        this, other = now[p * channels : q * channels], before[p * channels : q * channels]
        differs = I32(0)
        for j in range(this.shape[0]):
            differs |= this[j] ^ other[j]
        reached[p:q] = differs != 0


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
    counts[MESSAGES] += tally.sum()
    p = 0
    while p < positions:
        first = p
        while p < positions and tally[p]:
            p += 1
        for a in range(first * channels, p * channels, PIECE):
            _count(messages[a : min(a + PIECE, p * channels)], counts)
        p += 1


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
