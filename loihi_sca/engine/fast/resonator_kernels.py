"""The compiled inner loop of resonators; :mod:`loihi_sca.engine.fast.kernels` has the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from loihi_sca.engine.fast.events import AHEAD, count_synops, list_events
from loihi_sca.engine.fast.jit import compiled, entry_point, inlined
from loihi_sca.engine.fast.neuron_kernels import PEAK, SATURATIONS, SPIKES, SYNOPS
from loihi_sca.engine.fast.vector import add_window_in_chunks
from loihi_sca.network.fixed_point import DECAY_BITS, STATE_LIMIT

LIMIT = STATE_LIMIT - 1


@inlined
def _scaled(state: Any, decay: Any) -> Any:
    """Return ``trunc(state decay / 4096)`` in 64 bits."""
    product = np.int64(state) * np.int64(decay)
    return np.sign(product) * (abs(product) >> DECAY_BITS)


@compiled
def _turn(
    table: Any, z: Any, re: Any, im: Any, out: Any, trace_re: Any, trace_im: Any, counts: Any
) -> None:
    """Advance all neurons by one step; ``z`` holds what arrives, real parts first."""
    neurons, izhikevich, threshold = re.shape[0], table.bias[0] != 0, table.threshold
    for j in range(neurons):
        sin, cos = table.keep_u[j], table.keep_v[j]
        free_re = _scaled(re[j], cos) - _scaled(im[j], sin) + z[j]
        free_im = _scaled(re[j], sin) + _scaled(im[j], cos) + z[neurons + j]
        new_re = min(max(free_re, -LIMIT), LIMIT)
        new_im = min(max(free_im, -LIMIT), LIMIT)
        counts[PEAK] = max(counts[PEAK], abs(free_re), abs(free_im))
        counts[SATURATIONS] += (free_re != new_re) + (free_im != new_im)
        if trace_re.shape[0]:
            trace_re[j], trace_im[j] = new_re, new_im
        if izhikevich:
            spike = new_im >= threshold
            if spike:
                new_re, new_im = 0, threshold - 1
        else:
            spike = new_re >= threshold and new_im >= 0 and im[j] < 0
        out[j] = spike
        counts[SPIKES] += spike
        re[j], im[j] = new_re, new_im


@entry_point
def run_resonators(sources: str) -> Callable[..., None]:
    """Return the kernel that runs one layer of resonators."""

    def run_resonators(
        table: Any, spikes: Any, out: Any, trace_re: Any, trace_im: Any, counts: Any
    ) -> None:
        """Run one layer over all steps of some samples; the arguments are those of ``run_layer``.

        Parameters
        ----------
        table : Table
        spikes : uint8 array (n, T * inputs + padding)
        out : uint8 array (n, T, neurons)
        trace_re, trace_im : int32 array (n, T, neurons) or empty
            The two parts of the state before the reset.
        counts : int64 array (5,)
        """
        _ = sources
        steps, neurons = out.shape[1], out.shape[2]
        segment = min(table.segment, steps)
        starts = np.empty((segment, 2), dtype=np.int32)
        events = np.empty(segment * table.most_events + AHEAD, dtype=np.int32)
        z = np.empty(2 * neurons, dtype=table.zero.dtype)
        re, im = np.empty(neurons, dtype=np.int64), np.empty(neurons, dtype=np.int64)
        none = np.empty(0, dtype=np.int32)
        for i in range(out.shape[0]):
            re[:] = 0
            im[:] = 0
            for begin in range(0, steps, segment):
                length = min(segment, steps - begin)
                list_events(table.g, spikes[i], begin - table.lag, length, starts, events)
                counts[SYNOPS] += count_synops(table.fan_out, starts, length)
                for k in range(length):
                    t = begin + k
                    z[:] = 0
                    window = (2 * k, 1, 0, 1, 0, 0)
                    add_window_in_chunks(
                        z, 0, table.weight, events, starts, window, table.safe_rows
                    )
                    if trace_re.shape[0]:
                        _turn(table, z, re, im, out[i, t], trace_re[i, t], trace_im[i, t], counts)
                    else:
                        _turn(table, z, re, im, out[i, t], none, none, counts)

    return run_resonators
