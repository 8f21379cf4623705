"""lava-dl's CUBA neuron in two scans, one forwards and one backwards.

Equal to ``neuron(weighted)`` of lava-dl 0.6.0 on a CPU, wherever it runs:

* **forward, bit for bit**, in evaluation and in training. Integers throughout, truncated towards
  zero as in lava-dl's ``_LIDynamics``; the threshold is compared as float32, as torch does it; the
  batch mean of the norm has lava-dl's bits too (:mod:`loihi_sca.slayer.dynamics.norm` says why).
* **gradient, to float rounding.** That of lava-dl: the surrogate at the voltage before reset, no
  gradient through the reset, straight through quantisation, through the batch mean as well.

State that leaves the range of exact 32-bit arithmetic is noticed, and the batch is then computed
by lava-dl itself, with its 64 bits; so is what is not float32. On CUDA it is lava-dl's Python that
does it, not its kernels (:mod:`loihi_sca.slayer.dynamics.wide` says why).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from loihi_sca.slayer.dynamics import layout, wide
from loihi_sca.slayer.dynamics.activity import ChannelActivity
from loihi_sca.slayer.dynamics.devices import scans_on
from loihi_sca.slayer.dynamics.scanning import SCALE, Scan, Scans, Setting
from loihi_sca.slayer.lava import slayer

TAU_FACTOR = 100
HEIGHT_FACTOR = 0.1
"""lava-dl's ``TAU_RHO_MULT`` and ``SCALE_RHO_MULT``."""


@dataclass(frozen=True)
class Fired:
    """What a forward pass brought.

    Attributes
    ----------
    spikes : tensor (N, C, ..., T)
        Gated; laid out time-first.
    activity : Activity or None
        If it was asked for.
    """

    spikes: torch.Tensor
    activity: ChannelActivity | None = None


def obstacle(neuron: torch.nn.Module) -> str | None:
    """Say why a neuron cannot be computed here, None if it can."""
    if not isinstance(neuron, slayer.neuron.cuba.Neuron):
        return f"neuron {type(neuron).__name__} is not CUBA"
    if not (neuron.norm is None or type(neuron.norm) is slayer.neuron.norm.MeanOnlyBatchNorm):
        return f"norm {type(neuron.norm).__name__} has no fused version"
    if neuron.s_scale != SCALE or neuron.p_scale != SCALE:
        return f"scale {neuron.w_scale} is not 64"
    if neuron.threshold is None or neuron.threshold <= 0:
        return f"threshold {neuron.threshold} never spikes"
    for option in ("graded_spike", "persistent_state", "debug"):
        if getattr(neuron, option):
            return f"{option} has no fused version"
    return None


def fire(
    neuron: Any, weighted: torch.Tensor, *, gate: torch.Tensor | None = None, watch: bool = False
) -> Fired:
    """Compute the spikes of CUBA neurons.

    Parameters
    ----------
    neuron : lava-dl CUBA neuron
        One without :func:`obstacle`.
    weighted : float32 tensor (N, C, ..., T)
        Weighted spikes; the layout does not matter, but time-first saves a copy.
    gate : tensor (C,), optional
        Factor of each channel's spikes.
    watch : bool
        Whether to measure the activity.
    """
    _adopt_shape(neuron, weighted.shape[1:-1])
    if neuron.requires_grad:
        neuron.clamp()
    channels = weighted.shape[1]
    done = None
    scans = scans_on(weighted.device)
    if scans is not None and weighted.dtype == torch.float32 and weighted.numel():
        with torch.no_grad():
            rows = layout.rows(weighted.detach())
            done = scans.forward(neuron, rows, _factor(gate, weighted), watch)
    if scans is None or done is None:
        return _by_lava(neuron, weighted, gate, watch)
    done.norm.commit(neuron.norm, channels)
    spikes = _Fire.apply(  # type: ignore[no-untyped-call]
        weighted,
        slayer.utils.quantize(neuron.current_decay),
        slayer.utils.quantize(neuron.voltage_decay),
        gate,
        done,
        neuron,
        scans,
    )
    return Fired(spikes if neuron.drop is None else neuron.drop(spikes), done.activity)


