"""The blocks of a model, in the order in which its forward pass runs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import torch

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.slayer.lava import slayer

Model: TypeAlias = torch.nn.Module | Sequence[torch.nn.Module]
"""A Sequential, a ModuleList, a module with a ModuleList called ``blocks``, or a list of blocks."""

NO_OPS = (torch.nn.Identity, torch.nn.modules.dropout._DropoutNd)
"""Modules that do nothing in evaluation."""


def blocks_of(model: Model) -> list[tuple[str, torch.nn.Module]]:
    """Return the blocks with their names, containers opened.

    A block of a ``ModuleList``, which has only a number, is called ``number-type``.

    Raises
    ------
    UnsupportedLayer
        The model is none of the containers of :data:`Model`, so that the order in which it runs
        its blocks cannot be known.
    """
    if not isinstance(model, torch.nn.Module):
        model = torch.nn.ModuleList(model)
    return [(name, block) for name, block in _open(model, "") if not isinstance(block, NO_OPS)]


def has_own_forward(model: Model) -> bool:
    """Tell whether only running the model shows in which order it runs its blocks."""
    return isinstance(model, torch.nn.Module) and not (
        isinstance(model, torch.nn.ModuleList)
        or type(model).forward is torch.nn.Sequential.forward
        or is_block(model)
    )


def is_block(module: torch.nn.Module) -> bool:
    """Tell whether a module is a block of lava-dl, or derived from one."""
    return any(cls.__module__ == slayer.block.base.__name__ for cls in type(module).__mro__)


def _open(module: torch.nn.Module, name: str) -> Iterator[tuple[str, torch.nn.Module]]:
    inner = getattr(module, "blocks", None)
    if is_block(module) or isinstance(module, NO_OPS):
        yield name or type(module).__name__.lower(), module
    elif isinstance(module, torch.nn.ModuleList) or (
        type(module).forward is torch.nn.Sequential.forward
    ):
        yield from _open_children(module, name)
    elif isinstance(inner, torch.nn.ModuleList | torch.nn.Sequential):
        yield from _open_children(inner, name)
    elif name:
        yield name, module
    else:
        raise UnsupportedLayer(
            f"{type(module).__name__} is no row of blocks. Give a torch.nn.Sequential, a module "
            "with a ModuleList `blocks` that its forward pass runs in order, or a list of blocks."
        )


def _open_children(module: torch.nn.Module, name: str) -> Iterator[tuple[str, torch.nn.Module]]:
    # not named_children: that leaves out a block that runs a second time
    for key, child in module._modules.items():
        if child is None:
            continue
        own = f"{key}-{type(child).__name__.lower()}" if key.isdigit() else key
        yield from _open(child, f"{name}.{own}" if name else own)
