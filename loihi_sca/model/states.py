"""Neurons that keep their state from one sample to the next, which the chip does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from loihi_sca.model.copying import copied
from loihi_sca.model.kinds import RECURRENT
from loihi_sca.model.walk import Model, as_module

_STATES = ("current_state", "voltage_state")
"""What lava-dl's neurons begin with, whether or not they keep it."""


def forget_states(model: Model) -> Callable[[], None]:
    """Let all neurons of a model start every sample afresh, in place.

    Returns
    -------
    callable
        Makes it what it was.
    """
    undo: list[tuple[Any, str, Any]] = []

    def change(part: torch.nn.Module, name: str, value: Any) -> None:
        undo.append((part, name, getattr(part, name)))
        setattr(part, name, value)

    whole = as_module(model)
    # a recurrent block runs step by step, and needs its state from one to the next
    kept = {
        id(x) for part in whole.modules() if isinstance(part, RECURRENT) for x in part.modules()
    }
    for part in whole.modules():
        if getattr(part, "persistent_state", False) and id(part) not in kept:
            change(part, "persistent_state", False)
            for name in _STATES:
                if isinstance(getattr(part, name, None), torch.Tensor):
                    change(part, name, torch.zeros_like(getattr(part, name)))
        if getattr(part, "delay_buffer", None) is not None:
            change(part, "delay_buffer", None)

    def restore() -> None:
        while undo:
            setattr(*undo.pop())

    return restore


def without_state(model: Model) -> Any:
    """Return a copy of a model whose neurons start every sample afresh."""
    replica = copied(as_module(model))
    forget_states(replica)
    return replica
