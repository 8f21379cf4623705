"""Encode values as messages: the neurons of an input, which hear nothing but the values.

A value that stays as it is sends nothing, for what was not sent before is not enough now. So
positions are searched for changes, many steps at a time, and only these are encoded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from loihi_sca.engine.fast.graded_neurons import count_positions, count_some, send
from loihi_sca.engine.fast.graded_table import BITS, MESSAGES, PEAK_MESSAGE, WIDE_MESSAGES
from loihi_sca.engine.fast.jit import compiled, entry_point
from loihi_sca.engine.fast.vector import CHANGES, bit_length, change_mask, count_bits, lowest_bit
from loihi_sca.network.fixed_point import GRADED_ALIGN_BITS, MESSAGE_BITS, PAYLOAD_LIMIT

I32, ONE = np.int32, np.uint64(1)

STRETCH = 64
"""Steps that are searched at a time: as many as a mask has bits."""

NEIGHBOURS = 256
"""Neurons that are encoded at a time: what is known of them stays in the first-level cache."""

TILE = 16
"""Steps of neighbours that are brought into the order of the messages at a time."""

MANY = 2
"""Where one value in so many is new, all are encoded: in vectors that is as fast."""


@compiled
def _find_changes(values: Any, flat: Any, p: int, begin: int, count: int) -> Any:
    """Return a mask of the steps from ``begin`` on at which a position has other values.

    ``flat`` are the same values, which are read up to :data:`CHANGES` beyond a stretch.
    """
    channels, positions, steps = values.shape
    found = np.uint64(0)
    for c in range(channels):
        at = (c * positions + p) * steps + begin
        before = flat[at - 1] if begin else values.dtype.type(0)
        found |= np.uint64(flat[at] != before)
        for i in range(0, count - 1, CHANGES):
            if at + i + CHANGES < flat.shape[0]:
                found |= change_mask(flat, at + i) << np.uint64(i + 1)
            else:
                for k in range(i, count - 1):
                    found |= np.uint64(flat[at + k] != flat[at + k + 1]) << np.uint64(k + 1)
                break
    if count < STRETCH:
        found &= (ONE << np.uint64(count)) - ONE
    return found


@compiled
def _encode_changes(
    threshold: Any, largest: Any, values: Any, p: int, begin: int, changes: Any, residue: Any,
    out: Any, tally: Any, counts: Any,
) -> bool:  # fmt: skip
    """Send what a position has to send where its values change; return whether all are in range."""
    channels = values.shape[0]
    bits, wide, peak, all_sent, in_range = 0, 0, I32(0), 0, True
    while changes:
        t, sent = begin + lowest_bit(changes), 0
        changes &= changes - ONE
        here = out[t, p * channels : (p + 1) * channels]
        for c in range(channels):
            old = I32(values[c, p, t - 1]) if t else I32(0)
            in_range &= -largest <= values[c, p, t] <= largest
            change = I32(I32(I32(values[c, p, t]) - old) << I32(GRADED_ALIGN_BITS))
            delta = I32(change + residue[c])
            size = I32(-delta) if delta < 0 else delta
            enough = delta if size >= threshold else I32(0)
            residue[c] = I32(delta - enough)
            message = enough >> I32(MESSAGE_BITS)
            here[c] = message
            present = int(message != 0)
            sent += present
            bits += bit_length(I32(message ^ (message >> I32(31)))) + present
            size = I32(-message) if message < 0 else message
            wide += int(size >= PAYLOAD_LIMIT)
            peak = max(peak, size)
        tally[t, p] = sent
        all_sent += sent
    counts[MESSAGES] += all_sent
    counts[BITS] += bits
    counts[WIDE_MESSAGES] += wide
    counts[PEAK_MESSAGE] = max(counts[PEAK_MESSAGE], np.int64(peak))
    return in_range


@compiled
def _encode_all(
    threshold: Any, largest: Any, values: Any, first: int, begin: int, count: int, tile: Any,
    residue: Any, out: Any, tally: Any, counts: Any,
) -> bool:  # fmt: skip
    """As :func:`_encode_changes` for neighbours, whether or not their values have changed."""
    channels, here = values.shape[0], residue.shape[0] // values.shape[0]
    a, b, level = first * channels, (first + here) * channels, tile[TILE]
    high = low = values.dtype.type(0)
    for c in range(channels):
        for k in range(here):
            level[k * channels + c] = I32(values[c, first + k, begin - 1]) if begin else I32(0)
    for start in range(begin, begin + count, TILE):
        stop = min(start + TILE, begin + count)
        for c in range(channels):
            for k in range(here):
                j = k * channels + c
                for t in range(start, stop):
                    value = values[c, first + k, t]
                    high, low = max(high, value), min(low, value)
                    tile[t - start, j] = I32(value)
        for t in range(start, stop):
            new = tile[t - start]
            for j in range(residue.shape[0]):
                change = I32(I32(new[j] - level[j]) << I32(GRADED_ALIGN_BITS))
                residue[j] = I32(change + residue[j])
                level[j] = new[j]
            send(threshold, residue, out[t, a:b])
            counts[MESSAGES] += count_positions(out[t, a:b], tally[t, first : first + here])
            count_some(out[t, a:b], counts)
    in_range: bool = high <= largest and low >= -largest
    return in_range


@compiled
def _encode(
    threshold: Any, largest: Any, values: Any, out: Any, tally: Any, counts: Any, changes: Any,
    tile: Any, residue: Any,
) -> bool:  # fmt: skip
    """Encode one sample; the last three are room for what is known of some neighbours."""
    channels, positions, steps = values.shape
    flat, few, in_range = values.reshape(-1), changes.shape[0], True
    for first in range(0, positions, few):
        here = min(few, positions - first)
        residue[:] = 0
        for begin in range(0, steps, STRETCH):
            count, news = min(STRETCH, steps - begin), 0
            for k in range(here):
                changes[k] = _find_changes(values, flat, first + k, begin, count)
                news += count_bits(changes[k])
            if news * MANY > here * count:
                in_range &= _encode_all(threshold, largest, values, first, begin, count, tile,
                                        residue[: here * channels], out, tally, counts)  # fmt: skip
                continue
            for k in range(here):
                held = residue[k * channels : (k + 1) * channels]
                in_range &= _encode_changes(threshold, largest, values, first + k, begin,
                                            changes[k], held, out, tally, counts)  # fmt: skip
    return in_range


@entry_point
def encode_values(sources: str) -> Callable[..., bool]:
    """Return the kernel of Delta neurons."""

    def encode_values(
        values: Any, limit: int, largest: int, out: Any, tally: Any, counts: Any
    ) -> bool:
        """Encode one sample.

        Parameters
        ----------
        values : int array (C, positions, T)
            In 1/64.
        limit : int
            The threshold, aligned to the state.
        largest : int
            Value, of either sign, that is allowed.
        out : int32 array (T, positions * C)
            What is sent, written where ``tally`` is not zero.
        tally : int32 array (T, positions)
            How many messages are sent from each position, written.
        counts : int64 array (8,)
            Those of messages: added to (the peak: raised).

        Returns
        -------
        bool
            Whether all values are allowed. Otherwise what has been written means nothing.
        """
        _ = sources
        channels = values.shape[0]
        few = max(1, NEIGHBOURS // channels)
        # rows begin at cache lines that do not share a place in the cache
        tile = np.empty((TILE + 1, few * channels + CHANGES), dtype=np.int32)
        tally[:] = 0
        return _encode(
            I32(limit), largest, values, out, tally, counts, np.empty(few, dtype=np.uint64), tile,
            np.empty(few * channels, dtype=np.int32),
        )  # fmt: skip

    return encode_values