def _adopt_shape(neuron: Any, shape: torch.Size) -> None:
    """Take the shape of the first input and draw the decays from their ranges, as lava-dl does."""
    if neuron.shape is not None:
        return
    neuron.shape = shape
    neuron.num_neurons = int(np.prod(shape))
    if neuron.shared_param:
        return
    for name in ("current_decay", "voltage_decay"):
        low, high = getattr(neuron, f"{name}_min"), getattr(neuron, f"{name}_max")
        drawn = low + (high - low) * torch.rand(shape[0], dtype=torch.float).to(neuron.device)
        getattr(neuron, name).data = neuron.p_scale * drawn
        delattr(neuron, f"{name}_min")
        delattr(neuron, f"{name}_max")


def _factor(gate: torch.Tensor | None, weighted: torch.Tensor) -> torch.Tensor:
    """Return the factor of each channel's spikes."""
    return weighted.new_ones(weighted.shape[1]) if gate is None else gate.detach()


def _by_lava(neuron: Any, weighted: torch.Tensor, gate: torch.Tensor | None, watch: bool) -> Fired:
    """Compute what :func:`fire` does with lava-dl's own functions."""
    if weighted.is_cuda:
        voltage = wide.voltage(neuron, weighted)
    else:
        _, voltage = neuron.dynamics(weighted.contiguous())
    spikes = neuron.spike(voltage)
    activity = None
    if watch:
        by_channel = voltage.detach().transpose(0, 1).flatten(1) / neuron.threshold
        fired = by_channel >= 1 + neuron.threshold_eps / neuron.threshold
        size = by_channel.abs()
        resting = size.clamp(max=1 + neuron.threshold_eps / neuron.threshold).masked_fill(fired, 0)
        means = (fired.float(), size, by_channel.clamp(min=0), resting)
        activity = ChannelActivity(*(m.mean(dim=1) for m in means))
    if gate is not None:
        spikes = spikes * gate.reshape(-1, *[1] * (spikes.dim() - 2))
    return Fired(spikes, activity)


class _Fire(torch.autograd.Function):
    """Puts a scan into torch's graph."""

    @staticmethod
    def forward(
        ctx: Any,
        weighted: torch.Tensor,
        current_decay: torch.Tensor,
        voltage_decay: torch.Tensor,
        gate: torch.Tensor | None,
        done: Scan,
        neuron: Any,
        scans: Scans,
    ) -> torch.Tensor:
        channels = weighted.shape[1]
        tau = neuron.tau_rho * TAU_FACTOR
        ctx.scans = scans
        ctx.setting = Setting(
            keep_u=_share(current_decay, channels),
            keep_v=_share(voltage_decay, channels),
            gate=_factor(gate, weighted).clone(),
            level=np.float32(neuron.threshold + neuron.threshold_eps),
            slope=np.float32(1 / tau),
            height=np.float32(neuron.scale_rho * HEIGHT_FACTOR / 2 / tau),
            learn_voltage_decay=voltage_decay.requires_grad,
            norm=done.norm,
        )
        ctx.decays_are_shared = current_decay.numel() == 1
        ctx.save_for_backward(done.voltage, done.current)
        return done.spikes

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        voltage, current = ctx.saved_tensors
        found = ctx.scans.backward(ctx.setting, layout.rows(gradient), voltage, current)
        decays = []
        for values in (found.current_decay, found.voltage_decay):
            of_decay = values.float()
            decays.append(of_decay.sum(dim=0, keepdim=True) if ctx.decays_are_shared else of_decay)
        gate = found.gate.float() if ctx.needs_input_grad[3] else None
        return layout.from_rows(found.weighted), *decays, gate, None, None, None


def _share(decay: torch.Tensor, channels: int) -> torch.Tensor:
    """Return the share of a state that each channel keeps per step, in float32 as lava-dl does."""
    kept: torch.Tensor = 1 - decay.detach() / SCALE
    return kept.expand(channels).clone(memory_format=torch.contiguous_format)
