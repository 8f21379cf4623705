"""When sums of weights over spikes are the same in whatever order they are formed.

If every weight is a multiple of 1/32 and those of an output cannot add up to 2^24/32 in magnitude,
every partial sum over spikes is one of the integers that float32 holds, over 32: nothing is ever
rounded. Quantised weights are such, as far as a fan-in of 65 000 at least.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from loihi_sca.slayer.dynamics import threads
from loihi_sca.slayer.dynamics.cuda.convolution import GRID
from loihi_sca.slayer.dynamics.jit import entry_point
from loihi_sca.slayer.dynamics.tiles import Array, tile_range

_EXACT = 1 << 24
"""Below it float32 holds every integer."""

_GRID = np.float32(GRID)
_LIMIT = np.float32(_EXACT)


def is_exact(weight: torch.Tensor) -> bool:
    """Tell whether no sum of weights (out, ...) over spikes can round, in whatever order."""
    return peak_steps(weight) is not None


def peak_steps(weight: torch.Tensor) -> int | None:
    """Return the largest magnitude in steps of 1/32, None unless the weight :func:`is_exact`."""
    # in the order of memory, whatever that is: channels may be last
    strides = weight.stride()
    flat = weight.detach().permute(*sorted(range(weight.dim()), key=lambda d: -strides[d]))
    flat = flat.contiguous().view(-1)
    found = np.zeros((threads.CHUNKS, 2), np.int64)
    threads.run(_inspect, flat.numel(), flat.numpy(), found)
    peak, others = (int(column) for column in found.max(axis=0))
    return None if others or peak * weight[0].numel() >= _EXACT else peak


@entry_point
def _inspect(sources: str) -> Callable[..., None]:
    """Return the kernel that looks at weights."""

    def inspect(first: int, last: int, weights: Array, found: Array) -> None:
        """Write, per chunk, the largest magnitude, and whether there is something between steps."""
        _ = sources
        chunks = len(found)
        for chunk in range(first, last):
            begin, end = tile_range(chunk, chunks, len(weights))
            peak, others = np.int32(0), np.int32(0)
            for i in range(begin, end):
                steps = weights[i] * _GRID
                # what does not fit, or is no number, becomes the limit, which is too much anyway
                clamped = steps if steps < _LIMIT else _LIMIT
                clamped = clamped if clamped > -_LIMIT else -_LIMIT
                whole = np.int32(clamped)
                peak = max(peak, np.int32(abs(whole)))
                others |= np.int32(0) if np.float32(whole) == steps else np.int32(1)
            found[chunk, 0] = peak
            found[chunk, 1] = others

    return inspect
