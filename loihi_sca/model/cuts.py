"""Edits of a model that are worked out in full before the first one is made.

So a model is never half cut: whatever can go wrong does so while it is still whole. Parameters stay
the same objects, which keeps an optimizer's hold on them, and its moments are cut along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from loihi_sca.errors import ConfigError, UnsupportedLayer
from loihi_sca.model.gating import weight_norm_of, weight_of

ULPS = 16
"""Neighbouring floats that are tried for the factor of a weight norm."""


@dataclass
class _Tensor:
    """What a tensor of a module and its moments will be."""

    owner: Any
    name: str
    value: torch.Tensor
    moments: list[tuple[dict[str, Any], str, torch.Tensor]] = field(default_factory=list)


class Cuts:
    """Collects edits; :meth:`apply` makes them.

    Parameters
    ----------
    optimizers : sequence of Optimizer
        Those that train the model.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer] = ()) -> None:
        self.optimizers = tuple(optimizers)
        self._tensors: dict[tuple[int, str], _Tensor] = {}
        self._values: list[tuple[Any, str, object]] = []
        self._narrowed: dict[int, Any] = {}

    def cut(self, owner: Any, name: str, kept: torch.Tensor, axis: int = 0) -> None:
        """Keep some entries of a tensor of a module along an axis, and of its moments.

        Parameters
        ----------
        owner, name
            The module, and the tensor's attribute.
        kept : bool tensor (n,)
        axis : int

        Raises
        ------
        ConfigError
            An optimizer keeps something of another shape about it.
        """
        entry = self._tensors.get((id(owner), name)) or self._entry(owner, name)
        index = kept.nonzero().flatten().to(entry.value.device)
        entry.value = entry.value.index_select(axis, index)
        entry.moments = [(s, k, v.index_select(axis, index)) for s, k, v in entry.moments]

    def _entry(self, owner: Any, name: str) -> _Tensor:
        tensor = getattr(owner, name)
        entry = _Tensor(owner, name, tensor.detach(), list(self._moments(tensor, name)))
        self._tensors[id(owner), name] = entry
        return entry

    def _moments(
        self, tensor: torch.Tensor, name: str
    ) -> Iterator[tuple[dict[str, Any], str, torch.Tensor]]:
        for optimizer in self.optimizers:
            state = optimizer.state.get(tensor, {})
            for key, value in state.items():
                if not isinstance(value, torch.Tensor) or not value.dim():
                    continue
                if value.shape != tensor.shape:
                    raise ConfigError(
                        f"{type(optimizer).__name__} keeps {key} of shape {tuple(value.shape)} for "
                        f"{name} of shape {tuple(tensor.shape)}, and how to cut that is not known. "
                        "Finish without the optimizer, and make a new one for what is left."
                    )
                yield state, key, value

    def set(self, owner: Any, name: str, value: object) -> None:
        """Give an attribute another value."""
        self._values.append((owner, name, value))

    def outputs(self, synapse: Any, kept: torch.Tensor) -> None:
        """Drop the weights of channels that go."""
        for name in ("weight",) if weight_norm_of(synapse) is None else ("weight_g", "weight_v"):
            self.cut(synapse, name, kept)
        self._narrowed[id(synapse)] = synapse
        self.set(synapse, "out_channels", int(kept.sum()))

    def inputs(self, synapse: Any, kept: torch.Tensor) -> None:
        """Drop the weights that listen to channels that go."""
        self.cut(synapse, "weight" if weight_norm_of(synapse) is None else "weight_v", kept, 1)
        self._narrowed[id(synapse)] = synapse
        self.set(synapse, "in_channels", int(kept.sum()))

    def renormalise(self, synapse: Any, target: torch.Tensor) -> None:
        """Give a weight norm the factors with which what is left weighs what it weighed before.

        Parameters
        ----------
        synapse : module
            One with a weight norm.
        target : tensor
            The weight before quantisation, cut as the parameters are.
        """
        entry = self._tensors.get((id(synapse), "weight_g")) or self._entry(synapse, "weight_g")
        direction = self._tensors[id(synapse), "weight_v"]
        entry.value, direction.value = _equal_weights(
            synapse, entry.value, direction.value, target.detach()
        )

    def apply(self) -> None:
        """Make the edits."""
        for entry in self._tensors.values():
            old: object = getattr(entry.owner, entry.name)
            if isinstance(old, torch.nn.Parameter):
                exchange(old, entry.value)
                for state, key, value in entry.moments:
                    state[key] = value
            else:
                setattr(entry.owner, entry.name, entry.value)
        for owner, attribute, given in self._values:
            setattr(owner, attribute, given)
        for synapse in self._narrowed.values():
            hook = weight_norm_of(synapse)
            if hook is not None:  # the attribute is that of the last forward pass
                synapse.weight = hook.compute_weight(synapse)


def exchange(parameter: torch.nn.Parameter, value: torch.Tensor) -> None:
    """Give a parameter a value of another shape."""
    parameter.grad = None
    # As long as a loss of before is alive, torch hands the gradient to a node that knows the old
    # shape. It makes a new node where the type changes, and only there.
    other = torch.float64 if value.dtype != torch.float64 else torch.float32
    parameter.data = value.to(other)
    parameter.data = value


def _equal_weights(
    synapse: Any, factor: torch.Tensor, direction: torch.Tensor, target: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a factor and a direction whose weights are quantised as the target is.

    The factor follows from the norms. Where its rounding moves a weight across a step of the
    quantiser, its neighbours are tried, and in the end the target itself is the direction.
    """

    def differs(factor: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
        weight = torch._weight_norm(direction, factor, 0)
        unequal: torch.Tensor = (quantised(weight) != wanted).flatten(1).any(dim=1)
        return unequal

    def quantised(weight: torch.Tensor) -> torch.Tensor:
        hook = synapse.pre_hook_fx
        found: torch.Tensor = weight if hook is None else hook(weight)
        return found.detach()

    wanted = quantised(target)
    now, before = (torch.norm_except_dim(w, 2, 0) for w in (direction, target))
    tiny = now.flatten() < torch.finfo(now.dtype).tiny
    # without a direction there is none to scale: any does, with a factor of zero
    direction = torch.where(tiny.reshape(now.shape), torch.ones_like(direction), direction)
    sign = torch.where(factor < 0, -1.0, 1.0)
    factor = torch.where(tiny.reshape(now.shape), torch.zeros_like(before), sign * before)
    for number in range(2 * ULPS):
        wrong = differs(factor, direction).reshape(factor.shape)
        if not bool(wrong.any()):
            return factor, direction
        towards = torch.full_like(factor, torch.inf if number % 2 else -torch.inf)
        other = factor
        for _ in range(number + 1):
            other = torch.nextafter(other, towards)
        factor = torch.where(wrong, other, factor)
    direction = torch.where(wrong, target, direction)
    factor = torch.where(wrong, torch.norm_except_dim(direction, 2, 0), factor)
    if bool(differs(factor, direction).any()):
        raise UnsupportedLayer(
            "a weight norm rounds what is left of its weights differently",
            "Call torch.nn.utils.remove_weight_norm(block.synapse) before finishing.",
        )
    return factor, direction


def current_weight(synapse: Any) -> torch.Tensor:
    """Return a synapse's weight before quantisation, without a history."""
    with torch.no_grad():
        return weight_of(synapse).detach()
