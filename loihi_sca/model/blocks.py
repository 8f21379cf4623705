"""SLAYER CUBA blocks whose channels can be switched off and on again.

:class:`SCAConv` and :class:`SCADense` are lava-dl's own ``slayer.block.cuba`` blocks with three
additions, all of which vanish or turn into integers on export:

* a **gate** per channel, 0 or 1, that multiplies the block's output spikes. A gate of 0 is what
  removing the channel means, and ``|dL/dgate|`` stays non-zero for it: that is how a pruned
  channel can ask to come back.
* a learnable **scale** per channel that multiplies the weight *before* quantisation, so that the
  exported integers contain it.
* an **observer** that is told what every channel did in a forward pass. The sums are taken inside
  the neuron's own scan (:mod:`loihi_sca.slayer.dynamics`), so that scores cost next to nothing.

The blocks never shift their output in time (``delay_shift=False``): that is the schedule in which
SLAYER and the chip agree bit for bit, biases included.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from typing_extensions import override

from loihi_sca.config import NeuronConfig, Norm
from loihi_sca.model.batch_norm import MANTISSA, BatchNorm, Thresholds
from loihi_sca.model.normed import Normed
from loihi_sca.slayer.dynamics import ChannelActivity, Fired, connect, convolve, fire, flatten
from loihi_sca.slayer.lava import slayer

Observer: TypeAlias = Callable[["Gated", ChannelActivity], None]
"""Called as ``observer(block, activity)`` in every training pass."""


def slayer_neuron(neuron: NeuronConfig, norm: Norm) -> dict[str, Any]:
    """Return the ``neuron_params`` of a lava-dl block; a batch norm is not its neuron's."""
    return {
        **neuron.model_dump(),
        "norm": slayer.neuron.norm.MeanOnlyBatchNorm if norm is True else None,
    }


def widen_norm(neuron: Any, channels: int) -> None:
    """Tell a norm its width, which lava-dl's learns in the first forward pass only.

    A checkpoint needs it before.
    """
    if neuron.norm is not None:
        neuron.norm.num_features = channels
        neuron.norm.running_mean = torch.zeros(channels)


