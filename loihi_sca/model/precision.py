"""In which types of numbers a model computes."""

from __future__ import annotations

import torch


def types_besides_float32(module: torch.nn.Module) -> list[str]:
    """Return the names of the floating types, other than float32, that parameters have."""
    types = {x.dtype for x in module.parameters() if x.is_floating_point()}
    return sorted(map(str, types - {torch.float32}))
