"""Blocks on a residual stream to layers of the integer network.

The stream carries weighted spikes and has no neurons, so it is no layer. What is on it is a list of
synapses with the layers that they listen to, and whoever reads the stream has neurons with all of
these synapses: copies of them, since a synapse belongs to the neurons behind it. The numbers that
arrive are the same, and they are sums of integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.frontend.integers import (
    HOW_TO_FOLD,
    NOT_FOLDED,
    bias_of,
    bias_of_norm,
    integers,
    neuron_of,
    weight_of,
)
from loihi_sca.model.batch_norm import MANTISSA
from loihi_sca.model.neurons import neuron_problems
from loihi_sca.model.residual import Residual
from loihi_sca.model.selective import Selection
from loihi_sca.model.stream import StreamNeurons, Weighting
from loihi_sca.model.walk import ON_STREAM
from loihi_sca.network import Conv, IntArray, Shape
from loihi_sca.problems import Problem

Stream = tuple[Conv, ...]
"""Synapses without neurons, each with a source, whose sums are the stream; the newest are last."""


def parts_of(name: str, block: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Module]]:
    """Yield, of a block on a stream, the parts whose neurons become layers, with their names."""
    if isinstance(block, Residual):
        yield f"{name}.select", block.select
        yield f"{name}.conv1", block.conv1
    elif isinstance(block, StreamNeurons):
        yield name, block


def stream_problems(name: str, block: torch.nn.Module) -> Iterator[Problem]:
    """Yield what about a block on a stream has no counterpart."""
    own = next(kind for kind in ON_STREAM if isinstance(block, kind))
    if type(block).forward is not own.forward or "forward" in vars(block):
        yield Problem(
            name,
            f"{type(block).__name__} overrides the forward pass of {own.__name__}, so that what it "
            "computes cannot be known",
            f"Use {own.__name__} itself.",
        )
        return
    for part_name, part in parts_of(name, block):
        yield from neuron_problems(part_name, part)


def opened(name: str, block: Weighting, shape: Shape, source: str) -> Stream:
    """Return the stream that a stem opens over the spikes (C, H, W) of a layer."""
    return (_weighting(name, block, shape, source),)


def extended(name: str, block: Residual, stream: Stream) -> tuple[Conv, Conv, Stream]:
    """Return the two layers of a residual block, and the stream behind it."""
    select, listener = block.select, block.conv1
    kept = select.kept.cpu().numpy()
    heard = kept if not select.shared else np.arange(stream[0].out_channels)
    reader = _reader(f"{name}.select", stream, select, heard)
    first = Conv(
        f"{name}.conv1",
        reader.out_shape,
        _listening(weight_of(listener), select, np.searchsorted(heard, kept), len(heard)),
        bias=bias_of(listener),
        stride=listener.synapse.stride[:2],
        padding=listener.synapse.padding[:2],
        neuron=neuron_of(listener),
        source=reader.name,
    )
    carried = stream
    if block.shortcut is not None:
        carried = (_weighting(f"{name}.shortcut", block.shortcut, reader.out_shape, reader.name),)
    added = _weighting(f"{name}.conv2", block.conv2, first.out_shape, first.name)
    return reader, first, (*carried, added)


def ended(name: str, block: StreamNeurons, stream: Stream) -> Conv:
    """Return the layer of neurons at the end of a stream."""
    return _reader(name, stream, block, np.arange(stream[0].out_channels))


def _reader(name: str, stream: Stream, block: Any, channels: IntArray) -> Conv:
    """Return neurons that read some channels of a stream; their bias is the sum of those on it."""
    *held, own = (replace(x, weight=x.weight[channels], bias=None) for x in stream)
    added = tuple(replace(x, name=f"{name}+{x.name}") for x in held)
    biases = [x.bias[channels] for x in stream if x.bias is not None]
    if block.neuron.norm is not None:
        biases.append(bias_of_norm(block.neuron))
    bias = sum(biases[1:], biases[0]) if biases else None
    return replace(own, name=name, bias=bias, neuron=neuron_of(block), added=added)


def _listening(
    weight: IntArray, select: Selection, places: Sequence[int] | IntArray, channels: int
) -> IntArray:
    """Return weights of the channels that have an open gate, at their places among all."""
    full = np.zeros((len(weight), channels, *weight.shape[2:]), dtype=np.int32)
    full[:, places] = weight * select.alive.cpu().numpy()[:, None, None]
    return full


def _weighting(name: str, block: Weighting, shape: Shape, source: str) -> Conv:
    norm = block.batch_norm
    if norm is not None and not norm.is_folded:
        raise UnsupportedLayer(f"{name}: {NOT_FOLDED}", HOW_TO_FOLD)
    weight = integers(block.quantized_weight * MANTISSA)[..., 0]
    bias = None if norm is None else integers(block.folded_bias * MANTISSA)
    return Conv(
        name, shape, weight, bias=bias, stride=block.stride[:2], padding=block.padding[:2],
        source=source,
    )  # fmt: skip
