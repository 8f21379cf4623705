"""Take channels out of a model for good, while it is being trained.

A pruned channel that cannot come back costs time and memory and changes nothing: its gate silences
it, so what listens to it adds zeros. Removing it leaves the spikes of all others as they are, bit
for bit. Weights, scales, gates, norms and an optimizer's moments are cut to what is left; the
parameters stay the same objects, so that an optimizer keeps its hold on them.

In a residual block an input that its first convolution does not select is removed from that
convolution only. The stream keeps its width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.model.blocks import Flatten, Gated
from loihi_sca.model.build import SpikingNet
from loihi_sca.model.residual import Residual, StreamNeurons, Weighting
from loihi_sca.slayer.lava import slayer


def remove_pruned(model: SpikingNet, optimizer: torch.optim.Optimizer | None = None) -> None:
    """Remove all channels whose gate is 0.

    Parameters
    ----------
    model : SpikingNet
        Changed in place.
    optimizer : Optimizer, optional
        The one that trains it.

    Raises
    ------
    UnsupportedLayer
        The model has a block that cannot be cut, or one without a channel that is alive.
    """
    keep_channels(model, {name: block.alive for name, block in model.gated}, optimizer)


def narrow_to(model: SpikingNet, channels: Mapping[str, int]) -> None:
    """Give blocks as many channels as a checkpoint has, before its tensors are loaded.

    Parameters
    ----------
    model : SpikingNet
        Changed in place; which channels go is of no importance.
    channels : mapping of block name to int
        For every gated block.
    """
    keep_channels(model, {n: torch.arange(b.channels) < channels[n] for n, b in model.gated}, None)


def keep_channels(
    model: SpikingNet,
    kept: Mapping[str, torch.Tensor],
    optimizer: torch.optim.Optimizer | None = None,
) -> None:
    """Remove all channels but some.

    Parameters
    ----------
    model, optimizer
        As in :func:`remove_pruned`.
    kept : mapping of block name to bool tensor (C,)
        For every gated block.

    Raises
    ------
    UnsupportedLayer
        As :func:`remove_pruned`; the model is then unchanged.
    """
    _check(model, kept)
    arriving: torch.Tensor | None = None
    for name, block in model.named_children():
        if isinstance(block, Gated):
            if arriving is not None:
                _cut_inputs(block.synapse, arriving, optimizer)
            arriving = kept[name]
            _cut_channels(block, arriving, optimizer)
        elif isinstance(block, Weighting):
            if arriving is not None:
                _cut_inputs(block, arriving, optimizer)
            arriving = None
        elif isinstance(block, Residual):
            _cut_residual(block, kept[f"{name}.select"], kept[f"{name}.conv1"], optimizer)
        elif not isinstance(block, Flatten) and arriving is not None:
            _cut_neuron(block.neuron, arriving, optimizer)


CUTTABLE = (
    Flatten, slayer.block.cuba.Pool, slayer.block.cuba.Input, Weighting, Residual, StreamNeurons,
)  # fmt: skip
"""Blocks without gates of their own that may stand between those that have some."""


def _check(model: SpikingNet, kept: Mapping[str, torch.Tensor]) -> None:
    for name, _ in model.gated:
        if not bool(kept[name].any()):
            raise UnsupportedLayer(f"{name}: no channel is left", "Raise pruning.min_channels.")
    for name, block in model.named_children():
        if isinstance(block, Gated):
            if block.synapse.groups != 1:
                raise UnsupportedLayer(f"{name}: a convolution in groups cannot be cut")
        elif not isinstance(block, CUTTABLE):
            raise UnsupportedLayer(f"{name}: do not know how to cut a {type(block).__name__}")


def _cut_residual(
    block: Residual,
    selected: torch.Tensor,
    kept: torch.Tensor,
    optimizer: torch.optim.Optimizer | None,
) -> None:
    select, conv = block.select, block.conv1
    if not bool(selected.all()):
        _cut_inputs(conv.synapse, selected, optimizer)
        for parameter in (select.scale, select.gate):
            _cut(parameter, selected, 0, optimizer)
        select.kept = select.kept[selected.to(select.kept.device)]
        if not select.shared:
            _cut_neuron(select.neuron, selected, optimizer)
    _cut_channels(conv, kept, optimizer)
    _cut_inputs(block.conv2, kept, optimizer)


def _cut_inputs(
    synapse: Any, arriving: torch.Tensor, optimizer: torch.optim.Optimizer | None
) -> None:
    """Drop the weights that listen to removed channels, all places of each behind a flatten."""
    if bool(arriving.all()):
        return
    inputs = arriving.repeat_interleave(synapse.weight.shape[1] // len(arriving))
    _cut(synapse.weight, inputs, 1, optimizer)
    synapse.in_channels = synapse.weight.shape[1]


def _cut_channels(
    block: Gated, kept: torch.Tensor, optimizer: torch.optim.Optimizer | None
) -> None:
    if bool(kept.all()):
        return
    for parameter in (block.synapse.weight, block.scale, block.gate):
        _cut(parameter, kept, 0, optimizer)
    block.synapse.out_channels = block.channels
    _cut_neuron(block.neuron, kept, optimizer)


def _cut_neuron(neuron: Any, kept: torch.Tensor, optimizer: torch.optim.Optimizer | None) -> None:
    count = int(kept.sum())
    if neuron.shape is not None:
        neuron.shape = torch.Size((count, *neuron.shape[1:]))
        neuron.num_neurons = neuron.shape.numel()
    for state in ("current_state", "voltage_state"):
        setattr(neuron, state, torch.zeros(1, device=neuron.device))
    for decay in (neuron.current_decay, neuron.voltage_decay):
        if decay.numel() > 1:
            _cut(decay, kept, 0, optimizer)
    if neuron.norm is not None:
        neuron.norm.num_features = count
        if neuron.norm.running_mean.numel() > 1:
            neuron.norm.running_mean = neuron.norm.running_mean[kept]


def _cut(
    parameter: torch.nn.Parameter,
    kept: torch.Tensor,
    axis: int,
    optimizer: torch.optim.Optimizer | None,
) -> None:
    """Index a parameter and its moments."""
    index = kept.nonzero().flatten().to(parameter.device)
    moments = {} if optimizer is None else optimizer.state.get(parameter, {})
    for name, value in moments.items():
        if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
            moments[name] = value.index_select(axis, index)
    parameter.data = parameter.data.index_select(axis, index)
    parameter.grad = None
