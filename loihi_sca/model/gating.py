"""Gates for stock lava-dl blocks: put on in place for as long as a model is pruned, then taken off.

A block keeps its class as a base, its parameters, its state dict and the layout of its outputs; the
gate is a buffer that neither the state dict nor an optimizer knows of. What the block computes is
what it computed before, times the gate.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch.nn.utils.weight_norm import WeightNorm
from typing_extensions import override

from loihi_sca.model import fast_blocks
from loihi_sca.model.blocks import Gated
from loihi_sca.model.kinds import CONV, DENSE, RECURRENT
from loihi_sca.model.sigma_delta import is_graded, send
from loihi_sca.slayer.dynamics import Fired

B = TypeVar("B", bound=torch.nn.Module)


class GatedStock(Gated):
    """Mixed in before the class of a stock Conv or Dense block, by :func:`add_gate`."""

    delay: Any
    delay_shift: bool
    count_log: bool
    former: type[torch.nn.Module]
    batch_norm = None

    @property
    @override
    def quantized_weight(self) -> torch.Tensor:
        weight, hook = weight_of(self.synapse), self.synapse.pre_hook_fx
        quantized: torch.Tensor = weight if hook is None else hook(weight)
        return quantized

    @property
    @override
    def own_parameters(self) -> tuple[tuple[torch.nn.Parameter, int], ...]:
        neuron = self.neuron
        learnt = [neuron.current_decay, neuron.voltage_decay] if not is_graded(self) else []
        if self.delay is not None:
            learnt.append(self.delay.delay)
        # what is drawn in the first forward pass has one element until then
        per_channel = [p for p in learnt if p.requires_grad and p.numel() == self.channels > 1]
        return tuple((p, 0) for p in (*weights_of(self.synapse), *per_channel))

    @override
    def forward(self, spikes: torch.Tensor) -> Any:
        mask = getattr(self, "mask", None)
        if mask is not None:
            self.synapse.weight.data *= mask
        fired = super().forward(spikes)
        if self.delay_shift:
            fired = fast_blocks.shifted(fired)
        if not issubclass(self.former, fast_blocks.Block) or self.delay is not None:
            fired = fired.contiguous()
        if self.delay is not None:
            fired = self.delay(fired)
        return (fired, (fired > 0).to(fired.dtype).mean()) if self.count_log else fired

    @override
    def _fire(self, weighted: torch.Tensor, watch: bool) -> Fired:
        if not is_graded(self):
            return super()._fire(weighted, watch)
        return send(self.neuron, weighted, self.gate, watch)

    @override
    def current(self, spikes: torch.Tensor) -> torch.Tensor:
        weighted: torch.Tensor = self.synapse(spikes)
        return weighted

    @override
    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Any:
        # torch moves buffers with a history, and the gate has to stay a leaf
        moved = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._buffers["gate"] = self.gate.detach().requires_grad_()
        return moved


def add_gate(block: Any) -> Gated:
    """Turn a stock block into a gated one, in place; a gated one stays as it is.

    Of Conv, Dense and Recurrent, see :func:`is_gateable`.
    """
    if isinstance(block, Gated):
        return block
    former, synapse = type(block), synapse_of(block)
    gate = torch.ones(int(synapse.out_channels), device=synapse.weight.device)
    block.__class__ = _gated(former)  # type: ignore[arg-type]
    block.former, block.prunable, block.observer = former, True, None
    block.register_buffer("gate", gate.requires_grad_(), persistent=False)
    gated: Gated = block
    return gated


def remove_gate(block: Any) -> None:
    """Turn a block that :func:`add_gate` has changed into what it was."""
    if isinstance(block, GatedStock):
        former = block.former
        for name in ("gate", "former", "prunable", "observer"):
            delattr(block, name)
        block.__class__ = former  # type: ignore[assignment]


@functools.cache
def _gated(former: Any) -> Any:
    mixed_in = GatedStock
    if issubclass(former, RECURRENT):
        from loihi_sca.model.recurrence import GatedRecurrent  # which builds on this module

        mixed_in = GatedRecurrent
    return type(f"Gated{former.__name__}", (mixed_in, former), {"__module__": __name__})


def synapse_of(block: Any) -> Any:
    """Return the synapse of a block from the block before it."""
    return block.input_synapse if isinstance(block, RECURRENT) else block.synapse


def weight_norm_of(synapse: Any) -> WeightNorm | None:
    """Return the hook that normalises a synapse's weight, if there is one."""
    hooks = synapse._forward_pre_hooks.values()
    return next((hook for hook in hooks if isinstance(hook, WeightNorm)), None)


def weight_of(synapse: Any) -> torch.Tensor:
    """Return the weight as the next forward pass computes it, before quantisation."""
    hook = weight_norm_of(synapse)
    weight: torch.Tensor = synapse.weight if hook is None else hook.compute_weight(synapse)
    return weight


def weights_of(synapse: Any) -> tuple[torch.nn.Parameter, ...]:
    """Return the parameters that a synapse's weight is made of, channels first."""
    if weight_norm_of(synapse) is None:
        return (synapse.weight,)
    return synapse.weight_g, synapse.weight_v


def is_gateable(block: torch.nn.Module) -> bool:
    """Tell whether a block has channels of its own that a gate can switch."""
    return isinstance(block, (Gated, *CONV, *DENSE, *RECURRENT))
