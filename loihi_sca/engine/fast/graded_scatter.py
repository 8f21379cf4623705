"""Weigh messages where they are sent: each adds its multiple of a row of weights to its targets.

For groups, windows with gaps, delays and weights of more than 16 bits; all others are gathered, see
:mod:`loihi_sca.engine.fast.graded_gather`. Sums are in int32 and wrap there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from loihi_sca.engine.fast.graded_neurons import next_marked
from loihi_sca.engine.fast.jit import allocating, compiled

I32 = np.int32


@compiled
def list_messages(messages: Any, tally: Any, places: Any) -> int:
    """Write the places of the messages of one step other than zero; return how many there are."""
    n, channels = 0, messages.shape[0] // tally.shape[0]
    p = next_marked(tally, 0)
    while p < tally.shape[0]:
        for j in range(p * channels, (p + 1) * channels):
            places[n] = j
            n += messages[j] != 0
        p = next_marked(tally, p + 1)
    return n


@allocating
def windows_along(size: int, out: int, kernel: int, stride: int, pad: int, dilation: int) -> Any:
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
def scatter(
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
def reach(g: Any, vertical: Any, horizontal: Any, heard: Any, reached: Any) -> None:
    """Mark the positions whose windows see one at which messages may arrive."""
    if reached.shape[0] == 1:
        reached[0] = 1
        return
    seen_y, _, window_y = vertical
    seen_x, _, window_x = horizontal
    p = next_marked(heard, 0)
    while p < heard.shape[0]:
        y, x = p // g.in_w, p % g.in_w
        for i in range(seen_y[y]):
            for j in range(seen_x[x]):
                reached[window_y[y, i] * g.out_w + window_x[x, j]] = 1
        p = next_marked(heard, p + 1)


@compiled
def scatter_delayed(table: Any, messages: Any, places: Any, n: int, t: int, ahead: Any) -> int:
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
