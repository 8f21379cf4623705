"""Copies of models, on which anything may be tried."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch

from loihi_sca.errors import UnsupportedLayer


def copied(module: torch.nn.Module) -> Any:
    """Return a deep copy, also of modules with a weight norm or with state from a forward pass.

    Those hold tensors with a history, which torch does not copy; here they are copied without it.

    Raises
    ------
    UnsupportedLayer
        It holds something that cannot be copied.
    """
    memo: dict[int, Any] = {}
    for part in module.modules():
        for value in _held(part):
            if isinstance(value, torch.Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    try:
        return copy.deepcopy(module, memo)
    except (RuntimeError, TypeError, ValueError) as error:
        raise UnsupportedLayer(
            f"{type(module).__name__} cannot be copied, and it must not be changed ({error})",
            "Keep only modules and tensors in it, blocks in a ModuleList or ModuleDict.",
        ) from error


def _held(part: torch.nn.Module) -> Iterator[object]:
    """Yield what a module holds, in its dicts (of buffers, of states) too."""
    for value in part.__dict__.values():
        yield from value.values() if isinstance(value, dict) else [value]
