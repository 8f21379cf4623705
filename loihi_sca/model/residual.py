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

from collections.abc import Callable, Iterable
from typing import Any

import torch
from typing_extensions import override

from loihi_sca.config import NeuronConfig, Norm
from loihi_sca.model.batch_norm import MANTISSA, BatchNorm, Thresholds, held_bias
from loihi_sca.model.blocks import Gated, SCAConv, slayer_neuron, widen_norm
from loihi_sca.model.normed import Normed
from loihi_sca.slayer.dynamics import ChannelActivity, convolve, fire, layout
from loihi_sca.slayer.lava import slayer


def quantize_8bit(weight: torch.Tensor) -> torch.Tensor:
    """Return weights as lava-dl's ``neuron.quantize_8bit`` does, for synapses without a neuron."""
    quantized: torch.Tensor = slayer.utils.quantize(weight, step=2 / MANTISSA)
    return quantized.clamp(-256 / MANTISSA, 254 / MANTISSA)


class Weighting(Normed, slayer.synapse.Conv):  # type: ignore[misc]
    """A convolution of spikes without neurons, with 8 bit weights.

    Parameters
    ----------
    in_channels, out_channels, kernel, stride, padding, weight_scale
        As in :class:`loihi_sca.model.blocks.SCAConv`.
    norm : bool or "batch"
        With ``"batch"`` the weighted spikes are normed; :func:`join_streams` has to say who reads
        them. Otherwise it is the readers that have a norm, or none.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        weight_scale: float = 1.0,
        norm: Norm = False,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel, stride=stride, padding=padding,
            weight_scale=weight_scale, pre_hook_fx=quantize_8bit,
        )  # fmt: skip
        self.batch_norm = None
        # in a tuple: torch would take it for a part of this module
        self._before: tuple[Weighting, ...] = ()
        if norm == "batch":
            self.scale = torch.nn.Parameter(torch.ones(out_channels))
            self.batch_norm = BatchNorm(out_channels, Thresholds())

    def join(self, before: Weighting | None, thresholds: Thresholds) -> None:
        """Say which one adds to the stream before this one, and who reads what is added."""
        self._before = () if before is None else (before,)
        if self.batch_norm is not None:
            self.batch_norm.thresholds = thresholds

    @property
    @override
    def weighing(self) -> Any:
        return self

    @property
    @override
    def counted(self) -> torch.Tensor:
        return torch.ones_like(self.weight[:, 0, 0, 0, 0], dtype=torch.bool)

    @property
    @override
    def weight_factor(self) -> torch.Tensor:
        if self.batch_norm is None:
            return torch.ones_like(self.weight[:, 0, 0, 0, 0])
        return super().weight_factor

    @property
    @override
    def folded_bias(self) -> torch.Tensor:
        return self._sum_of_biases() - self._before_it(Weighting._sum_of_biases)

    @override
    def needed_bias(self) -> torch.Tensor:
        return super().needed_bias() + self._before_it(Weighting.needed_bias)

    def _sum_of_biases(self) -> torch.Tensor:
        """Return the bias (C,) of neurons that read the stream behind it, within 13 bits."""
        before = self._before_it(Weighting._sum_of_biases)
        if self.batch_norm is None:
            return before
        return held_bias(self.batch_norm.rounded_shift(self.scale) + before)

    def _before_it(self, found: Callable[[Weighting], torch.Tensor]) -> torch.Tensor:
        return found(self._before[0]) if self._before else torch.zeros_like(self.scale)

    @override
    def _weighted(self, spikes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return convolve(spikes, weight, self)

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Return the weighted spikes (N, C, H, W, T)."""
        return self.current(spikes)


class StreamNeurons(torch.nn.Module):
    """The neurons at the end of a residual stream of so many channels."""

    def __init__(self, channels: int, *, neuron: NeuronConfig, norm: Norm) -> None:
        super().__init__()
        self.neuron = slayer.neuron.cuba.Neuron(**slayer_neuron(neuron, norm))
        widen_norm(self.neuron, channels)

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        """Return the spikes (N, C, H, W, T) that weighted spikes of the same shape cause."""
        return fire(self.neuron, stream).spikes


class Selection(Gated):
    """Neurons that read a stream, and gates for the one convolution that listens to them.

    Parameters
    ----------
    channels : int
        Width of the stream.
    neuron, norm, prunable
        As in :class:`loihi_sca.model.blocks.SCAConv`.
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


class Residual(torch.nn.Module):
    """A residual block; see the module's text.

    Parameters
    ----------
    in_channels, channels : int
        Width of the stream before and behind it.
    stride : int
        Of the first convolution, and of the shortcut.
    neuron, norm, weight_scale, prunable
        As in :class:`loihi_sca.model.blocks.SCAConv`.
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
