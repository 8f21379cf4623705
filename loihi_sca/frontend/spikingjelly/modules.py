"""Which modules of SpikingJelly and torch there are, and why others are refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.frontend.spikingjelly.neurons import NEURONS
from loihi_sca.model.copying import copied
from loihi_sca.problems import Problem

PACKAGE = "spikingjelly"

CONTAINERS = (
    "Sequential", "SeqToANNContainer", "MultiStepContainer", "StepModeContainer",
)  # fmt: skip
"""Rows of modules."""

NO_OPS = ("Identity", "Dropout", "Dropout1d", "Dropout2d", "AlphaDropout")
"""What does nothing in evaluation."""

NORMS = ("BatchNorm1d", "BatchNorm2d")
"""Folded into the weights before them."""

KINDS = (
    "Conv2d", "Linear", "Flatten", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "VotingLayer",
    "BlockContainer",
    *NORMS, *NO_OPS, *NEURONS,
)  # fmt: skip
"""Modules that have a counterpart."""

_INSTEAD = {
    "ReLU": "Spikes are not negative: leave it out behind neurons; before them use a threshold.",
    "ConvTranspose2d": "netx knows no transposed convolution.",
    "GroupNorm": "It depends on the input in use; train with BatchNorm2d, which is folded.",
    "LayerNorm": "It depends on the input in use; train with BatchNorm1d, which is folded.",
    "SynapseFilter": "A current that decays is lava_exchange.CubaLIFNode.",
    "KLIFNode": "Use LIFNode or ParametricLIFNode.",
}
"""What to do about modules that are met often."""

_OTHERWISE = (
    "Use Conv2d, Linear, BatchNorm1d/2d, AvgPool2d, MaxPool2d, Flatten, Dropout, and IFNode, "
    "LIFNode, ParametricLIFNode or lava_exchange.CubaLIFNode."
)


def is_spikingjelly(model: Any) -> bool:
    """Tell whether a model has modules of SpikingJelly; it is not imported for that."""
    parts = model if isinstance(model, list | tuple) else [model]
    if not all(isinstance(part, torch.nn.Module) for part in parts):
        return False
    return any(_is_theirs(type(m)) for part in parts for m in part.modules())


def as_row(model: torch.nn.Module | Sequence[torch.nn.Module]) -> torch.nn.Module:
    """Return the model, a list of modules as a Sequential."""
    listed = not isinstance(model, torch.nn.Module) or isinstance(model, torch.nn.ModuleList)
    return torch.nn.Sequential(*model) if listed else model  # type: ignore[return-value]


def kind_of(module: torch.nn.Module) -> str | None:
    """Return what a module is by its class, None for one that has no counterpart.

    A class derived from it may do anything, and is none.
    """
    cls = type(module)
    known = cls.__name__ in KINDS and "forward" not in vars(module)
    ours = cls.__module__.startswith("torch.nn.modules.") or cls.__module__.startswith(
        f"{PACKAGE}.activation_based"
    )
    return cls.__name__ if known and ours else None


def units_of(module: torch.nn.Module, name: str = "") -> Iterator[tuple[str, torch.nn.Module]]:
    """Yield modules that are looked at as a whole, by name, in the order of registration."""
    single = kind_of(module) is not None or not module._modules or _is_neuron(module)
    if single and not (isinstance(module, torch.nn.Sequential) and not len(module)):
        yield name or type(module).__name__.lower(), module
        return
    for key, child in module._modules.items():
        if child is not None:
            own = f"{key}-{type(child).__name__.lower()}" if key.isdigit() else key
            plain = key.isdigit() and bool(child._modules) and not _is_unit(child)
            yield from units_of(child, ".".join(p for p in (name, key if plain else own) if p))


def _is_unit(module: torch.nn.Module) -> bool:
    return kind_of(module) is not None or _is_neuron(module)


def _is_neuron(module: torch.nn.Module) -> bool:
    """Tell whether it is a neuron, also of a kind that is refused."""
    return any(c.__name__ in ("BaseNode", "SimpleBaseNode") for c in _theirs(type(module)))


def unknown(name: str, module: torch.nn.Module) -> Problem:
    """Return why a module has no counterpart."""
    cls = type(module)
    known = [c.__name__ for c in cls.__mro__[1:] if c.__name__ in KINDS]
    if known:
        return Problem(
            name, f"{cls.__name__} is derived from {known[0]}, and might compute something else",
            f"Use {known[0]} itself.",
        )  # fmt: skip
    where = f"{cls.__module__.partition('.')[0]}'s " if _is_theirs(cls) else ""
    return Problem(
        name, f"{where}{cls.__name__} has no exact counterpart in a netx file",
        _INSTEAD.get(cls.__name__, _OTHERWISE),
    )  # fmt: skip


def step_mode_of(model: torch.nn.Module) -> str:
    """Return ``m`` or ``s``: the mode of all its neurons, or of the containers around them.

    Raises
    ------
    UnsupportedLayer
        They are in both, so that there is no input for the whole.
    """
    modes = dict(_modes(model, ""))
    if len(set(modes.values())) > 1:
        told = ", ".join(f"{name} {mode!r}" for name, mode in modes.items())
        raise UnsupportedLayer(
            f"neurons are in different step modes ({told})",
            "Call functional.set_step_mode(model, 'm') or 's'.",
        )
    return next(iter(modes.values()), "s")


def _modes(module: torch.nn.Module, name: str) -> Iterator[tuple[str, str]]:
    always = any(cls.__name__ == "MultiStepModule" for cls in _theirs(type(module)))
    mode = "m" if always else getattr(module, "step_mode", None)
    if isinstance(mode, str):  # what stands outside says what goes in
        if any(_is_neuron(part) for part in module.modules()):
            yield name or type(module).__name__.lower(), mode
        return
    for key, child in module.named_children():
        yield from _modes(child, f"{name}.{key}" if name else key)


def fresh_copy(model: torch.nn.Module) -> Any:
    """Return a copy in evaluation, on the CPU, with its states as at the start of a sample."""
    replica = copied(model).cpu().eval()
    for part in replica.modules():
        if _is_theirs(type(part)) and callable(getattr(part, "reset", None)):
            part.reset()
    return replica


def _theirs(cls: type) -> Iterator[type]:
    return (c for c in cls.__mro__ if c.__module__.partition(".")[0] == PACKAGE)


def _is_theirs(cls: type) -> bool:
    return any(True for _ in _theirs(cls))
