"""Layers in floating point become layers of integers, and what that changes is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.exchange.float_layers import FloatArray, FloatLayer, Synapses
from loihi_sca.exchange.imported import Change
from loihi_sca.exchange.walk import FloatReadout
from loihi_sca.network import Conv, Cuba, Dense, IntArray, Layer, Readout
from loihi_sca.network.fixed_point import (
    MAX_BIAS,
    MAX_DECAY,
    MAX_THRESHOLD,
    MAX_WEIGHT,
    MIN_WEIGHT,
)

ON_GRID = 1e-4
"""So far from an integer a number may be that passed through 32 bits of floating point."""


def quantise(layer: FloatLayer) -> tuple[Layer, Change]:
    """Return a layer of integers, and how it differs.

    Weights become even integers of -256 to 254, one scale for the layer; the threshold and the
    bias are scaled with them. Where all are integers already, nothing is changed.

    Raises
    ------
    UnsupportedLayer
        All weights are 0, or a bias lies beside a current that never decays.
    """
    layer, notes = _share_threshold(layer)
    synapses = layer.synapses
    bias = layer.leak + _bias_of_current(layer)
    if not synapses.weight.any():
        raise UnsupportedLayer(f"{layer.name}: all weights before it are 0, so that it never hears")
    if np.any(synapses.bias) and np.any(layer.current_left):
        notes += (
            "its bias enters the current, which takes a few steps to reach it; on the chip it is "
            "there from the first step",
        )
    scale = _scale(layer, bias)
    weight = _even(synapses.weight * scale)
    if not weight.any():
        raise UnsupportedLayer(f"{layer.name}: all weights became 0; its threshold is too small")
    exact = float(layer.threshold[0] * scale)
    neuron = Cuba(
        _decay(layer.current_left), _decay(layer.voltage_left), _threshold(exact, layer.fires_at)
    )
    mantissas = np.rint(bias * scale).astype(np.int32)
    made = _as_layer(layer, weight, mantissas if mantissas.any() else None, neuron)
    change = Change(
        layer=layer.name,
        scale=scale,
        changed_weights=int(np.sum(~_near(synapses.weight * scale, weight))),
        weights=weight.size,
        worst_weight=_worst(synapses.weight * scale, weight, np.abs(weight).max()),
        threshold=(exact, neuron.threshold),
        worst_bias=_worst(bias * scale, mantissas, max(exact, 1.0)),
        current_decay=_decays(layer.current_left, neuron.current_decay),
        voltage_decay=_decays(layer.voltage_left, neuron.voltage_decay),
        notes=notes,
    )
    return made, change


def quantise_readout(readout: FloatReadout | None) -> tuple[Readout, tuple[str, ...]]:
    """Return the host's read-out, and what to say about it."""
    if readout is None:
        return Readout(), ()
    synapses = readout.synapses
    if not synapses.is_dense:
        raise UnsupportedLayer(
            f"nodes {', '.join(map(repr, synapses.names))}: the read-out is a convolution or pool",
            "Flatten and a Linear node can be one.",
        )
    if synapses.bias.any():
        raise UnsupportedLayer(
            f"nodes {', '.join(map(repr, synapses.names))}: the read-out has a bias, which the "
            "host does not add",
            "Train it without.",
        )
    top = np.abs(synapses.weight).max()
    if top == 0:
        raise UnsupportedLayer(
            f"nodes {', '.join(map(repr, synapses.names))}: all weights of the read-out are 0, so "
            "that it tells no classes apart"
        )
    as_they_are = _all_even(synapses.weight) and _weights_fit(synapses.weight)
    scale = 1.0 if as_they_are else float(MAX_WEIGHT / top)
    weight = _even(synapses.weight * scale)
    neuron = None
    if readout.current_left is not None and readout.voltage_left is not None:
        left = (np.array([readout.current_left]), np.array([readout.voltage_left]))
        neuron = Cuba(_decay(left[0]), _decay(left[1]), threshold=0)
    note = (
        f"{', '.join(synapses.names)}: read out by the host, weights times {scale:.6g}; what it "
        "sums is in that unit"
    )
    return Readout("affine", weight=weight, neuron=neuron), (note,)


def _share_threshold(layer: FloatLayer) -> tuple[FloatLayer, tuple[str, ...]]:
    """Give all channels one threshold, and weigh their input accordingly."""
    top = float(layer.threshold.max())
    if np.all(layer.threshold == top):
        return layer, ()
    if layer.threshold.min() <= 0:
        raise UnsupportedLayer(f"{layer.name}: some thresholds are 0 and others are not")
    factor = top / layer.threshold
    shared = replace(
        layer, synapses=layer.synapses.scaled(factor), leak=layer.leak * factor,
        threshold=np.full_like(factor, top), gain=layer.gain * factor,
    )  # fmt: skip
    return shared, ("thresholds per channel became one, in the weights",)


def _bias_of_current(layer: FloatLayer) -> FloatArray:
    """Return what the bias of the synapses adds to the voltage at a step, in the long run."""
    bias = layer.synapses.bias
    forever = (layer.current_left >= 1) & (bias != 0)
    if forever.any():
        raise UnsupportedLayer(
            f"{layer.name}: a bias flows into a current that never decays, which grows for ever"
        )
    return np.asarray(bias / np.where(layer.current_left < 1, 1 - layer.current_left, 1))


