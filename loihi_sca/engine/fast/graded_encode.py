"""Encode values as messages: the neurons of an input, which hear nothing but the values.

A value that stays as it is sends nothing, for what was not sent before is not enough now. So
positions are searched for changes, many steps at a time, and only these are encoded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from loihi_sca.engine.fast.graded_neurons import next_marked, total
from loihi_sca.engine.fast.jit import compiled, entry_point
from loihi_sca.network.fixed_point import GRADED_ALIGN_BITS, MESSAGE_BITS

I32 = np.int32

STRETCH = 64
"""Steps that are searched at a time: their messages stay in the caches."""


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
        room, threshold = np.empty(STRETCH, dtype=np.int32), I32(limit)
        tally[:] = 0
        for begin in range(0, steps, STRETCH):
            marks = room[: min(STRETCH, steps - begin)]
            for p in range(positions):
                _mark_changes(values, p, begin, marks)
                if not total(marks):
                    continue
                i = next_marked(marks, 0)
                while i < marks.shape[0]:
                    t = begin + i
                    tally[t, p] = _encode(threshold, values, p, t, act, residue, out[t])
                    i = next_marked(marks, i + 1)

    return encode_values
