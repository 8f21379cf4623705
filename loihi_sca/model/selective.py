"""Neurons that read a residual stream, and the one convolution that listens to some of them."""

from __future__ import annotations

from typing import Any

import torch
from typing_extensions import override

from loihi_sca.config import NeuronConfig, Norm
from loihi_sca.model.blocks import Gated, SCAConv, slayer_neuron
from loihi_sca.slayer.dynamics import ChannelActivity, convolve, fire, layout
from loihi_sca.slayer.lava import slayer


class Selection(Gated):
    """Neurons that read a stream, and gates for the one convolution that listens to them.

    Parameters
    ----------
    channels : int
        Width of the stream.
    neuron, norm, prunable
        As in :class:`loihi_sca.model.blocks.Spiking`.
    shared : bool
        The shortcut hears the spikes as well, so that neurons stay when their gate is removed.

    Attributes
    ----------
    gate, scale : parameter (C,)
        Factors of the weights that listen to each channel, behind and before quantisation.
    kept : int64 buffer (C,)
        Channels of the stream that the gates stand for; all, until some are removed.
    """

    def __init__(
        self, channels: int, *, neuron: NeuronConfig, norm: Norm, prunable: bool, shared: bool
    ) -> None:
        super().__init__()
        self.neuron = slayer.neuron.cuba.Neuron(**slayer_neuron(neuron, norm))
        self._add_gate(channels, prunable, norm is True)
        self.register_buffer("kept", torch.arange(channels))
        self.kept: torch.Tensor
        self.shared = shared
        # in a tuple: torch would take it for a part of this module
        self._listeners: tuple[SelectiveConv, ...] = ()

    def bind(self, listener: SelectiveConv) -> None:
        """Say who listens."""
        self._listeners = (listener,)

    @property
    @override
    def quantized_weight(self) -> torch.Tensor:
        """Scaled and quantised weights (C, C_out, kh, kw, 1) that listen to each channel."""
        return self._listeners[0].quantized_weight.transpose(0, 1)

    @property
    @override
    def own_parameters(self) -> tuple[tuple[torch.nn.Parameter, int], ...]:
        return (self._listeners[0].synapse.weight, 1), (self.scale, 0)

    @override
    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        """Return the spikes (N, C, H, W, T), ungated, of all channels that somebody hears."""
        observer = self.observer if self.training else None
        heard = stream if self.shared else self._picked(stream)
        fired = fire(self.neuron, heard, watch=observer is not None)
        if observer is not None and fired.activity is not None:
            sums = {name: self.of_gates(values) for name, values in fired.activity.seen().items()}
            observer(self, ChannelActivity(**sums))
        return fired.spikes

    def of_gates(self, values: torch.Tensor) -> torch.Tensor:
        """Return, of values (C, ...) per channel that spikes, those of channels with a gate."""
        if len(values) == self.channels:
            return values
        return values[self.kept.to(values.device)]

    def selected(self, spikes: torch.Tensor) -> torch.Tensor:
        """Return, of the spikes that :meth:`forward` gave, those of channels with a gate."""
        return self._picked(spikes) if self.shared else spikes

    def _picked(self, values: torch.Tensor) -> torch.Tensor:
        if len(self.kept) == values.shape[1]:
            return values
        picked: torch.Tensor = _Pick.apply(values, self.kept)  # type: ignore[no-untyped-call]
        return picked


class SelectiveConv(SCAConv):
    """A convolution that listens to some of the channels that a :class:`Selection` offers.

    Parameters
    ----------
    select : Selection
        Before it.
    out_channels, kernel, options
        As in :class:`loihi_sca.model.blocks.SCAConv`.
    """

    def __init__(self, select: Selection, out_channels: int, kernel: int, **options: Any) -> None:
        super().__init__(select.channels, out_channels, kernel, **options)
        self._select = (select,)
        select.bind(self)

    @property
    @override
    def float_weight(self) -> torch.Tensor:
        weight: torch.Tensor = self.synapse.weight
        return weight * self._select[0].scale[:, None, None, None]

    @override
    def _weighted(self, spikes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        select = self._select[0]
        heard = weight * select.gate[:, None, None, None]
        return convolve(select.selected(spikes), heard, self.synapse)


class _Pick(torch.autograd.Function):
    """Some channels of a time-first tensor; torch's own gradient strides through all of it."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(kept)
        ctx.channels = values.shape[1]
        return layout.from_rows(layout.rows(values).index_select(-1, kept))

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (kept,) = ctx.saved_tensors
        rows = layout.rows(gradient)
        full = rows.new_zeros((*rows.shape[:-1], ctx.channels))
        full[..., kept] = rows
        return layout.from_rows(full), None
