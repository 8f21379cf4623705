"""The compiled inner loops of the fast engine.

A layer is run sample by sample. Within a sample, its neurons are walked in blocks of whole output
rows, small enough for the first-level cache, and each block lives through many timesteps before
the next one starts. A timestep adds the weights of the spikes that arrive to the currents, then
advances the neurons. Silent inputs cost nothing.

All arrays are channels-last and time-major: spikes are (samples, T, positions * channels).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from loihi_sca.engine.fast.events import (
    AHEAD,
    count_spikes,
    count_synops,
    list_events,
    list_patterns,
)
from loihi_sca.engine.fast.feedback_kernels import feed_back, room_for_own
from loihi_sca.engine.fast.jit import allocating, compiled, entry_point, inlined
from loihi_sca.engine.fast.neuron_kernels import SYNOPS, trace, update
from loihi_sca.engine.fast.table import DELAYED, DEPTHWISE, DRIVEN, GATHER, GROUPED, PATTERN
from loihi_sca.engine.fast.vector import add_window, add_window_in_chunks
from loihi_sca.network.fixed_point import ALIGN_BITS


@allocating
def _list(table: Any, spikes: Any, first: Any, length: int, starts: Any, events: Any) -> int:
    """List what arrives in some timesteps; return its synaptic operations."""
    if table.kind == DRIVEN:
        return 0
    if table.kind == PATTERN:
        list_patterns(table.source, table.piece_bits, spikes, first, length, starts, events)
        return count_spikes(table.fan_out, spikes, first, length, table.source.in_c)
    list_events(table.g, spikes, first, length, starts, events)
    return count_synops(table.fan_out, starts, length)


@compiled
def _run_block(
    table: Any, drive: Any, added: Any, out: Any, trace_u: Any, trace_v: Any, counts: Any,
    starts: Any, events: Any, own: Any, arriving: Any, u: Any, v: Any, i: int, begin: int,
    length: int, top: int, rows: int,
) -> None:  # fmt: skip
    """Advance the neurons of some output rows of sample ``i`` through ``length`` timesteps."""
    g = table.g
    here, there = top * g.out_w * g.out_c, (top + rows) * g.out_w * g.out_c
    place = top * g.out_w
    block_u, block_v = u[place : place + rows * g.out_w], v[here:there]
    flat_u = block_u.reshape(-1)
    bias = table.bias
    sent = out[i].reshape(-1)
    for k in range(length):
        t = begin + k
        if table.kind == DRIVEN:
            bias = drive[i, t, here:there]
        elif table.feedback.shape[0]:
            arrived = events[starts[k, 0] : starts[k, 1]]
            counts[SYNOPS] += feed_back(table, arrived, sent, t - 1, own, flat_u)
        else:
            _collect(table, top, rows, starts, k, events, arriving, t, block_u)
        if added.shape[0]:
            _add(flat_u, added[i, t, here:there])
        if trace_u.shape[0]:
            trace(flat_u, block_v, table.keep_v, bias, trace_u[i, t, here:there],
                   trace_v[i, t, here:there])  # fmt: skip
        update(flat_u, block_v, table.keep_u, table.keep_v, bias, table.threshold,
                out[i, t, here:there], counts)  # fmt: skip


@compiled
def _sum_block(
    table: Any, added: Any, starts: Any, events: Any, arriving: Any, i: int, begin: int,
    length: int, top: int, rows: int,
) -> None:  # fmt: skip
    """Add what arrives at some output rows of sample ``i`` in ``length`` timesteps."""
    g = table.g
    here, there = top * g.out_w * g.out_c, (top + rows) * g.out_w * g.out_c
    for k in range(length):
        block = added[i, begin + k, here:there].reshape(rows * g.out_w, g.out_c)
        _collect(table, top, rows, starts, k, events, arriving, begin + k, block)


@inlined
def _collect(
    table: Any, top: int, rows: int, starts: Any, k: int, events: Any, arriving: Any, t: int,
    block_u: Any,
) -> None:  # fmt: skip
    """Add the aligned weights of what arrives at one timestep."""
    if table.kind == GATHER or table.kind == PATTERN:
        _gather(table, top, rows, starts, k, events, block_u.reshape(-1))
    elif table.kind == DEPTHWISE:
        _depthwise(table, top, rows, starts, k, events, block_u)
    elif table.kind == GROUPED:
        _grouped(table, top, rows, starts, k, events, block_u)
    elif table.kind == DELAYED:
        _add(block_u.reshape(-1), arriving[t])


@inlined
def _add(u: Any, values: Any) -> None:
    for j in range(values.shape[0]):
        u[j] += values[j]


@inlined
def _gather(table: Any, top: int, rows: int, starts: Any, k: int, events: Any, u: Any) -> None:
    """Add, at each output position, the weight rows of the spikes in its window.

    A row of the window is one piece of the event list, since the window has no horizontal gaps.
    """
    g, weight, safe_rows = table.g, table.weight, table.safe_rows
    step, shift_step = g.in_w * g.dilation_y, g.kernel_x * g.in_c
    for y in range(rows):
        above = (top + y) * g.stride_y - g.pad_y
        from_ky = (max(-above, 0) + g.dilation_y - 1) // g.dilation_y
        to_ky = min(g.kernel_y, (g.in_h - above + g.dilation_y - 1) // g.dilation_y)
        line = k * starts.shape[1] + (above + from_ky * g.dilation_y) * g.in_w
        for x in range(g.out_w):
            left = x * g.stride_x - g.pad_x
            from_x, to_x = max(left, 0), min(left + g.kernel_x, g.in_w)
            if to_x <= from_x or to_ky <= from_ky:
                continue
            shift = (from_ky * g.kernel_x - left) * g.in_c
            window = (line + from_x, to_ky - from_ky, step, to_x - from_x, shift, shift_step)
            place = (y * g.out_w + x) * g.out_c
            if safe_rows:
                add_window_in_chunks(u, place, weight, events, starts, window, safe_rows)
            else:
                add_window(u, place, weight, events, starts, window, safe_rows)


@inlined
def _input_position(g: Any, out_y: int, out_x: int, ky: int, kx: int) -> int:
    """Return the input position under one tap of a window, or -1 in the padding."""
    y = out_y * g.stride_y - g.pad_y + ky * g.dilation_y
    x = out_x * g.stride_x - g.pad_x + kx * g.dilation_x
    return y * g.in_w + x if 0 <= y < g.in_h and 0 <= x < g.in_w else -1


@compiled
def _grouped(table: Any, top: int, rows: int, starts: Any, k: int, events: Any, u: Any) -> None:
    """As :func:`_gather`, for windows with gaps and spikes that only reach their own group."""
    g, weight = table.g, table.weight
    columns, inputs = weight.shape[1], g.in_c // g.groups
    for place in range(rows * g.out_w):
        for tap in range(g.kernel_y * g.kernel_x):
            p = _input_position(
                g, top + place // g.out_w, place % g.out_w, tap // g.kernel_x, tap % g.kernel_x
            )
            if p < 0:
                continue
            for event in events[starts[k, p] : starts[k, p + 1]]:
                c = event - p % g.in_w * g.in_c
                first = c // inputs * columns
                for j in range(columns):
                    aligned = u.dtype.type(weight[tap * g.in_c + c, j]) << ALIGN_BITS
                    u[place, first + j] += aligned


@compiled
def _depthwise(table: Any, top: int, rows: int, starts: Any, k: int, events: Any, u: Any) -> None:
    """As :func:`_grouped`, where each channel is a group of its own."""
    g, weight = table.g, table.weight
    for place in range(rows * g.out_w):
        for tap in range(g.kernel_y * g.kernel_x):
            p = _input_position(
                g, top + place // g.out_w, place % g.out_w, tap // g.kernel_x, tap % g.kernel_x
            )
            if p < 0:
                continue
            first = p % g.in_w * g.in_c
            for event in events[starts[k, p] : starts[k, p + 1]]:
                c = event - first
                u[place, c] += u.dtype.type(weight[tap, c]) << ALIGN_BITS


@compiled
def _scatter_delayed(
    table: Any, starts: Any, events: Any, begin: int, length: int, arriving: Any
) -> None:
    """Add the aligned weights of all listed spikes at the steps at which they act."""
    weight, delay = table.weight, table.delay
    steps = arriving.shape[0]
    for k in range(length):
        for event in events[starts[k, 0] : starts[k, 1]]:
            for j in range(weight.shape[1]):
                t = begin + k + delay[event, j]
                if t < steps:
                    arriving[t, j] += arriving.dtype.type(weight[event, j]) << ALIGN_BITS


@entry_point
def run_layer(sources: str) -> Callable[..., None]:
    """Return the kernel that runs one layer."""

    def run_layer(
        table: Any, spikes: Any, drive: Any, added: Any, out: Any, trace_u: Any, trace_v: Any,
        counts: Any,
    ) -> None:  # fmt: skip
        """Run one layer over all steps of some samples.

        Parameters
        ----------
        table : Table
            See :class:`loihi_sca.engine.fast.table.Table`.
        spikes : uint8 array (n, T * inputs + padding)
            What arrives, each sample padded by at least 63 bytes of anything.
        drive : int32 array (n, T, neurons)
            Aligned bias of a driven input layer, otherwise empty.
        added : int32 or int64 array (n, T, neurons)
            What :func:`sum_arrivals` says of further tables, empty without any.
        out : uint8 array (n, T, neurons)
            Spikes, written.
        trace_u, trace_v : int32 array (n, T, neurons)
            Written unless empty.
        counts : int64 array (5,)
            Added to (the peak: raised).
        """
        _ = sources
        g = table.g
        steps, row = out.shape[1], g.out_w * g.out_c
        segment = min(table.segment, steps)
        starts = np.empty((segment, g.in_h * g.in_w + 1), dtype=np.int32)
        events = np.empty(segment * table.most_events + AHEAD, dtype=np.int32)
        arriving = np.empty(
            (steps if table.kind == DELAYED else 0, g.out_c), dtype=table.zero.dtype
        )
        channels = table.weight.shape[1] if table.kind == GATHER else g.out_c
        u = np.empty((g.out_h * g.out_w, channels), dtype=table.zero.dtype)
        v = np.empty(g.out_h * row, dtype=np.int32)
        own = room_for_own(table)
        for i in range(out.shape[0]):
            u[:] = 0
            v[:] = 0
            arriving[:] = 0
            for begin in range(0, steps, segment):
                length = min(segment, steps - begin)
                counts[SYNOPS] += _list(table, spikes[i], begin - table.lag, length, starts, events)
                if table.kind == DELAYED:
                    _scatter_delayed(table, starts, events, begin, length, arriving)
                for top in range(0, g.out_h, table.block_rows):
                    rows = min(table.block_rows, g.out_h - top)
                    _run_block(table, drive, added, out, trace_u, trace_v, counts, starts, events,
                               own, arriving, u, v, i, begin, length, top, rows)  # fmt: skip

    return run_layer


@entry_point
def sum_arrivals(sources: str) -> Callable[..., None]:
    """Return the kernel that weighs what arrives at one of several tables of a layer."""

    def sum_arrivals(table: Any, spikes: Any, added: Any, counts: Any) -> None:
        """Add the aligned weights of all spikes of some samples to ``added`` (n, T, neurons).

        Parameters
        ----------
        table, spikes, counts
            As of :func:`run_layer`; of the counts the synaptic operations only.
        added : int32 or int64 array (n, T, neurons)
            Added to.
        """
        _ = sources
        g, steps = table.g, added.shape[1]
        segment = min(table.segment, steps)
        starts = np.empty((segment, g.in_h * g.in_w + 1), dtype=np.int32)
        events = np.empty(segment * table.most_events + AHEAD, dtype=np.int32)
        arriving = np.empty((steps if table.kind == DELAYED else 0, g.out_c), dtype=added.dtype)
        for i in range(added.shape[0]):
            arriving[:] = 0
            for begin in range(0, steps, segment):
                length = min(segment, steps - begin)
                counts[SYNOPS] += _list(table, spikes[i], begin - table.lag, length, starts, events)
                if table.kind == DELAYED:
                    _scatter_delayed(table, starts, events, begin, length, arriving)
                for top in range(0, g.out_h, table.block_rows):
                    rows = min(table.block_rows, g.out_h - top)
                    _sum_block(table, added, starts, events, arriving, i, begin, length, top, rows)

    return sum_arrivals
