"""The blocks of a model, by name, in the order in which they are registered.

Where that is the order in which they run, as in a Sequential, it is all there is to know. A model
with a forward pass of its own may do anything; :mod:`loihi_sca.model.route` watches it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias, TypeGuard

import torch

from loihi_sca.errors import ConfigError, UnsupportedLayer
from loihi_sca.model.residual import Residual
from loihi_sca.model.stream import StreamNeurons, Weighting
from loihi_sca.slayer.lava import slayer

Model: TypeAlias = torch.nn.Module | Sequence[torch.nn.Module]
"""A Sequential, a ModuleList, a list of blocks, or any module whose forward pass is a row."""

NO_OPS = (torch.nn.Identity, torch.nn.modules.dropout._DropoutNd)
"""Modules that do nothing in evaluation."""

_NO_OP_FORWARDS = (
    torch.nn.Identity.__module__, torch.nn.modules.dropout.__name__,
    slayer.neuron.dropout.__name__,
)  # fmt: skip
"""Modules in which their forward passes stand."""

ON_STREAM = (Weighting, Residual, StreamNeurons)
"""Blocks that open, continue and end a residual stream."""

CONTAINERS = (torch.nn.Sequential, torch.nn.ModuleList, torch.nn.ModuleDict)


def as_module(model: Model) -> torch.nn.Module:
    """Return the model, a list of blocks as a ModuleList, of what torch.compile made its module.

    Raises
    ------
    ConfigError
        It is something else, such as a path, a state dict, or a class or function that makes one.
    """
    if isinstance(model, torch.nn.Module):
        compiled = type(model).__module__ == "torch._dynamo.eval_frame"
        return model._orig_mod if compiled else model
    if isinstance(model, list | tuple) and all(isinstance(x, torch.nn.Module) for x in model):
        return torch.nn.ModuleList(model)
    made = "Call it" if callable(model) else "Make it, load its state_dict"
    raise ConfigError(
        f"a model is a torch module or a list of them, and this is a {type(model).__name__}. "
        f"{made}, and give what you get; netx files are for loihi_sca.read."
    )


def blocks_of(model: Model) -> list[tuple[str, torch.nn.Module]]:
    """Return the blocks with their names, containers opened.

    A block of a ``ModuleList``, which has only a number, is called ``number-type``; a list called
    ``blocks`` adds nothing to the names.

    Raises
    ------
    UnsupportedLayer
        The model is one module, and no block.
    """
    module = as_module(model)
    if not module._modules and not isinstance(module, CONTAINERS) and not is_block(module):
        raise UnsupportedLayer(
            f"{type(module).__name__} is no row of blocks",
            "Give a torch.nn.Sequential, a list of blocks, or a module whose forward pass runs "
            "blocks in a row.",
        )
    return [(name, block) for name, block in _open(module, "") if not is_no_op(block)]


def is_row(model: Model) -> bool:
    """Tell whether the blocks run in the order in which they are registered, and nothing else does.

    False where a module has a forward pass of its own, or a hook, which might do anything.
    """
    return all(_runs_in_order(part) for part in _parts(as_module(model)))


def is_block(module: torch.nn.Module) -> bool:
    """Tell whether a module is a block of lava-dl, or derived from one."""
    # sigma_delta.Output has no base of those
    known = (slayer.block.base.__name__, slayer.block.sigma_delta.__name__)
    return any(cls.__module__ in known for cls in type(module).__mro__)


def is_no_op(module: torch.nn.Module) -> bool:
    """Tell whether a module does nothing in evaluation; one with a forward of its own might."""
    own = type(module).forward.__module__ not in _NO_OP_FORWARDS or "forward" in vars(module)
    return isinstance(module, NO_OPS) and not own


def is_unit(module: torch.nn.Module) -> bool:
    """Tell whether a module is looked at as a whole: a block, or what might stand for one."""
    single = not module._modules and not isinstance(module, CONTAINERS)
    return single or is_block(module) or is_no_op(module) or isinstance(module, ON_STREAM)


def forward_of(module: torch.nn.Module) -> Callable[[torch.Tensor], object]:
    """Return what runs a model; a ModuleList has no forward pass, so its blocks run in a row."""
    if not _is_list(module):
        return module

    def in_a_row(flow: torch.Tensor) -> torch.Tensor:
        for block in module:
            output = forward_of(block)(flow)
            flow = output[0] if isinstance(output, tuple) else output  # type: ignore[assignment]
        return flow

    return in_a_row


def _is_list(module: torch.nn.Module) -> TypeGuard[torch.nn.ModuleList]:
    plain = type(module).forward is torch.nn.ModuleList.forward and "forward" not in vars(module)
    return plain and isinstance(module, torch.nn.ModuleList)


def _runs_in_order(part: torch.nn.Module) -> bool:
    hooked = bool(part._forward_hooks or part._forward_pre_hooks)
    in_order = type(part).forward is torch.nn.Sequential.forward and "forward" not in vars(part)
    return not hooked and (is_unit(part) or in_order or _is_list(part))


def _parts(module: torch.nn.Module) -> Iterator[torch.nn.Module]:
    yield module
    if not is_unit(module):
        for child in module.children():
            yield from _parts(child)


def _open(module: torch.nn.Module, name: str) -> Iterator[tuple[str, torch.nn.Module]]:
    if is_unit(module):
        yield name or type(module).__name__.lower(), module
        return
    # not named_children: that leaves out a block that runs a second time
    for key, child in module._modules.items():
        if child is None:
            continue
        if key == "blocks" and isinstance(child, CONTAINERS):
            yield from _open(child, name)
            continue
        own = f"{key}-{type(child).__name__.lower()}" if key.isdigit() else key
        yield from _open(child, f"{name}.{own}" if name else own)
