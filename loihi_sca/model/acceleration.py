"""Make any lava-dl CUBA network train faster, without touching its code.

::

    network = Network()                    # lava-dl blocks, as in its tutorials
    loihi_sca.slayer.accelerate(network)   # before or after loading weights

Neurons then run in our fused scans and synapses with time folded into the batch:
the same spikes bit for bit, the same gradients to float rounding (see
:mod:`loihi_sca.slayer.dynamics`). Parameters, state dict, export and the shapes of all inputs and
outputs stay as they are; outputs are merely laid out time-first, so use ``reshape`` on them rather
than ``view``. Wherever an option asks for something that has no fast version, lava-dl's own code
runs. On a GPU the scans are Triton kernels: no nvcc, and the spikes of a CPU.
"""

from __future__ import annotations

import logging
from typing import Any, TypeVar

import torch

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.model import fast_blocks
from loihi_sca.slayer import dynamics
from loihi_sca.slayer.lava import slayer

M = TypeVar("M", bound=torch.nn.Module)

_log = logging.getLogger(__name__)


class FastNeuron(slayer.neuron.cuba.Neuron):  # type: ignore[misc]
    """lava-dl's CUBA neuron, computed in fused scans."""

    def forward(self, weighted: torch.Tensor) -> torch.Tensor:
        """Return the spikes (N, C, ..., T)."""
        if dynamics.obstacle(self) is not None:  # an option set since
            spikes: torch.Tensor = super().forward(weighted.contiguous())
            return spikes
        return dynamics.fire(self, weighted).spikes


class FastConv(slayer.synapse.Conv):  # type: ignore[misc]
    """lava-dl's convolution with time folded into the batch."""

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Return the weighted spikes (N, C, H, W, T)."""
        return dynamics.convolve(spikes, _weight(self), self)


class FastDense(slayer.synapse.Dense):  # type: ignore[misc]
    """lava-dl's all-to-all synapse as one matrix product."""

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Return the weighted spikes (N, C, T)."""
        if spikes.dim() != 3:
            weighted: torch.Tensor = super().forward(spikes)
            return weighted
        return dynamics.connect(spikes, _weight(self))


class FastPool(slayer.synapse.Pool):  # type: ignore[misc]
    """lava-dl's sum pooling as a depthwise convolution with time folded into the batch.

    Where windows overlap, leave gaps or do not divide the map, lava-dl's own code mixes channels;
    that is left to it.
    """

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Return the weighted spikes (N, C, H, W, T)."""
        window = self.kernel_size[:2]
        tiles = self.stride[:2] == window and not any(self.padding) and set(self.dilation) == {1}
        divides = all(n % k == 0 for n, k in zip(spikes.shape[2:4], window, strict=True))
        if not (tiles and divides):
            weighted: torch.Tensor = super().forward(spikes)
            return weighted
        return dynamics.pool(spikes, _weight(self))


_FAST: dict[type, type] = {
    slayer.neuron.cuba.Neuron: FastNeuron,
    slayer.synapse.Conv: FastConv,
    slayer.synapse.Dense: FastDense,
    slayer.synapse.Pool: FastPool,
    slayer.block.cuba.Conv: fast_blocks.Conv,
    slayer.block.cuba.Dense: fast_blocks.Dense,
    slayer.block.cuba.Pool: fast_blocks.Pool,
    slayer.block.cuba.Flatten: fast_blocks.Flatten,
}


def accelerate(module: M, *, strict: bool = False) -> M:
    """Replace the neurons and synapses of lava-dl CUBA blocks by fast ones, in place.

    Parameters
    ----------
    module : Module
        A network, a block, or a single neuron or synapse.
    strict : bool
        Refuse if a neuron has no fast version. Otherwise it is left as it is, and a warning is
        logged that names it and says why.

    Returns
    -------
    Module
        The same object.

    Raises
    ------
    UnsupportedLayer
        With ``strict``: nothing has been replaced.
    """
    slow = obstacles(module)
    told = "; ".join(f"{name}: {reason}" for name, reason in slow.items())
    if slow and strict:
        raise UnsupportedLayer(f"no fast version: {told}", "Without strict=True they stay as is.")
    if slow:
        _log.warning("left to lava-dl: %s", told)
    # lava-dl's neurons need its memory layout, so the block around a slow one stays slow as a whole
    owners = [name.rpartition(".")[0] for name in slow]
    for name, part in module.named_modules():
        fast = _FAST.get(type(part))
        if fast is not None and not any(_is_within(name, owner) for owner in owners):
            part.__class__ = fast
    return module


def obstacles(module: torch.nn.Module) -> dict[str, str]:
    """Return the neurons within a module that have no fast version, by name, and why."""
    found = {}
    for name, part in module.named_modules():
        if isinstance(part, slayer.neuron.base.Neuron):
            reason = dynamics.obstacle(part)
            if reason is not None:
                found[name] = reason
    return found


def _is_within(name: str, owner: str) -> bool:
    return not owner or name == owner or name.startswith(owner + ".")


def _weight(synapse: Any) -> torch.Tensor:
    hook = synapse.pre_hook_fx
    weight: torch.Tensor = synapse.weight if hook is None else hook(synapse.weight)
    return weight
