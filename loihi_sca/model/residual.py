"""Residual blocks that train and prune, by the rule of SCA for such networks.

The stream carries weighted spikes, which is what adds up exactly in integers; neurons stand before
a convolution instead of behind it, as in the pre-activation networks of He et al., ECCV 2016, and
the membrane shortcut of Hu et al., IEEE TNNLS 2024::

    stream ──┬─ select ──┬─ conv1 ── conv2 ──(+)── stream
             │           └─ shortcut ────────┤
             └───────── or as it is ─────────┘

``select`` are neurons without synapses, whose gates say to which channels of the stream ``conv1``
listens; ``conv1`` is a convolution with neurons and gates like any other; ``conv2`` and, where the
stream changes its shape, ``shortcut`` only weight spikes. So the width of the stream is never
pruned: what a gate of ``select`` silences is heard by the shortcut all the same, and ``conv2``
keeps all its outputs.

A selecting gate multiplies the quantised weights that listen to its channel. That is the same as
multiplying the channel's spikes, in the loss and in the gate's gradient, but for one listener only.

Without memory of weights of their own, neurons that read a stream norm its sum by its mean, which
becomes their bias. A batch norm stands behind every convolution instead, as in Hu et al., so that
it folds into that one's weights. What adds up has to be in the same units: all convolutions on a
stream and all neurons that read it share one gain (:class:`Thresholds`), up to the next shortcut,
behind which the stream begins anew. A reader's bias is the sum of those on the stream, each of
which leaves room for those before it, so that no sum goes beyond 13 bits.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from loihi_sca.config import NeuronConfig, Norm
from loihi_sca.model.batch_norm import Thresholds
from loihi_sca.model.selective import Selection, SelectiveConv
from loihi_sca.model.stream import StreamNeurons, Weighting


class Residual(torch.nn.Module):
    """A residual block; see the module's text.

    Parameters
    ----------
    in_channels, channels : int
        Width of the stream before and behind it.
    stride : int
        Of the first convolution, and of the shortcut.
    neuron, norm, weight_scale, prunable
        As in :class:`loihi_sca.model.blocks.Spiking`.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        stride: int = 1,
        neuron: NeuronConfig,
        norm: Norm = True,
        weight_scale: float = 1.0,
        prunable: bool = True,
    ) -> None:
        super().__init__()
        changes = stride != 1 or channels != in_channels
        self.select = Selection(
            in_channels, neuron=neuron, norm=norm, prunable=prunable, shared=changes
        )
        self.conv1 = SelectiveConv(
            self.select, channels, 3, stride=stride, padding=1, neuron=neuron, norm=norm,
            weight_scale=weight_scale, prunable=prunable,
        )  # fmt: skip
        self.conv2 = Weighting(
            channels, channels, 3, padding=1, weight_scale=weight_scale, norm=norm
        )
        self.shortcut = (
            Weighting(in_channels, channels, 1, stride=stride, weight_scale=weight_scale, norm=norm)
            if changes
            else None
        )

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        """Return the stream (N, C, H, W, T) with what the block adds."""
        spikes = self.select(stream)
        carried = stream if self.shortcut is None else self.shortcut(spikes)
        added: torch.Tensor = carried + self.conv2(self.conv1(spikes))
        return added


def join_streams(blocks: Iterable[torch.nn.Module]) -> None:
    """Tell the convolutions on residual streams who reads them, for batch norms to share gains.

    Parameters
    ----------
    blocks : iterable of module
        In the order in which they run.
    """
    last: Weighting | None = None
    readers = Thresholds()
    for block in blocks:
        if isinstance(block, Weighting):
            last, readers = block, Thresholds()
            block.join(None, readers)
        elif isinstance(block, Residual):
            readers.add(block.select.neuron)
            if block.shortcut is not None:
                last, readers = block.shortcut, Thresholds()
                block.shortcut.join(None, readers)
            block.conv2.join(last, readers)
            last = block.conv2
        elif isinstance(block, StreamNeurons):
            readers.add(block.neuron)
