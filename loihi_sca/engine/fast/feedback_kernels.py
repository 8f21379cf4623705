"""The compiled inner loop of recurrent layers: what neurons send comes back one step later."""

from __future__ import annotations

from typing import Any

import numpy as np

from loihi_sca.engine.fast.events import AHEAD, list_step
from loihi_sca.engine.fast.jit import allocating, compiled
from loihi_sca.engine.fast.vector import add_window_in_chunks


@allocating
def room_for_own(table: Any) -> Any:
    """Return where :func:`feed_back` lists events: where the list begins and ends, and the list."""
    return np.zeros(2, dtype=np.int32), np.empty(table.feedback.shape[0] + AHEAD, dtype=np.int32)


@compiled
def feed_back(table: Any, arrived: Any, sent: Any, t: int, own: Any, u: Any) -> int:
    """Add what arrives and the layer's own spikes of step ``t`` weigh; return synops of the latter.

    Both are summed at once, from one table; ``own`` is where they are listed.
    """
    feedback, neurons, inputs = table.feedback, table.g.out_c, table.g.in_c
    starts, events = own
    for n in range(arrived.shape[0]):
        events[n] = arrived[n]
    count = 0
    if t >= 0:
        count = list_step(sent, t * neurons, neurons, inputs, events[arrived.shape[0] :])
    starts[1] = arrived.shape[0] + count
    rows = table.safe_rows if table.safe_rows else feedback.shape[0]
    add_window_in_chunks(u, 0, feedback, events, starts, (0, 1, 0, 1, 0, 0), rows)
    synops: int = count * neurons
    return synops
