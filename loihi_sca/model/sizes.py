"""The sizes of a pruned model, and how a model made anew by its class gets them.

::

    torch.save / safetensors: model.state_dict(), and json: loihi_sca.shapes_of(model)
    model = MyNetwork()                      # dense again
    loihi_sca.resize(model, shapes)
    model.load_state_dict(tensors)
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch

from loihi_sca.errors import ConfigError
from loihi_sca.model.cuts import exchange
from loihi_sca.model.gating import weight_norm_of
from loihi_sca.model.kinds import FLATTEN
from loihi_sca.slayer.lava import slayer

Shapes: TypeAlias = Mapping[str, Sequence[int]]
"""Shape of every tensor of a state dict."""


def shapes_of(model: torch.nn.Module) -> dict[str, list[int]]:
    """Return the shape of every tensor of a model's state dict: plain values, for JSON.

    Parameters
    ----------
    model : Module
        Pruned, or as it is.

    Returns
    -------
    dict of str to list of int
        By the name of the tensor; :func:`resize` takes it.

    Examples
    --------
    >>> import torch
    >>> import loihi_sca
    >>> loihi_sca.shapes_of(torch.nn.Linear(3, 2))
    {'weight': [2, 3], 'bias': [2]}
    """
    return {name: list(tensor.shape) for name, tensor in _tensors_of(model).items()}


def resize(model: torch.nn.Module, shapes: Shapes) -> None:
    """Give a model the sizes of another one of its class, before that one's state is loaded.

    Parameters
    ----------
    model : Module
        Changed in place: every tensor is cut to its first entries, so that its values mean nothing
        until a state dict is loaded.
    shapes : mapping of str to sequence of int
        What :func:`shapes_of` returned for the other model.

    Raises
    ------
    ConfigError
        The shapes are those of another class: tensors are missing, unknown, larger than here or of
        other dimensions. The model is then unchanged.

    Examples
    --------
    >>> import torch
    >>> import loihi_sca
    >>> from lava.lib.dl import slayer
    >>> neuron = {"threshold": 0.5, "current_decay": 0.5, "voltage_decay": 0.1}
    >>> def build():
    ...     sizes = [(16, 12), (12, 4)]
    ...     options = {"weight_scale": 4, "delay_shift": False}
    ...     blocks = [slayer.block.cuba.Dense(neuron, n, m, **options) for n, m in sizes]
    ...     return torch.nn.Sequential(*blocks)
    >>> model = build()
    >>> shapes = loihi_sca.shapes_of(model)
    >>> shapes = {n: [5 if size == 12 else size for size in s] for n, s in shapes.items()}
    >>> loihi_sca.resize(model, shapes)  # as if five of twelve neurons were left
    >>> loihi_sca.shapes_of(model) == shapes
    True
    """
    try:
        wanted = {name: tuple(int(n) for n in shape) for name, shape in shapes.items()}
    except (AttributeError, TypeError, ValueError):
        raise ConfigError(
            "shapes must be sizes by the names of tensors, as shapes_of returns them."
        ) from None
    ours = {name: tuple(tensor.shape) for name, tensor in _tensors_of(model).items()}
    if problems := [*_problems(ours, wanted), *_undrawn(model)]:
        raise ConfigError(f"shapes of another model: {'; '.join(problems)}. Nothing is changed.")
    for path, part in model.named_modules():
        head = f"{path}." if path else ""
        held = {**part._parameters, **part._buffers}
        for name, tensor in held.items():
            shape = wanted.get(head + name)
            if tensor is not None and shape is not None and shape != tuple(tensor.shape):
                _resize_tensor(part, name, tensor, shape)
    for part in model.modules():
        _adopt(part)


def _tensors_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return a model's state dict without what it keeps beside tensors, its extra state."""
    state = model.state_dict()
    return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}


def _problems(ours: Shapes, wanted: Mapping[str, tuple[int, ...]]) -> list[str]:
    found = []
    for name in sorted(set(ours) ^ set(wanted)):
        near = difflib.get_close_matches(name, ours, n=1) if name not in ours else []
        where = "missing" if name in ours else "not in this model"
        found.append(f"{name} is {where}{f' ({near[0]} is)' if near else ''}")
    for name in sorted(set(ours) & set(wanted)):
        have, want = tuple(ours[name]), wanted[name]
        drawn_later = have == (1,) and len(want) == 1
        fits = len(have) == len(want) and all(0 < w <= h for w, h in zip(want, have, strict=True))
        if not (fits or drawn_later or have == want or _is_spike_state(name)):
            found.append(f"{name} is {_text(want)}, and {_text(have)} here")
    return found


def _is_spike_state(name: str) -> bool:
    """Tell whether a tensor is what a recurrent block sent last, whose size is that of a batch."""
    return name.rpartition(".")[2] == "spike_state"


def _undrawn(model: torch.nn.Module) -> list[str]:
    return [
        f"{path} draws its decays when it first sees data; run the model once before"
        for path, part in model.named_modules()
        if isinstance(part, slayer.neuron.cuba.Neuron)
        and not part.shared_param
        and part.shape is None
    ]


def _text(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "a number"


def _resize_tensor(
    part: torch.nn.Module, name: str, tensor: torch.Tensor, shape: tuple[int, ...]
) -> None:
    if _is_spike_state(name):
        setattr(part, name, torch.zeros(shape, device=tensor.device))
        return
    values = tensor.detach()
    if tuple(values.shape) == (1,):
        values = values.repeat(shape[0])
    values = values[tuple(slice(n) for n in shape)].clone()
    if isinstance(tensor, torch.nn.Parameter):
        exchange(tensor, values)
    else:
        setattr(part, name, values)


def _adopt(part: Any) -> None:
    """Bring what a module says of its own size in line with its tensors."""
    if isinstance(part, slayer.axon.Delay):
        part.init = part.init or part.delay.numel() > 1
    elif isinstance(part, slayer.neuron.norm.MeanOnlyBatchNorm):
        if part.running_mean.numel() > 1:
            part.num_features = part.running_mean.numel()
    elif isinstance(part, slayer.neuron.cuba.Neuron):
        _adopt_neuron(part)
    elif isinstance(part, slayer.neuron.sigma_delta.Neuron):
        for learns in (part, part.sigma, part.delta):  # its shape in the next forward pass
            learns.shape = None
    elif isinstance(part, slayer.synapse.Conv | slayer.synapse.Dense):
        _adopt_synapse(part)
    elif isinstance(part, FLATTEN):
        part.shape = None


def _adopt_neuron(neuron: Any) -> None:
    for state in ("current_state", "voltage_state"):
        setattr(neuron, state, torch.zeros(1, device=neuron.device))
    if neuron.shared_param:
        neuron.shape, neuron.num_neurons = None, None  # learnt in the next forward pass
    else:  # without a shape it would draw its decays anew
        neuron.shape = torch.Size((neuron.current_decay.numel(), *neuron.shape[1:]))
        neuron.num_neurons = neuron.shape.numel()


def _adopt_synapse(synapse: Any) -> None:
    hook = weight_norm_of(synapse)
    if hook is not None:
        synapse.weight = hook.compute_weight(synapse)
    out, into = synapse.weight.shape[:2]
    if synapse.groups == synapse.in_channels == synapse.out_channels > 1:
        synapse.groups = out
    synapse.out_channels, synapse.in_channels = out, into * synapse.groups
