"""What training minimises: cross-entropy on spike counts, and a recipe's penalties."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
from torch.nn import functional

from loihi_sca.config import TrainingConfig
from loihi_sca.model.blocks import Gated, SCAConv, SCADense
from loihi_sca.model.build import SpikingNet
from loihi_sca.model.residual import Residual
from loihi_sca.model.selective import Selection, SelectiveConv
from loihi_sca.model.stream import StreamNeurons, Weighting
from loihi_sca.slayer.lava import slayer

Link: TypeAlias = tuple[str, torch.nn.Module, torch.nn.Module]
"""Name of a block that sends spikes, the block, and one that hears it."""


class Loss:
    """The loss of a recipe for a model.

    ``cross_entropy(counts) + l1 sum |w| + synops S``, where ``S`` is the mean share of the
    network's synapses that a timestep uses: the expected synaptic operations, weighted as the chip
    counts them. It can be learnt from because spike counts have a gradient.

    Parameters
    ----------
    model : SpikingNet
        Its blocks are listened to if the recipe penalises synops.
    config : TrainingConfig
        Coefficients.
    """

    def __init__(self, model: SpikingNet, config: TrainingConfig) -> None:
        self.model, self.config = model, config
        self._rates: dict[str, torch.Tensor] = {}
        self._links = list(_links_of(model)) if config.synops else []
        for name, sender in {name: sender for name, sender, _ in self._links}.items():
            sender.register_forward_hook(self._note(name))

    def __call__(self, counts: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of output spike counts (N, classes) of the latest forward pass."""
        loss = functional.cross_entropy(counts, labels, label_smoothing=self.config.label_smoothing)
        if self.config.l1:
            loss = loss + self.config.l1 * self.absolute_weight()
        if self.config.synops:
            loss = loss + self.config.synops * self.synapse_use()
            # they hold the graph, and with it the shapes that parameters had in this step
            self._rates.clear()
        return loss

    def absolute_weight(self) -> torch.Tensor:
        """Return the sum of absolute weights of the convolutions."""
        synapses = [m for m in self.model.modules() if isinstance(m, slayer.synapse.Conv)]
        weights = (synapse.weight.abs().sum() for synapse in synapses)
        return torch.stack([torch.zeros((), device=self.model.device), *weights]).sum()

    def synapse_use(self) -> torch.Tensor:
        """Return the mean share of synapses between blocks that a timestep uses."""
        used, there = torch.zeros((), device=self.model.device), 0.0
        for name, sender, listener in self._links:
            rates = self._rates[name]
            if isinstance(sender, Selection) and isinstance(listener, SelectiveConv):
                rates = sender.of_gates(rates) * sender.gate.detach()[:, None, None]
            synapses = _fan_out(listener) * rates.numel()
            used = used + rates.mean() * synapses
            there += synapses
        return used / max(there, 1.0)

    def _note(self, name: str) -> Callable[..., None]:
        def hook(_module: object, _inputs: object, spikes: torch.Tensor) -> None:
            # mean over samples and time: the rate of every neuron
            self._rates[name] = spikes.mean(dim=(0, -1))

        return hook


def _links_of(model: SpikingNet) -> Iterator[Link]:
    """Yield who hears whom; pooling in between, which costs little, is left out."""
    sender: tuple[str, torch.nn.Module] | None = None
    for name, block in model.named_children():
        if isinstance(block, Residual):
            yield f"{name}.select", block.select, block.conv1
            if block.shortcut is not None:
                yield f"{name}.select", block.select, block.shortcut
            yield f"{name}.conv1", block.conv1, block.conv2
        if sender is not None and isinstance(block, Gated | Weighting):
            yield *sender, block
        if isinstance(block, Gated | StreamNeurons):
            sender = name, block
        elif isinstance(block, Residual | Weighting):  # who sends what is on the stream is known
            sender = None


def _fan_out(block: torch.nn.Module) -> float:
    """Return the synapses that a spike into a block reaches, borders left out."""
    if isinstance(block, SCADense):
        return float(block.alive.sum())
    synapse, channels = block, 0
    if isinstance(block, SCAConv):
        synapse, channels = block.synapse, int(block.alive.sum())
    elif isinstance(block, Weighting):
        channels = block.out_channels
    else:
        return 0.0
    kernel, stride = synapse.kernel_size[:2], synapse.stride[:2]
    return float(kernel[0] * kernel[1] / (stride[0] * stride[1]) * channels)
