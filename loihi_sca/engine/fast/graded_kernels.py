"""The compiled inner loops for sigma-delta layers: only messages other than zero cost synapses.

A layer is run some output rows, and some steps of these, at a time: what arrives is weighed, then
the neurons of these rows advance at the positions that were reached.

All arrays are channels-last and time-major: messages are (T, positions * channels). Beside them,
``tally`` (T, positions) tells how many each position has. Where that is zero, messages are not
written, and not to be read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from loihi_sca.engine.fast.graded_gather import gather, list_pairs
from loihi_sca.engine.fast.graded_neurons import (
    GLANCE,
    advance,
    clear_silent,
    count_positions,
    count_step,
)
from loihi_sca.engine.fast.graded_scatter import (
    list_messages,
    reach,
    scatter,
    scatter_delayed,
    windows_along,
)
from loihi_sca.engine.fast.graded_table import (
    LANES,
    LISTED,
    SEGMENT,
    SIGMA,
    SYNOPS,
    WIDE_SIGMAS,
)
from loihi_sca.engine.fast.jit import allocating, compiled, entry_point

I32 = np.int32

BLOCK = 8192
"""Neurons for which messages are gathered at a time: so many meet each stripe of weights, and what
arrives at them stays in the second-level cache."""


@allocating
def _run_gathering(table: Any, messages: Any, heard: Any, out: Any, tally: Any, trace: Any,
                   counts: Any) -> None:  # fmt: skip
    """Run a layer, of the arguments of :func:`run_graded`, that gathers messages."""
    g, steps = table.g, out.shape[0]
    row = g.out_w * g.out_c
    block = min(g.out_h, max(1, BLOCK // row))
    pairs = g.in_h * g.in_w * ((g.in_c + 1) // 2)
    segment = max(1, min(SEGMENT, steps, LISTED // pairs))
    starts = np.zeros((segment + 1, g.in_h * g.in_w + 1 + GLANCE), dtype=np.int32)
    rows = np.empty((segment + 1, pairs + 1), dtype=np.int32)
    low, high = np.empty_like(rows[1:]), np.empty_like(rows[1:])
    which, upper = np.zeros(segment, dtype=np.int64), np.zeros(segment, dtype=np.bool_)
    z = np.empty(block * row + LANES, dtype=np.int32)
    wide = np.zeros(g.out_h, dtype=np.int64)
    sigma, residue = _at_rest(table)
    _gather_steps(
        table, messages, heard, out, tally, trace, counts, block,
        (starts, rows, low, high, which, upper), z, _all_reached(g.out_h * g.out_w), sigma,
        residue, wide,
    )  # fmt: skip


@compiled
def _gather_steps(
    table: Any, messages: Any, heard: Any, out: Any, tally: Any, trace: Any, counts: Any,
    block: int, lists: Any, z: Any, reached: Any, sigma: Any, residue: Any, wide: Any,
) -> None:  # fmt: skip
    """Do so with room for everything: for ``block`` rows, and for the lists of some steps."""
    g, steps, row = table.g, out.shape[0], table.g.out_w * table.g.out_c
    starts, rows, low, high, which, upper = lists
    segment, fans = which.shape[0], table.fan_out.sum()
    for begin in range(0, steps, segment):
        here = min(segment, steps - begin)
        for k in range(here):
            which[k], t = k, begin + k - table.lag
            if t < 0:
                starts[k, :] = 0
                continue
            takes_all, upper[k], synops = list_pairs(
                g, table.fan_out, fans, messages[t], heard[t],
                (starts[k], rows[k], low[k], high[k]), (starts[segment], rows[segment]),
            )  # fmt: skip
            which[k] = segment if takes_all else k
            counts[SYNOPS] += synops
        for top in range(0, g.out_h, block):
            bottom = min(top + block, g.out_h)
            a, b, p, q = top * row, bottom * row, top * g.out_w, bottom * g.out_w
            for k in range(here):
                t, found = begin + k, (starts[which[k]], rows[which[k]], low[k], high[k])
                gather(g, table.pairs, found, upper[k], top, bottom, z, reached[p:q])
                wide[top] += advance(
                    table, z[: b - a], table.bias[a:b], sigma[a:b], residue[a:b], reached[p:q],
                    out[t, a:b], tally[t, p:q], counts,
                )  # fmt: skip
                counts[WIDE_SIGMAS] += wide[top]
                _finish(table, sigma[a:b], out[t, a:b], tally[t, p:q], trace[t:, a:b], counts)


@allocating
def _run_scattering(table: Any, messages: Any, heard: Any, out: Any, tally: Any, trace: Any,
                    counts: Any) -> None:  # fmt: skip
    """Run a layer, of the arguments of :func:`run_graded`, that scatters messages."""
    g, positions = table.g, table.g.out_h * table.g.out_w
    places = np.empty(messages.shape[1] + 1, dtype=np.int64)
    z = np.zeros((positions, g.out_c), dtype=np.int32)
    ahead = np.zeros((out.shape[0] if table.delay.size else 0, out.shape[1]), dtype=np.int32)
    sigma, residue = _at_rest(table)
    vertical = windows_along(g.in_h, g.out_h, g.kernel_y, g.stride_y, g.pad_y, g.dilation_y)
    horizontal = windows_along(g.in_w, g.out_w, g.kernel_x, g.stride_x, g.pad_x, g.dilation_x)
    _scatter_steps(
        table, messages, heard, out, tally, trace, counts, vertical, horizontal, places, z, ahead,
        _all_reached(positions), sigma, residue,
    )  # fmt: skip


@compiled
def _scatter_steps(
    table: Any, messages: Any, heard: Any, out: Any, tally: Any, trace: Any, counts: Any,
    vertical: Any, horizontal: Any, places: Any, z: Any, ahead: Any, reached: Any, sigma: Any,
    residue: Any,
) -> None:  # fmt: skip
    """Do so with room for everything; ``ahead`` is for what arrives late."""
    wide, delayed = 0, table.delay.size > 0
    for t in range(out.shape[0]):
        flat = ahead[t] if delayed else z.reshape(-1)
        if t >= table.lag:
            now, where = messages[t - table.lag], heard[t - table.lag]
            n = list_messages(now, where, places)
            reach(table.g, vertical, horizontal, where, reached)
            if delayed:
                counts[SYNOPS] += scatter_delayed(table, now, places, n, t, ahead)
            else:
                counts[SYNOPS] += scatter(table, vertical, horizontal, now, places, n, z)
        wide += advance(table, flat, table.bias, sigma, residue, reached, out[t], tally[t], counts)
        counts[WIDE_SIGMAS] += wide
        _finish(table, sigma, out[t], tally[t], trace[t:], counts)


@allocating
def _all_reached(positions: int) -> Any:
    """Return the marks of positions that something arrives at: at first by the biases at all."""
    return np.ones(positions + GLANCE, dtype=np.uint8)[:positions]


@allocating
def _at_rest(table: Any) -> Any:
    """Return the sums, and what is left to send, before the first step."""
    # neurons send by how much their rectified sums differ from before; the first time, from zero
    return np.zeros_like(table.bias), np.maximum(table.bias, I32(0))


@compiled
def _finish(table: Any, sigma: Any, out: Any, tally: Any, trace: Any, counts: Any) -> None:
    """End a step of some neurons: let a Sigma put its sums out, and keep a trace."""
    if table.kind == SIGMA:
        for j in range(sigma.shape[0]):
            out[j] = sigma[j]
        count_positions(out, tally)
        count_step(out, tally, counts)
    if trace.shape[0]:
        for j in range(sigma.shape[0]):
            trace[0, j] = sigma[j]


@entry_point
def run_graded(sources: str) -> Callable[..., None]:
    """Return the kernel that runs one layer of one sample."""

    def run_graded(
        table: Any, messages: Any, heard: Any, out: Any, tally: Any, trace: Any, counts: Any
    ) -> None:
        """Run one layer over all its steps.

        Parameters
        ----------
        table : GradedTable
        messages : int32 array (T, inputs)
            What arrives.
        heard : int32 array (T, positions)
            How many messages arrive from each.
        out : int32 array (T, neurons)
            What is sent, written; but for the zeros of positions that send nothing, see
            :func:`complete_messages`.
        tally : int32 array (T, positions)
            How many are sent from each, written.
        trace : int32 array (T, neurons)
            Sigma, written unless empty.
        counts : int64 array (8,)
            Added to (the peaks: raised).
        """
        _ = sources
        if table.pairs.size:
            _run_gathering(table, messages, heard, out, tally, trace, counts)
        else:
            _run_scattering(table, messages, heard, out, tally, trace, counts)

    return run_graded


@entry_point
def tally_messages(sources: str) -> Callable[..., None]:
    """Return the kernel that counts the messages of each position."""

    def tally_messages(messages: Any, tally: Any) -> None:
        """Write ``tally`` (T, positions) for messages (T, positions * channels)."""
        _ = sources
        for t in range(messages.shape[0]):
            count_positions(messages[t], tally[t])

    return tally_messages


@entry_point
def count_messages(sources: str) -> Callable[..., None]:
    """Return the kernel that counts messages."""

    def count_messages(messages: Any, tally: Any, counts: Any) -> None:
        """Count messages (T, neurons) other than zero, their bits, and which are too wide."""
        _ = sources
        for t in range(messages.shape[0]):
            count_step(messages[t], tally[t], counts)

    return count_messages


@entry_point
def complete_messages(sources: str) -> Callable[..., None]:
    """Return the kernel that writes the zeros of those who send nothing."""

    def complete_messages(messages: Any, tally: Any) -> None:
        """Write into ``messages`` (T, neurons) the zeros that ``tally`` stands for."""
        _ = sources
        for t in range(messages.shape[0]):
            clear_silent(messages[t], tally[t])

    return complete_messages