def _scale(layer: FloatLayer, bias: FloatArray) -> float:
    """Return what to multiply with: the scale of integers that are there already, or the largest.

    Files that we wrote for a tool have passed its neuron's gain; without it they are integers.
    """
    weight, threshold = layer.synapses.weight, layer.threshold[:1]
    for gain in dict.fromkeys((1.0, *map(float, np.unique(layer.gain)[:1]))):
        if gain <= 0 or not _all_even(weight / gain):
            continue
        rest = np.concatenate([bias / gain, [] if layer.fires_at else threshold / gain])
        if _is_whole(rest) and _fits(weight / gain, bias / gain, threshold / gain):
            return 1 / gain
    tops = (
        (MAX_WEIGHT, weight.max()), (-MIN_WEIGHT, -weight.min()), (MAX_BIAS, np.abs(bias).max()),
        (MAX_THRESHOLD - 1, threshold[0]),
    )  # fmt: skip
    return float(min(limit / top for limit, top in tops if top > 0))


def _fits(weight: FloatArray, bias: FloatArray, threshold: FloatArray) -> bool:
    return bool(
        _weights_fit(weight) and np.abs(bias).max() <= MAX_BIAS + ON_GRID
        and threshold[0] <= MAX_THRESHOLD
    )  # fmt: skip


def _weights_fit(weight: FloatArray) -> bool:
    return bool(weight.max() <= MAX_WEIGHT + ON_GRID and weight.min() >= MIN_WEIGHT - ON_GRID)


def _is_whole(values: FloatArray) -> bool:
    return bool(np.all(_near(values, np.rint(values))))


def _all_even(values: FloatArray) -> bool:
    """Tell whether all are even, and not only so small that each is nearly 0."""
    even = 2 * np.rint(values / 2)
    return bool(np.all(_near(values, even)) and even.any())


def _near(values: FloatArray, whole: FloatArray | IntArray) -> npt.NDArray[np.bool_]:
    near: npt.NDArray[np.bool_] = np.abs(values - whole) <= ON_GRID * np.maximum(np.abs(whole), 1)
    return near


def _even(values: FloatArray) -> IntArray:
    even = np.clip(2 * np.rint(values / 2), MIN_WEIGHT, MAX_WEIGHT)
    return np.asarray(even, dtype=np.int32)


def _threshold(exact: float, fires_at: bool) -> int:
    """Return the mantissa that a voltage has to exceed; integers reach ``n`` above ``n - 1``."""
    if not fires_at:
        return round(exact)
    return max(int(np.ceil(exact - ON_GRID)) - 1, 0)


def _decay(left: FloatArray) -> int | IntArray:
    """Return decays in 1/4096, one where all are equal."""
    decay = np.rint(MAX_DECAY * (1 - left)).astype(np.int32)
    return int(decay[0]) if np.all(decay == decay[0]) else decay


def _decays(left: FloatArray, decay: int | IntArray) -> tuple[float, float]:
    """Return the exact decay, and the one that was taken, of the channel where they differ most."""
    exact, taken = MAX_DECAY * (1 - left), np.broadcast_to(decay, left.shape)
    worst = int(np.argmax(np.abs(exact - taken)))
    return float(exact[worst]), float(taken[worst])


def _worst(exact: FloatArray, taken: IntArray, unit: float) -> float:
    return float(np.max(np.abs(exact - taken)) / unit)


def _as_layer(layer: FloatLayer, weight: IntArray, bias: IntArray | None, neuron: Cuba) -> Layer:
    x: Synapses = layer.synapses
    if x.is_dense:
        delay = None
        if layer.delay is not None:
            delay = np.broadcast_to(layer.delay.astype(np.int32), weight.shape)
        return Dense(layer.name, x.in_shape, weight, bias=bias, delay=delay, neuron=neuron)
    if layer.delay is not None:
        raise UnsupportedLayer(
            f"{layer.name}: spikes that enter a convolution are late",
            "The chip has delays in dense synapses; put the delay there.",
        )
    return Conv(
        layer.name, x.in_shape, weight, bias=bias, neuron=neuron, stride=x.stride,
        padding=x.padding, dilation=x.dilation, groups=x.groups,
    )  # fmt: skip


def problems_of(changes: tuple[Change, ...]) -> Iterator[str]:
    """Say which changes are so large that a user should look at them."""
    for change in changes:
        exact, taken = change.threshold
        if abs(taken - exact) > 0.02 * max(exact, 1):
            yield f"{change.layer}: its threshold {exact:.4g} became {taken}"
        for what, (before, after) in (
            ("current_decay", change.current_decay), ("voltage_decay", change.voltage_decay),
        ):  # fmt: skip
            if abs(before - after) > 0.02 * max(before, 1):
                yield f"{change.layer}: its {what} {before:.4g} became {after:.0f}"
        yield from (f"{change.layer}: {note}" for note in change.notes)
