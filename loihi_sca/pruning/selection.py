"""Choosing channels by value, over all layers or within each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import torch

ByLayer: TypeAlias = Mapping[str, torch.Tensor]
"""A tensor (C,) per layer."""

Chosen: TypeAlias = dict[str, torch.Tensor]
"""A bool tensor (C,) per layer."""


def none_of(values: ByLayer) -> Chosen:
    """Return a choice of no channel."""
    return {name: torch.zeros(len(v), dtype=torch.bool) for name, v in values.items()}


def select_in_all(
    values: ByLayer, count: int, floors: Mapping[str, int], base: Chosen, closed: Chosen
) -> Chosen:
    """Add the channels of largest value over all layers until ``count`` are chosen.

    Every layer first gets its floor, out of its own best.

    Parameters
    ----------
    values : mapping of str to tensor (C,)
        By layer.
    count : int
        Chosen channels in all, those of the base included.
    floors : mapping of str to int
        Fewest channels of each layer.
    base : dict of str to bool tensor (C,)
        Chosen already.
    closed : dict of str to bool tensor (C,)
        Channels that only a floor may choose.
    """
    chosen = select_in_each(values, floors, base)
    flat = torch.cat(list(chosen.values()))
    shut = flat | torch.cat([closed[name] for name in values])
    remaining = min(count - int(flat.sum()), int((~shut).sum()))
    if remaining > 0:
        ranking = torch.cat(list(values.values())).masked_fill(shut, -torch.inf)
        flat[ranking.topk(remaining).indices] = True
    sizes = [len(v) for v in values.values()]
    return dict(zip(values, torch.split_with_sizes(flat, sizes), strict=True))


def select_in_each(values: ByLayer, counts: Mapping[str, int], base: Chosen) -> Chosen:
    """Add each layer's channels of largest value until it has its count."""
    chosen = {}
    for name, of_layer in values.items():
        chosen[name] = base[name].clone()
        missing = counts[name] - int(chosen[name].sum())
        if missing > 0:
            open_values = of_layer.masked_fill(chosen[name], -torch.inf)
            chosen[name][open_values.topk(missing).indices] = True
    return chosen
