"""What is left of a budget: given to the layers that can use it, or the reason why none can.

A search adds up layers, and looks at some counts per layer only. Where layers are coupled, as by
the output axons of Loihi 1, what a whole network takes decides, so that the last channels are tried
on whole networks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loihi_sca.planning.chain import Unit

Total = Callable[[Sequence[int]], float]
"""What a whole network takes with so many channels in each unit."""

USED = 0.95
"""A plan that uses less of its budget says why."""


def fill(units: Sequence[Unit], counts: Sequence[int], limit: float, total: Total) -> list[int]:
    """Return the counts with as many more channels as the limit allows, tightest layers first.

    Parameters
    ----------
    units : sequence of Unit
        In order.
    counts : sequence of int
        Channels of each, which keep the limit.
    limit : float
        Of what the whole network takes.
    total : callable
        Says what that is.
    """
    filled = list(counts)
    growing = {at for at, u in enumerate(units) if u.prunable and filled[at] < u.channels}
    while growing:
        at = min(growing, key=lambda i: (filled[i] / units[i].channels, i))
        growing.remove(at)
        filled[at] = _most(filled, at, units[at].channels, limit, total)
    return filled


def _most(counts: Sequence[int], at: int, channels: int, limit: float, total: Total) -> int:
    """Return the most channels of one unit that keep the limit, by halving what is in between.

    What does not fit says nothing of what lies between in a network with cliffs: the count that is
    returned does fit, and the next one does not.
    """

    def fits(count: int) -> bool:
        return total([*counts[:at], count, *counts[at + 1 :]]) <= limit * (1 + 1e-9)

    few, many = counts[at], channels
    if fits(many):
        return many
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if fits(middle) else (few, middle)
    return few


def reason_for_less(
    units: Sequence[Unit], counts: Sequence[int], limit: float, total: Total, unit: str
) -> str:
    """Return in words why a plan uses less than :data:`USED` of its budget, nothing if it does not.

    Parameters
    ----------
    units, counts
        The network, and the channels planned for each.
    limit : float
        The budget.
    total : callable
        What a whole network takes.
    unit : str
        In which budget and total are counted.
    """
    used = total(counts)
    if used >= USED * limit:
        return ""
    larger = [at for at, u in enumerate(units) if u.prunable and counts[at] < u.channels]
    if not larger:
        return f"every layer keeps all its channels, which takes {used:,.6g} {unit}"
    takes = {at: total([*counts[:at], counts[at] + 1, *counts[at + 1 :]]) for at in larger}
    at = min(larger, key=lambda i: (takes[i], i))
    if takes[at] <= limit * (1 + 1e-9):
        return (
            f"the next channel in order does not fit, although one more of {units[at].name} alone "
            "would"
        )
    return (
        f"a cliff: the next count of {units[at].name}, {counts[at] + 1} channels, takes "
        f"{takes[at] - used:,.4g} more ({takes[at]:,.6g} {unit}), and that of any other layer "
        "no less"
    )
