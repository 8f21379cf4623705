"""What each channel can at most do, for every input there is: an interval analysis.

Nothing here depends on the number of timesteps, so that what it proves holds for runs of any
length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from loihi_sca.network import (
    Conv,
    Cuba,
    Dense,
    Input,
    IntArray,
    Layer,
    Network,
    OtherLayer,
    Pool,
    Recurrent,
    SigmaDelta,
)
from loihi_sca.network.fixed_point import ALIGN, MAX_DECAY, STATE_LIMIT

Mask = npt.NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)
WideArray = npt.NDArray[np.int64]

UNBOUNDED = 1 << 60
"""Stands for no bound; far above every state, far below overflow."""


@dataclass(frozen=True)
class LayerBounds:
    """Bounds of one layer, per output channel.

    Attributes
    ----------
    name : str
    current_low, current_high : int array (C_out,)
        Between these the current stays, before wrapping; :data:`UNBOUNDED` where nothing is known,
        as of sigma-delta neurons, which have none.
    can_spike : bool array (C_out,)
        False where no input makes the channel spike, or send a message.
    constant : bool array (C_out,)
        True where the channel spikes, but its spikes do not depend on the input.
    """

    name: str
    current_low: WideArray
    current_high: WideArray
    can_spike: Mask
    constant: Mask

    @property
    def can_wrap(self) -> bool:
        """Whether a current beyond 24 bit, where the chip wraps, cannot be excluded."""
        return bool((_wraps(self.current_low, self.current_high)).any())


def bounds(network: Network) -> tuple[LayerBounds, ...]:
    """Bound every layer, in order; a channel that never spikes counts as silent for the next."""
    found: list[LayerBounds] = []
    everything = np.ones(network.in_shape[0], dtype=np.bool_)
    for layer, links in zip(network, network.wiring.links, strict=True):
        speakers = [everything if x.source is None else found[x.source].can_spike for x in links]
        found.append(_bound(layer, speakers))
    return tuple(found)


def _bound(layer: Layer, speakers: Sequence[Mask]) -> LayerBounds:
    channels = layer.out_shape[0]
    if isinstance(layer.neuron, SigmaDelta):
        return _bound_graded(layer, layer.neuron, speakers)
    if isinstance(layer, Input | OtherLayer) or not isinstance(layer.neuron, Cuba):
        edge = np.full(channels, UNBOUNDED)
        yes = np.ones(channels, dtype=np.bool_)
        return LayerBounds(layer.name, -edge, edge, yes, ~yes)
    sums = [_summed(table, heard) for table, heard in zip(layer.tables, speakers, strict=True)]
    low, high = (np.sum(side, axis=0) for side in zip(*sums, strict=True))
    neuron = layer.neuron
    current_low = -_settled(-ALIGN * low, neuron.current_decay)
    current_high = _settled(ALIGN * high, neuron.current_decay)
    wraps = _wraps(current_low, current_high)
    push = current_high + ALIGN * _bias(layer)
    voltage = np.where(push > 0, _settled(np.maximum(push, 0), neuron.voltage_decay), 0)
    # a current that wraps may drive the voltage anywhere, but no further than where it saturates
    highest = np.where(wraps, STATE_LIMIT - 1, np.minimum(voltage, STATE_LIMIT - 1))
    can_spike = highest > ALIGN * neuron.threshold
    least = current_low + ALIGN * _bias(layer)
    always = ~wraps & (least > ALIGN * neuron.threshold)
    deaf = (low == 0) & (high == 0)
    return LayerBounds(layer.name, current_low, current_high, can_spike, can_spike & deaf | always)


def _bound_graded(layer: Layer, neuron: SigmaDelta, speakers: Sequence[Mask]) -> LayerBounds:
    """Bound a layer that sends messages: a channel that hears nothing sends its bias, or nothing.

    It sends it once, if it is positive and enough. Sums of messages have no bound.
    """
    edge = np.full(layer.out_shape[0], UNBOUNDED)
    pairs = zip(layer.tables, speakers, strict=True)
    deaf = ~np.any([synapses(table, heard).any(axis=1) for table, heard in pairs], axis=0)
    speaks = _bias(layer) >= max(neuron.threshold, 1)
    return LayerBounds(layer.name, -edge, edge, ~deaf | speaks, deaf & speaks)


def _settled(push: WideArray, decay: int | IntArray) -> WideArray:
    """Bound a leaky sum that grows by at most ``push >= 0`` per step, for ever."""
    leak = np.broadcast_to(np.asarray(decay, dtype=np.int64), push.shape)
    bounded = push * MAX_DECAY // np.maximum(leak, 1)
    endless = (leak == 0) & (push > 0)
    return np.where(endless, UNBOUNDED, np.minimum(bounded, UNBOUNDED))


def _wraps(low: WideArray, high: WideArray) -> Mask:
    wraps: Mask = (high > STATE_LIMIT) | (low <= -STATE_LIMIT)
    return wraps


def _bias(layer: Layer) -> WideArray:
    bias = layer.bias if isinstance(layer, Conv | Dense) else None
    none = np.zeros(layer.out_shape[0], dtype=np.int64)
    return none if bias is None else bias.astype(np.int64)


def _summed(layer: Layer, heard: Mask) -> tuple[WideArray, WideArray]:
    """Return the least and the largest weighted sum per output channel and timestep."""
    weight = synapses(layer, heard)
    return np.minimum(weight, 0).sum(axis=1), np.maximum(weight, 0).sum(axis=1)


def synapses(layer: Layer, heard: Mask) -> WideArray:
    """Return all weights of each output channel (C_out, n), zero where no one speaks."""
    if isinstance(layer, Pool):
        return np.where(heard[:, None], layer.weight.reshape(1, -1), 0).astype(np.int64)
    if isinstance(layer, Conv):
        per_group = layer.out_channels // layer.groups
        speakers = np.repeat(heard.reshape(layer.groups, -1), per_group, axis=0)
        weight = np.where(speakers[:, :, None, None], layer.weight, 0)
        return weight.reshape(layer.out_channels, -1).astype(np.int64)
    if isinstance(layer, Dense):
        speakers = spread(heard, layer.weight.shape[1])
        arriving = np.where(speakers, layer.weight, 0).astype(np.int64)
        own = [layer.feedback.astype(np.int64)] if isinstance(layer, Recurrent) else []
        return np.concatenate([arriving, *own], axis=1)
    raise TypeError(f"{layer.name} has no synapses to bound")


def spread(channels: npt.NDArray[Scalar], inputs: int) -> npt.NDArray[Scalar]:
    """Repeat a value per channel for each of its pixels, as flattening (C-major) does."""
    return np.repeat(channels, inputs // len(channels))
