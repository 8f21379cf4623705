"""What training minimises: cross-entropy on spike counts, and a recipe's penalties."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch.nn import functional

from loihi_sca.config import TrainingConfig
from loihi_sca.slayer.blocks import SCAConv, SCADense
from loihi_sca.slayer.zoo import SpikingNet


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
        if config.synops:
            for name, block in model.gated:
                block.register_forward_hook(self._note(name))

    def __call__(self, counts: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of output spike counts (N, classes) of the latest forward pass."""
        loss = functional.cross_entropy(counts, labels, label_smoothing=self.config.label_smoothing)
        if self.config.l1:
            loss = loss + self.config.l1 * self.absolute_weight()
        if self.config.synops:
            loss = loss + self.config.synops * self.synapse_use()
        return loss

    def absolute_weight(self) -> torch.Tensor:
        """Return the sum of absolute weights of the convolutions."""
        weights = [b.synapse.weight for _, b in self.model.gated if isinstance(b, SCAConv)]
        none = torch.zeros((), device=self.model.device)
        return torch.stack([none, *(w.abs().sum() for w in weights)]).sum()

    def synapse_use(self) -> torch.Tensor:
        """Return the mean share of synapses between blocks that a timestep uses."""
        used, there = torch.zeros((), device=self.model.device), 0.0
        blocks = list(self.model.gated)
        for (name, _), (_, following) in itertools.pairwise(blocks):
            synapses = _fan_out(following) * self._rates[name].numel()
            used = used + self._rates[name].mean() * synapses
            there += synapses
        return used / max(there, 1.0)

    def _note(self, name: str) -> Callable[..., None]:
        def hook(_module: object, _inputs: object, spikes: torch.Tensor) -> None:
            # mean over samples and time: the rate of every neuron
            self._rates[name] = spikes.mean(dim=(0, -1))

        return hook


def _fan_out(block: object) -> float:
    """Return the synapses that a spike into a block reaches, borders left out."""
    if isinstance(block, SCAConv):
        kernel, stride = block.synapse.kernel_size[:2], block.synapse.stride[:2]
        taps = kernel[0] * kernel[1] / (stride[0] * stride[1])
        return float(taps * int(block.alive.sum()))
    return float(block.alive.sum()) if isinstance(block, SCADense) else 0.0