class Gated(Normed):
    """What the gated blocks have in common; mixed in before a lava-dl block.

    Attributes
    ----------
    gate : tensor (C,) with a gradient
        1 for a channel that is alive, 0 for one that is pruned. Not to be given to an optimizer.
    scale, batch_norm
        See :class:`loihi_sca.model.normed.Normed`; of our own blocks only.
    prunable : bool
        False keeps every channel, as for the read-out layer, whose channels are the classes.
    observer : callable or None
        See :data:`Observer`; called in training mode only.
    """

    neuron: Any
    gate: torch.Tensor

    def _add_gate(self, channels: int, prunable: bool, norm: Norm) -> None:
        self.gate = torch.nn.Parameter(torch.ones(channels))
        self.scale = torch.nn.Parameter(torch.ones(channels))
        self.prunable = prunable
        self.observer: Observer | None = None
        widen_norm(self.neuron, channels)
        self.batch_norm = BatchNorm(channels, Thresholds(self.neuron)) if norm == "batch" else None

    @property
    def channels(self) -> int:
        """Number of channels, pruned ones included."""
        return self.gate.numel()

    @property
    def alive(self) -> torch.Tensor:
        """Bool tensor (C,): the channels that are not pruned."""
        return self.gate.detach() > 0

    @property
    @override
    def counted(self) -> torch.Tensor:
        return self.alive

    @property
    def own_parameters(self) -> tuple[tuple[torch.nn.Parameter, int], ...]:
        """Parameters of single channels, each with its axis of channels."""
        own = (self.synapse.weight, 0), (self.scale, 0)
        return own if self.batch_norm is None else (*own, (self.batch_norm.beta, 0))

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Return the spikes (N, C, ..., T) that spikes of the layer before cause."""
        observer = self.observer if self.training else None
        fired = self._fire(self.current(spikes), watch=observer is not None)
        if observer is not None and fired.activity is not None:
            observer(self, fired.activity)
        return fired.spikes

    def _fire(self, weighted: torch.Tensor, watch: bool) -> Fired:
        return fire(self.neuron, weighted, gate=self.gate, watch=watch)


class Spiking(Gated):
    """What gated blocks of spiking neurons have in common; mixed in before a lava-dl CUBA block.

    Parameters
    ----------
    sizes, window : int
        As lava-dl's block takes them.
    neuron : NeuronConfig
        Neuron parameters.
    norm : bool or "batch"
        Subtract the running mean of the current, which becomes an integer bias on export, or norm
        it by mean and variance (:mod:`loihi_sca.model.batch_norm`).
    weight_scale : float
        Factor of the initial weights.
    prunable : bool
        Whether channels may be pruned.
    """

    def __init__(
        self,
        *sizes: int,
        neuron: NeuronConfig | None = None,
        norm: Norm = True,
        weight_scale: float = 1.0,
        prunable: bool = True,
        **window: int,
    ) -> None:
        params = slayer_neuron(neuron or NeuronConfig(), norm)
        super().__init__(params, *sizes, weight_scale=weight_scale, delay_shift=False, **window)
        self._add_gate(self.synapse.out_channels, prunable, norm)


class SCAConv(Spiking, slayer.block.cuba.Conv):  # type: ignore[misc]
    """Convolution with gated channels.

    Parameters
    ----------
    in_channels, out_channels, kernel, stride, padding
        As in ``slayer.block.cuba.Conv``.
    neuron, norm, weight_scale, prunable
        As in :class:`Spiking`.
    """

    def _weighted(self, spikes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return convolve(spikes, weight, self.synapse)


class SCADense(Spiking, slayer.block.cuba.Dense):  # type: ignore[misc]
    """All-to-all connection with gated neurons; a neuron is a channel here.

    Parameters
    ----------
    in_neurons, out_neurons
        As in ``slayer.block.cuba.Dense``.
    neuron, norm, weight_scale, prunable
        As in :class:`Spiking`.
    """

    def _weighted(self, spikes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return connect(spikes, weight)


class Flatten(slayer.block.cuba.Flatten):  # type: ignore[misc]
    """Reshape (N, C, H, W, T) to (N, C*H*W, T), C-major."""

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Return the spikes in their new shape."""
        self.shape = [math.prod(spikes.shape[1:-1]), 1, 1]
        return flatten(spikes)


class SumPool(slayer.block.cuba.Pool):  # type: ignore[misc]
    """Spikes of a window add up in one neuron, channel by channel.

    Parameters
    ----------
    kernel : int
        Edge of the window, and the stride.
    neuron : NeuronConfig
        Neuron parameters.
    weight : float
        Of every spike, in thresholds.
    """

    def __init__(self, kernel: int, *, neuron: NeuronConfig, weight: float) -> None:
        super().__init__(slayer_neuron(neuron, False), kernel, delay_shift=False)
        self.synapse.weight.data.fill_(weight * neuron.threshold)


class ValueInput(slayer.block.cuba.Input):  # type: ignore[misc]
    """Neurons that values drive, as on the chip, where they enter as bias mantissas.

    Takes the very integers that go to the chip, 64 for a threshold of 1.
    """

    def __init__(self, neuron: NeuronConfig) -> None:
        # the bias bypasses the current: only without memory of it is that the same
        direct = neuron.model_copy(update={"current_decay": 1.0})
        super().__init__(slayer_neuron(direct, False), delay_shift=False)
        # mantissas are whole already; lava-dl would round them to even ones
        self.pre_hook_fx = _as_it_is

    def forward(self, mantissas: torch.Tensor) -> torch.Tensor:
        """Return the spikes (N, C, H, W, T) that bias mantissas of the same shape cause."""
        spikes: torch.Tensor = super().forward(mantissas / MANTISSA)
        return spikes


def _as_it_is(values: torch.Tensor) -> torch.Tensor:
    return values
