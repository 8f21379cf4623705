"""How many samples fit a memory budget."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from typing import Any

import numpy.typing as npt

from loihi_sca.engine.fast.plan import DELAYED, DRIVEN, PADDING, Plan
from loihi_sca.errors import InputError

CACHE_BYTES = 1 << 20
"""More samples at once than fill the second-level cache are of no use."""

MOST_SAMPLES = 64


def samples_at_once(
    plans: Sequence[Plan],
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
    fixed = max(_scratch_bytes(plan, steps) for plan in plans)
    each = _sample_bytes(plans, steps, data.itemsize, recorded)
    if fixed + each > budget:
        raise InputError(
            f"one sample of {steps} timesteps takes {(fixed + each) / 2**20:.1f} MiB, the memory "
            f"budget is {budget / 2**20:.1f} MiB. Raise it, or cut the samples shorter."
        )
    threads = min(threads, budget // (fixed + each), samples)
    in_cache = max(1, CACHE_BYTES // each)
    in_budget = (budget // threads - fixed) // each
    fair = -(-samples // threads)
    return min(in_cache, in_budget, fair, MOST_SAMPLES), threads


def _sample_bytes(
    plans: Sequence[Plan], steps: int, itemsize: int, recorded: Container[str]
) -> int:
    """Return the bytes that live at once for each sample of a batch."""
    first = plans[0].table
    inputs = math.prod(plans[0].layer.in_shape)
    # the data as they come, checked (floats as int64), and laid out
    arriving = inputs * (itemsize + 8 + (8 if first.kind == DRIVEN else 1))
    widest, before = arriving, inputs
    for plan in plans:
        layer = plan.layer
        trace = 8 if layer.name in recorded else 0
        delayed = 1 if layer.axon_delay is not None else 0
        widest = max(widest, before + layer.neurons * (1 + delayed + trace))
        before = layer.neurons
    return steps * widest + PADDING


def _scratch_bytes(plan: Plan, steps: int) -> int:
    """Return the bytes that a kernel allocates for itself."""
    table, g = plan.table, plan.table.g
    segment = min(table.segment, steps)
    positions = g.in_h * g.in_w
    lists = 4 * segment * (positions * g.in_c + positions + 1)
    state = plan.layer.neurons * (table.zero.itemsize + 4)
    arriving = steps * g.out_c * table.zero.itemsize if table.kind == DELAYED else 0
    return lists + state + arriving
