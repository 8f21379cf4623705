"""Say of data in a wrong arrangement which one it probably is, and how to get the right one."""

from __future__ import annotations

import math
from itertools import pairwise, permutations

from loihi_sca.network import Shape


def way_out(given: tuple[int, ...], shape: Shape) -> str:
    """Return a sentence about data that are not (N, *shape, T), empty where nothing fits.

    Nothing is ever rearranged by itself: where two axes have one size, several arrangements fit.

    Parameters
    ----------
    given : tuple of int
        Shape of the data.
    shape : tuple of int
        Of one timestep, ``(C, H, W)`` or ``(N,)``.
    """
    last = len(shape)
    if given == shape:
        return "It lacks the axes of samples and of time: pass x[None, ..., None], or encode it."
    if given[:-1] == shape:
        return "It looks like one sample: pass x[None]."
    if given[1:] == shape:
        axes = ", ".join(map(str, (*range(1, last + 1), 0)))
        return (
            "It lacks an axis. If the first one is of samples, encode them over time "
            "(loihi_sca.data.encoders); if it is the time of one sample, pass "
            f"x.transpose({axes})[None]."
        )
    if len(given) == last + 2:
        return _rearranged(given, shape)
    if len(given) > 2 and math.prod(given[1:-1]) == math.prod(shape):
        wanted = ", ".join(map(str, shape))
        return f"Pass x.reshape(len(x), {wanted}, x.shape[-1]), in the order C, H, W."
    return ""


def _rearranged(given: tuple[int, ...], shape: Shape) -> str:
    orders = [
        order
        for order in permutations(range(len(given)))
        if tuple(given[axis] for axis in order[1:-1]) == shape
    ]
    if not orders:
        return ""
    # of several, the likeliest: samples first, then time last, and space in its own order
    likely = min(orders, key=lambda o: (o[0] != 0, o[-1] != len(o) - 1, _turns(o)))
    names = ["N", *("CHW" if len(shape) == 3 else "C"), "T"]
    seen = [names[likely.index(axis)] for axis in range(len(given))]
    text = f"It looks like ({', '.join(seen)}): pass {_transpose(likely)}."
    if (likely[0], likely[-1]) == (0, 1):
        swapped = (1, *likely[1:-1], 0)
        text += f" If time comes before samples: {_transpose(swapped)}."
    return text


def _turns(order: tuple[int, ...]) -> int:
    return sum(a > b for a, b in pairwise(order[1:-1]))


def _transpose(order: tuple[int, ...]) -> str:
    return f"x.transpose({', '.join(map(str, order))})"
