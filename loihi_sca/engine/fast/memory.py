"""How many samples fit a memory budget."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.engine.fast.layout import LaidOut
from loihi_sca.engine.fast.table import DELAYED, DRIVEN, PADDING, Table
from loihi_sca.errors import InputError

BATCH_BYTES = 8 << 20
"""Larger batches gain nothing: starting one already takes less than a percent of its time."""


def samples_at_once(
    layout: Sequence[LaidOut],
    data: npt.NDArray[Any],
    recorded: Container[str],
    budget: int,
    threads: int,
) -> tuple[int, int]:
    """Return samples per batch and the number of threads, each of which works on one batch.

    Raises
    ------
    InputError
        Not even one thread with one sample fits; the message says what it takes.
    """
    samples, steps = data.shape[0], data.shape[-1]
    fixed = max(_scratch_bytes(laid, steps) for laid in layout)
    each = _sample_bytes(layout, steps, data.dtype, recorded)
    if fixed + each > budget:
        raise InputError(
            f"one sample of {steps} timesteps takes {(fixed + each) / 2**20:.1f} MiB, the memory "
            f"budget is {budget / 2**20:.1f} MiB. Raise it, or cut the samples shorter."
        )
    threads = min(threads, budget // (fixed + each), samples)
    useful = max(1, BATCH_BYTES // each)
    in_budget = (budget // threads - fixed) // each
    fair_share = -(-samples // threads)
    return min(useful, in_budget, fair_share), threads


def _sample_bytes(
    layout: Sequence[LaidOut], steps: int, kind: np.dtype[Any], recorded: Container[str]
) -> int:
    """Return the bytes that live at once for each sample of a batch."""
    inputs = math.prod(layout[0].layer.in_shape)
    # the data as they come, and what checking and converting takes if they are no bytes
    raw = inputs * (kind.itemsize if kind.itemsize == 1 else kind.itemsize + 10)
    held: dict[int | None, int] = {None: inputs * (8 if layout[0].table.kind == DRIVEN else 1)}
    widest = 0
    for index, laid in enumerate(layout):
        layer = laid.layer
        trace = 8 if layer.name in recorded else 0
        delayed = 1 if layer.axon_delay is not None else 0
        summed = laid.table.zero.itemsize if laid.added else 0
        here = layer.neurons * (1 + delayed + trace + summed)
        widest = max(widest, sum(held.values()) + here)
        held[index] = layer.neurons
        for done in laid.ended:
            del held[done]
    return steps * (raw + widest) + PADDING


def _scratch_bytes(laid: LaidOut, steps: int) -> int:
    """Return the bytes that a kernel allocates for itself."""
    tables = (laid.table, *(table for _, table in laid.added))
    return max(_table_scratch(table, laid.layer.neurons, steps) for table in tables)


def _table_scratch(table: Table, neurons: int, steps: int) -> int:
    g = table.g
    segment = min(table.segment, steps)
    lists = 4 * segment * (table.most_events + g.in_h * g.in_w + 1)
    state = neurons * (table.zero.itemsize + 4)
    arriving = steps * g.out_c * table.zero.itemsize if table.kind == DELAYED else 0
    return lists + state + arriving
