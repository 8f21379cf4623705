"""The compiled inner loops for sigma-delta layers: only messages other than zero cost synapses.

A layer is run step by step. A message adds its multiple of a row of weights to what arrives at the
neurons that it reaches, then the neurons advance at positions that were reached: at the others
nothing changes, and nothing is sent. All sums are in int32 and wrap there, which is
exact: the reference wraps them to 24 or 32 bits, and that forgets whatever wrapped before.

All arrays are channels-last and time-major: messages are (T, positions * channels). Beside them,
``busy`` (T, positions) tells where there may be any.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.fast.jit import compiled, entry_point
from loihi_sca.engine.fast.table import Geometry
from loihi_sca.engine.fast.vector import bit_length
from loihi_sca.network import IntArray
from loihi_sca.network.fixed_point import (
    GRADED_ALIGN_BITS,
    MESSAGE_BITS,
    PAYLOAD_LIMIT,
    STATE_LIMIT,
)

DELTA, SIGMA_DELTA, SIGMA, PASS_ON = range(4)
"""What the neurons of a layer do; an Input without neurons passes messages on."""

I32 = np.int32
LIMIT, MASK = I32(STATE_LIMIT), I32(2 * STATE_LIMIT - 1)

MESSAGES, SYNOPS, BITS, PEAK_MESSAGE, WIDE_MESSAGES, PEAK_SIGMA, WIDE_SIGMAS, WRAPS = range(8)
"""Places in the array of counts."""

COUNTS = 8
PEAKS = (PEAK_MESSAGE, PEAK_SIGMA)


class GradedTable(NamedTuple):
    """One layer as the kernels take it.

    Attributes
    ----------
    kind : int
        What its neurons do.
    g : Geometry
    weight : int32 array (taps * inputs, outputs of a group)
        One row per input of a window.
    delay : int32 array, of the shape of ``weight`` or empty
        Synaptic delays.
    fan_out : int64 array (in_h * in_w,)
        Synapses that a message at a position reaches.
    bias : int32 array (neurons,)
        Aligned to the state.
    threshold : int
        The same.
    wraps : bool
        Whether what arrives wraps to 24 bits.
    lag : int
        Timesteps by which messages arrive late.
    """

    kind: int
    g: Geometry
    weight: IntArray
    delay: IntArray
    fan_out: npt.NDArray[np.int64]
    bias: IntArray
    threshold: int
    wraps: bool
    lag: int


@compiled
def _list(messages: Any, busy: Any, places: Any) -> int:
    """Write the places of the messages of one step other than zero; return how many there are."""
    n, p, positions = 0, 0, busy.shape[0]
    channels = messages.shape[0] // positions
    while p < positions:
        first = p
        while p < positions and busy[p]:
            p += 1
        a, b = first * channels, p * channels
        n += _list_all(messages[a:b], a, places[n:])
        p += 1
    return n


@compiled
def _list_all(messages: Any, first: int, places: Any) -> int:
    n = 0
    for j in range(messages.shape[0]):
        places[n] = first + j
        n += messages[j] != 0
    return n


@compiled
def _mark(now: Any, before: Any, busy: Any) -> None:
    """Mark the positions at which one step differs from another."""
    this, other = now.reshape(busy.shape[0], -1), before.reshape(busy.shape[0], -1)
    for p in range(this.shape[0]):
        differs = I32(0)
        for c in range(this.shape[1]):
            differs |= this[p, c] ^ other[p, c]
        busy[p] = differs != 0


@compiled
def _windows(size: int, out: int, kernel: int, stride: int, pad: int, dilation: int) -> Any:
    """Return, for each position along an axis, how many windows see it, by which tap, and which.

    Found once for a layer: a division costs as much as the synapses of a small window.
    """
    seen = np.zeros(size, dtype=np.int64)
    tap, window = (np.zeros((size, kernel), np.int64), np.zeros((size, kernel), np.int64))
    for position in range(size):
        for k in range(kernel):
            start = position + pad - k * dilation
            if 0 <= start < out * stride and start % stride == 0:
                tap[position, seen[position]] = k
                window[position, seen[position]] = start // stride
                seen[position] += 1
    return seen, tap, window


@compiled
def _scatter(
    table: Any, vertical: Any, horizontal: Any, messages: Any, places: Any, n: int, z: Any
) -> int:
    """Add the weighted messages of one step to ``z`` (positions, channels); return the synops."""
    g, weight = table.g, table.weight
    columns, inputs = weight.shape[1], g.in_c // g.groups
    seen_y, tap_y, window_y = vertical
    seen_x, tap_x, window_x = horizontal
    synops, p, y, x, first = 0, 0, 0, 0, 0
    for e in range(n):
        while places[e] >= (p + 1) * g.in_c:  # they come in order
            p, x = p + 1, x + 1
            if x == g.in_w:
                x, y = 0, y + 1
        c = places[e] - p * g.in_c
        message = I32(messages[places[e]])
        synops += table.fan_out[p]
        if g.groups > 1:
            first = c // inputs * columns
        for i in range(seen_y[y]):
            above, line = tap_y[y, i] * g.kernel_x, window_y[y, i] * g.out_w
            for j in range(seen_x[x]):
                row = weight[(above + tap_x[x, j]) * g.in_c + c]
                target = z[line + window_x[x, j], first : first + columns]
                for k in range(columns):
                    target[k] = I32(target[k] + I32(row[k] * message))
    return synops


@compiled
def _reach(g: Any, vertical: Any, horizontal: Any, heard: Any, reached: Any) -> None:
    """Mark the positions whose windows see one at which messages may arrive."""
    if reached.shape[0] == 1:
        reached[0] = 1
        return
    seen_y, _, window_y = vertical
    seen_x, _, window_x = horizontal
    for y in range(g.in_h):
        for x in range(g.in_w):
            if heard[y * g.in_w + x]:
                for i in range(seen_y[y]):
                    for j in range(seen_x[x]):
                        reached[window_y[y, i] * g.out_w + window_x[x, j]] = 1


@compiled
def _scatter_delayed(
    table: Any, messages: Any, places: Any, n: int, t: int, ahead: Any
) -> int:  # fmt: skip
    """Add the weighted messages of one step to ``ahead`` (T, neurons) where they act."""
    weight, delay = table.weight, table.delay
    steps = ahead.shape[0]
    for e in range(n):
        message, row = I32(messages[places[e]]), places[e]
        for j in range(weight.shape[1]):
            then = t + delay[row, j]
            if then < steps:
                ahead[then, j] = I32(ahead[then, j] + I32(weight[row, j] * message))
    synops: int = n * table.fan_out[0]
    return synops


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
def _send(threshold: Any, residue: Any, out: Any) -> None:
    """Send of what is left to send what is enough.

    A loop of its own, of so few arrays that the compiler makes vectors of it.
    """
    for j in range(out.shape[0]):
        delta = residue[j]
        size = I32(-delta) if delta < 0 else delta
        sent = delta if size >= threshold else I32(0)
        residue[j] = I32(delta - sent)
        out[j] = sent >> I32(MESSAGE_BITS)


@compiled
def _encode(value: Any, threshold: Any, act: Any, residue: Any, out: Any) -> None:
    """Encode values as a Delta does."""
    for j in range(value.shape[0]):
        new = I32(value[j] << I32(GRADED_ALIGN_BITS))
        residue[j] = I32(I32(new - act[j]) + residue[j])
        act[j] = new
    _send(threshold, residue, out)


@compiled
def _advance(table: Any, z: Any, state: Any, reached: Any, out: Any, busy: Any, counts: Any) -> int:
    """Let the neurons at reached positions sum up, and send; return how many more sums are wide.

    A Delta only sends, ``z`` being the values that it encodes.
    """
    sigma, act, residue = state
    threshold = I32(table.threshold)
    channels, positions = table.g.out_c, reached.shape[0]
    wide, p = 0, 0
    while p < positions:
        first = p
        while p < positions and reached[p]:
            reached[p], busy[p] = 0, 1
            p += 1
        a, b = first * channels, p * channels
        if b > a and table.kind == DELTA:
            _encode(z[a:b], threshold, act[a:b], residue[a:b], out[a:b])
        elif b > a:
            wide += _sum_up(z[a:b], sigma[a:b], table.wraps, counts)
            if table.kind == SIGMA_DELTA:
                _rectify(sigma[a:b], table.bias[a:b], act[a:b], residue[a:b])
                _send(threshold, residue[a:b], out[a:b])
        p += 1
    return wide


@entry_point
def run_graded(sources: str) -> Callable[..., None]:
    """Return the kernel that runs one layer of one sample."""

    def run_graded(
        table: Any, messages: Any, heard: Any, out: Any, busy: Any, trace: Any, counts: Any
    ) -> None:
        """Run one layer over all its steps.

        Parameters
        ----------
        table : GradedTable
        messages : int32 array (T, inputs)
            What arrives, or the values that a Delta encodes.
        heard : uint8 array (T, positions)
            Where messages may arrive; of a Delta not read.
        out : int32 array (T, neurons)
            What is sent, written.
        busy : uint8 array (T, positions)
            Where anything may be sent, written.
        trace : int32 array (T, neurons)
            Sigma, written unless empty.
        counts : int64 array (8,)
            Added to (the peaks: raised), but for those of messages.
        """
        _ = sources
        g = table.g
        steps, neurons = out.shape
        positions, wide = g.out_h * g.out_w, 0
        places = np.empty(messages.shape[1] + 1, dtype=np.int64)
        reached = np.ones(positions, dtype=np.uint8)  # at first by the biases
        z = np.zeros((positions, g.out_c), dtype=np.int32)
        ahead = np.zeros((steps if table.delay.size else 0, neurons), dtype=np.int32)
        sigma, act, residue = (
            np.zeros(neurons, dtype=np.int32),
            np.zeros(neurons, dtype=np.int32),
            np.zeros(neurons, dtype=np.int32),
        )
        vertical = _windows(g.in_h, g.out_h, g.kernel_y, g.stride_y, g.pad_y, g.dilation_y)
        horizontal = _windows(g.in_w, g.out_w, g.kernel_x, g.stride_x, g.pad_x, g.dilation_x)
        for t in range(steps):
            delayed = table.delay.size > 0
            flat = ahead[t] if delayed else z.reshape(-1)
            if table.kind == DELTA:
                flat = messages[t]
                if t > 0:
                    _mark(flat, messages[t - 1], reached)
            elif t >= table.lag:
                now, where = messages[t - table.lag], heard[t - table.lag]
                n = _list(now, where, places)
                _reach(g, vertical, horizontal, where, reached)
                if delayed:
                    counts[SYNOPS] += _scatter_delayed(table, now, places, n, t, ahead)
                else:
                    counts[SYNOPS] += _scatter(table, vertical, horizontal, now, places, n, z)
            out[t], busy[t] = 0, 0
            state = (sigma, act, residue)
            wide += _advance(table, flat, state, reached, out[t], busy[t], counts)
            counts[WIDE_SIGMAS] += wide
            if table.kind == SIGMA:
                out[t], busy[t] = sigma, 1
            if trace.shape[0]:
                trace[t] = sigma

    return run_graded


@entry_point
def mark_busy(sources: str) -> Callable[..., None]:
    """Return the kernel that marks where messages are."""

    def mark_busy(messages: Any, busy: Any) -> None:
        """Write ``busy`` (T, positions) for messages (T, positions * channels)."""
        _ = sources
        nothing = np.zeros_like(messages[0])
        for t in range(messages.shape[0]):
            _mark(messages[t], nothing, busy[t])

    return mark_busy


@entry_point
def count_messages(sources: str) -> Callable[..., None]:
    """Return the kernel that counts messages."""

    def count_messages(messages: Any, busy: Any, counts: Any) -> None:
        """Count messages (T, neurons) other than zero, their bits, and which are too wide."""
        _ = sources
        places = np.empty(messages.shape[1] + 1, dtype=np.int64)
        for t in range(messages.shape[0]):
            n = _list(messages[t], busy[t], places)
            counts[MESSAGES] += n
            for e in range(n):
                message = messages[t, places[e]]
                needed = bit_length(message if message >= 0 else ~message) + 1
                size = abs(np.int64(message))
                counts[BITS] += needed
                counts[PEAK_MESSAGE] = max(counts[PEAK_MESSAGE], size)
                counts[WIDE_MESSAGES] += size >= PAYLOAD_LIMIT

    return count_messages
