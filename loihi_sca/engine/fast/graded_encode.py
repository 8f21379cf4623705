"""Encode values as messages: the neurons of an input, which hear nothing but the values.

A value that stays as it is sends nothing, for what was not sent before is not enough now. So
positions are searched for changes, many steps at a time, and only these are encoded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from loihi_sca.engine.fast.graded_neurons import count_positions, next_marked, send, total
from loihi_sca.engine.fast.jit import compiled, entry_point
from loihi_sca.network.fixed_point import GRADED_ALIGN_BITS, MESSAGE_BITS

I32 = np.int32

STRETCH, NEIGHBOURS = 64, 256
"""Steps and neurons that are searched at a time: their values stay in the caches."""

MANY = 2
"""Where one position in so many has changed, all are encoded: in vectors that is as fast."""

RESTLESS = 8
"""Where one position changes in one of so many steps, its neighbours are not searched."""


@compiled
def _mark_changes(values: Any, p: int, begin: int, marks: Any) -> None:
    """Mark the steps from ``begin`` on at which a position has other values than a step before."""
    marks[:] = 0
    start, end = max(begin, 1), begin + marks.shape[0]
    later = marks[start - begin :]
    for c in range(values.shape[0]):
        now, before = values[c, p, start:end], values[c, p, start - 1 : end - 1]
        for i in range(now.shape[0]):
            later[i] |= I32(now[i] != before[i])
    if begin == 0:  # the values before are zero
        marks[0] = 1


@compiled
def _encode_row(threshold: Any, new: Any, act: Any, residue: Any, out: Any) -> None:
    """Send what neighbours have to send at one step, whether or not their values have changed."""
    for j in range(new.shape[0]):
        level = I32(new[j] << I32(GRADED_ALIGN_BITS))
        residue[j] = I32(I32(level - act[j]) + residue[j])
        act[j] = level
    send(threshold, residue, out)


@compiled
def _encode(threshold: Any, values: Any, p: int, t: int, act: Any, residue: Any, out: Any) -> int:
    """Send what a position has to send at one step; return how many messages that are."""
    channels, sent = values.shape[0], 0
    for c in range(channels):
        j = p * channels + c
        new = I32(I32(values[c, p, t]) << I32(GRADED_ALIGN_BITS))
        delta = I32(I32(new - act[j]) + residue[j])
        size = I32(-delta) if delta < 0 else delta
        enough = delta if size >= threshold else I32(0)
        act[j], residue[j] = new, I32(delta - enough)
        out[j] = enough >> I32(MESSAGE_BITS)
        sent += out[j] != 0
    return sent


@entry_point
def encode_values(sources: str) -> Callable[..., None]:
    """Return the kernel of Delta neurons."""

    def encode_values(values: Any, limit: int, out: Any, tally: Any) -> None:
        """Encode one sample.

        Parameters
        ----------
        values : int array (C, positions, T)
            In 1/64.
        limit : int
            The threshold, aligned to the state.
        out : int32 array (T, positions * C)
            What is sent, written where ``tally`` is not zero.
        tally : int32 array (T, positions)
            How many messages are sent from each position, written.
        """
        _ = sources
        channels, positions, steps = values.shape
        act, residue = (
            np.zeros(positions * channels, dtype=np.int32),
            np.zeros(positions * channels, dtype=np.int32),
        )
        few, threshold = max(1, NEIGHBOURS // channels), I32(limit)
        marks = np.empty((few, STRETCH), dtype=np.int32)
        busy, new = np.empty(STRETCH, dtype=np.int32), np.empty(few * channels, dtype=np.int32)
        tally[:] = 0
        for begin in range(0, steps, STRETCH):
            count = min(STRETCH, steps - begin)
            for first in range(0, positions, few):
                here = min(few, positions - first)
                _mark_changes(values, first, begin, marks[0, :count])
                is_busy = total(marks[0, :count]) * RESTLESS > count
                busy[:] = here if is_busy else 0
                for k in range(0 if is_busy else here):
                    _mark_changes(values, first + k, begin, marks[k, :count])
                    for i in range(count):
                        busy[i] += marks[k, i]
                # step by step, so that what is sent lies together
                i = next_marked(busy[:count], 0)
                while i < count:
                    t = begin + i
                    if busy[i] * MANY > here:
                        a, b = first * channels, (first + here) * channels
                        for k in range(here):
                            for c in range(channels):
                                new[k * channels + c] = values[c, first + k, t]
                        _encode_row(threshold, new[: b - a], act[a:b], residue[a:b], out[t, a:b])
                        count_positions(out[t, a:b], tally[t, first : first + here])
                        i = next_marked(busy[:count], i + 1)
                        continue
                    for k in range(here):
                        if marks[k, i]:
                            p = first + k
                            tally[t, p] = _encode(threshold, values, p, t, act, residue, out[t])
                    i = next_marked(busy[:count], i + 1)

    return encode_values
