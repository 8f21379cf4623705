"""Take channels out of a model for good, while it is being trained.

A pruned channel that cannot come back costs time and memory and changes nothing: its gate silences
it, so what listens to it adds zeros. Removing it leaves the spikes of all others as they are, bit
for bit. Weights, scales, gates, norms, delays and an optimizer's moments are cut to what is left,
in the block itself, in pools and depthwise convolutions behind it, and in whatever listens.

In a residual block an input that its first convolution does not select is removed from that
convolution only. The stream keeps its width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.model.batch_norm import PER_CHANNEL
from loihi_sca.model.blocks import Gated
from loihi_sca.model.build import SpikingNet
from loihi_sca.model.cuts import Cuts, current_weight
from loihi_sca.model.gating import weight_norm_of
from loihi_sca.model.kinds import CONV, DENSE, FLATTEN, INPUT, POOL, READ_OUT, RECURRENT
from loihi_sca.model.residual import Residual
from loihi_sca.model.stream import StreamNeurons, Weighting
from loihi_sca.model.walk import blocks_of
from loihi_sca.slayer.lava import slayer

Row = Sequence[tuple[str, torch.nn.Module]]
"""Blocks with their names, in the order in which they run."""


def remove_pruned(model: SpikingNet | Row, *optimizers: torch.optim.Optimizer) -> None:
    """Remove all channels whose gate is 0.

    Parameters
    ----------
    model : SpikingNet or row of blocks
        Changed in place.
    optimizers : Optimizer
        Those that train it.

    Raises
    ------
    UnsupportedLayer
        The model has a block that cannot be cut, or one without a channel that is alive. It is then
        unchanged.
    ConfigError
        An optimizer keeps what cannot be cut; the model is then unchanged.
    """
    row = blocks_of(model) if isinstance(model, SpikingNet) else model
    keep_channels(row, {name: block.alive.cpu() for name, block in gated_in(row)}, optimizers)


def gated_in(row: Row) -> list[tuple[str, Gated]]:
    """Return the blocks of a row that have gates, also those within residual blocks."""
    return [
        (f"{name}.{path}" if path else name, part)
        for name, block in row
        for path, part in block.named_modules()
        if isinstance(part, Gated)
    ]


def keep_channels(
    row: Row,
    kept: Mapping[str, torch.Tensor],
    optimizers: Sequence[torch.optim.Optimizer] = (),
) -> None:
    """Remove all channels but some.

    Parameters
    ----------
    row, optimizers
        As in :func:`remove_pruned`.
    kept : mapping of block name to bool tensor (C,)
        For every gated block.

    Raises
    ------
    UnsupportedLayer, ConfigError
        As :func:`remove_pruned`; the model is then unchanged.
    """
    for name, channels in kept.items():
        if not bool(channels.any()):
            raise UnsupportedLayer(f"{name}: no channel is left", "Raise pruning.min_channels.")
    cuts = Cuts(optimizers)
    arriving: torch.Tensor | None = None
    for name, block in row:
        arriving = _cut(cuts, name, block, kept, arriving)
    cuts.apply()


def _cut(
    cuts: Cuts,
    name: str,
    block: Any,
    kept: Mapping[str, torch.Tensor],
    arriving: torch.Tensor | None,
) -> torch.Tensor | None:
    """Prepare the cuts of one block; return which channels it sends, None for all."""
    if isinstance(block, Residual):
        _cut_residual(cuts, block, kept[f"{name}.select"], kept[f"{name}.conv1"])
        return None
    if isinstance(block, Weighting):
        _cut_synapse(cuts, block, arriving, None)
        return None
    if isinstance(block, FLATTEN):
        _cut_flat_shape(cuts, block, arriving)
        return arriving
    if not (_all(arriving) or isinstance(block, CUTTABLE)):
        raise UnsupportedLayer(f"{name}: do not know how to cut a {type(block).__name__}")
    if is_depthwise(block):
        _cut_depthwise(cuts, block, arriving)
        return arriving
    if isinstance(block, RECURRENT):
        _cut_recurrent(cuts, block, arriving, kept.get(name))
        return kept.get(name)
    if isinstance(block, (*CONV, *DENSE, *READ_OUT)):
        own = kept.get(name)
        if block.synapse.groups != 1 and not (_all(arriving) and _all(own)):
            raise UnsupportedLayer(f"{name}: a convolution in groups cannot be cut")
        _cut_weights(cuts, block, arriving, own)
        return own
    if arriving is not None and not isinstance(block, slayer.block.cuba.Average):
        _cut_neuron(cuts, block.neuron, arriving)
        _cut_delay(cuts, block, arriving)
    return arriving


CUTTABLE = (*CONV, *DENSE, *RECURRENT, *READ_OUT, *POOL, *FLATTEN, *INPUT, StreamNeurons)
"""Blocks that can follow one that loses channels."""


def is_depthwise(block: Any) -> bool:
    """Tell whether a block is a convolution with one group per channel, which keeps them."""
    if not isinstance(block, CONV):
        return False
    synapse = block.synapse
    return bool(synapse.groups == synapse.in_channels == synapse.out_channels > 1)


def _all(kept: torch.Tensor | None) -> bool:
    return kept is None or bool(kept.all())


def _cut_residual(cuts: Cuts, block: Residual, selected: torch.Tensor, kept: torch.Tensor) -> None:
    select, conv = block.select, block.conv1
    _cut_synapse(cuts, conv.synapse, selected, kept)
    if not _all(selected):
        for name in ("scale", "gate", "kept"):
            cuts.cut(select, name, selected)
        if not select.shared:
            _cut_neuron(cuts, select.neuron, selected)
    if not _all(kept):
        _cut_gated(cuts, conv, kept)
        _cut_neuron(cuts, conv.neuron, kept)
    _cut_synapse(cuts, block.conv2, kept, None)


def _cut_weights(
    cuts: Cuts, block: Any, arriving: torch.Tensor | None, own: torch.Tensor | None
) -> None:
    """Cut a block with synapses by what arrives and by its own channels."""
    synapse = block.synapse
    _cut_synapse(cuts, synapse, arriving, own)
    mask = getattr(block, "mask", None)
    if mask is not None and not _all(arriving):
        cuts.cut(block, "mask", _inputs(synapse, arriving), 1)
    if own is None or _all(own):
        return
    if mask is not None:
        cuts.cut(block, "mask", own)
    if isinstance(block, Gated):
        _cut_gated(cuts, block, own)
    _cut_neuron(cuts, block.neuron, own)
    _cut_delay(cuts, block, own)


def _cut_gated(cuts: Cuts, block: Gated, own: torch.Tensor) -> None:
    for name in ("scale", "gate"):
        if hasattr(block, name):
            cuts.cut(block, name, own)
    for name in PER_CHANNEL if block.batch_norm is not None else ():
        cuts.cut(block.batch_norm, name, own)


def _cut_recurrent(
    cuts: Cuts, block: Any, arriving: torch.Tensor | None, own: torch.Tensor | None
) -> None:
    """Cut a recurrent block; a neuron takes its row and its column of the recurrent table along."""
    _cut_synapse(cuts, block.input_synapse, arriving, own)
    if own is None or _all(own):
        return
    cuts.outputs(block.recurrent_synapse, own)
    cuts.inputs(block.recurrent_synapse, own)
    if isinstance(block, Gated):
        cuts.cut(block, "gate", own)
    cuts.set(block, "num_neurons", int(own.sum()))
    cuts.set(block, "spike_state", torch.zeros(1, device=block.spike_state.device))
    _cut_neuron(cuts, block.neuron, own)
    _cut_delay(cuts, block, own)


def _cut_synapse(
    cuts: Cuts, synapse: Any, arriving: torch.Tensor | None, own: torch.Tensor | None
) -> None:
    """Drop weights that listen to removed channels, all places of each behind a flatten, and own.

    A weight norm gets factors with which the other weights stay what they are.
    """
    target = current_weight(synapse)
    if own is not None and not _all(own):
        cuts.outputs(synapse, own)
        target = target[own.to(target.device)]
    if arriving is not None and not _all(arriving):
        inputs = _inputs(synapse, arriving)
        cuts.inputs(synapse, inputs)
        if weight_norm_of(synapse) is not None:
            cuts.renormalise(synapse, target[:, inputs.to(target.device)])


def _inputs(synapse: Any, arriving: torch.Tensor | None) -> torch.Tensor:
    if arriving is None:
        return torch.ones(synapse.in_channels, dtype=torch.bool)
    return arriving.repeat_interleave(synapse.in_channels // len(arriving))


def _cut_depthwise(cuts: Cuts, block: Any, arriving: torch.Tensor | None) -> None:
    if arriving is None or _all(arriving):
        return
    cuts.outputs(block.synapse, arriving)
    count = int(arriving.sum())
    cuts.set(block.synapse, "groups", count)
    cuts.set(block.synapse, "in_channels", count)
    _cut_neuron(cuts, block.neuron, arriving)
    _cut_delay(cuts, block, arriving)


def _cut_flat_shape(cuts: Cuts, block: Any, arriving: torch.Tensor | None) -> None:
    """Let stock Flatten blocks see their shape again: they keep that of the first pass."""
    if arriving is not None and not _all(arriving) and block.shape is not None:
        positions = int(block.shape[0]) // len(arriving)
        cuts.set(block, "shape", [positions * int(arriving.sum()), 1, 1])


def _cut_delay(cuts: Cuts, block: Any, kept: torch.Tensor) -> None:
    """Cut axonal delays, unless they are still to be drawn."""
    delay = getattr(block, "delay", None)
    if delay is not None and delay.init and not _all(kept):
        cuts.cut(delay, "delay", kept)


def _cut_neuron(cuts: Cuts, neuron: Any, kept: torch.Tensor) -> None:
    if neuron is None or _all(kept):
        return
    count = int(kept.sum())
    if neuron.shape is not None:
        shape = torch.Size((count, *neuron.shape[1:]))
        cuts.set(neuron, "shape", shape)
        cuts.set(neuron, "num_neurons", shape.numel())
    if isinstance(neuron, slayer.neuron.sigma_delta.Neuron):
        for part in (neuron.sigma, neuron.delta):
            if part.shape is not None:
                cuts.set(part, "shape", torch.Size((count, *part.shape[1:])))
            cuts.set(part, "pre_state", torch.zeros(1, device=neuron.device))
    else:
        _cut_decays(cuts, neuron, kept)
    if neuron.norm is not None:
        cuts.set(neuron.norm, "num_features", count)
        if neuron.norm.running_mean.numel() > 1:
            cuts.cut(neuron.norm, "running_mean", kept)


def _cut_decays(cuts: Cuts, neuron: Any, kept: torch.Tensor) -> None:
    for state in ("current_state", "voltage_state"):
        cuts.set(neuron, state, torch.zeros(1, device=neuron.device))
    for name in ("current_decay", "voltage_decay"):
        if getattr(neuron, name).numel() > 1:
            cuts.cut(neuron, name, kept)
