"""Synapses and the neurons behind them as one layer of integers, and what that changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from loihi_sca.compiler.translation import Translation
from loihi_sca.frontend.spikingjelly.neurons import Dynamics
from loihi_sca.frontend.spikingjelly.quantise import Quantised, decay_of, is_near, quantise
from loihi_sca.frontend.spikingjelly.synapses import Synapses
from loihi_sca.network import Conv, Cuba, Dense, Layer, Pool
from loihi_sca.network.fixed_point import MAX_DECAY


def layer_of(waiting: Synapses, dynamics: Dynamics) -> tuple[Layer, Translation]:
    """Return a layer of integers, and what became of its numbers."""
    leaks = bool(dynamics.leak)
    made = quantise(
        waiting.weight, waiting.bias, dynamics.threshold, scale=dynamics.scale, leaks=leaks,
        above=dynamics.above,
    )  # fmt: skip
    decay = decay_of(dynamics.leak)
    neuron = Cuba(decay_of(dynamics.current_leak), decay, made.threshold)
    common: dict[str, Any] = {**waiting.options, "neuron": neuron}
    layer: Layer
    if waiting.kind == "pool":
        layer = Pool(waiting.name, waiting.in_shape, made.weight, **common)
    elif waiting.kind == "dense":
        layer = Dense(waiting.name, waiting.in_shape, made.weight, bias=made.bias, **common)
    else:
        layer = Conv(waiting.name, waiting.in_shape, made.weight, bias=made.bias, **common)
    return layer, _row(waiting, dynamics, made, decay)


def _row(waiting: Synapses, dynamics: Dynamics, made: Quantised, decay: int) -> Translation:
    change = made.weight / made.scale - waiting.weight
    noise, signal = float((change**2).sum()), float((waiting.weight**2).sum())
    bias = 0.0 if waiting.bias is None else waiting.bias
    bias_error = np.abs((0 if made.bias is None else made.bias) / made.scale - bias).max()
    limit = dynamics.threshold * made.scale
    # where voltages are whole, every threshold between two of them is the same one
    whole = made.is_binary and not dynamics.leak and dynamics.scale is None
    off = 0.0 if whole or is_near(np.array(limit)) else abs(round(limit) - limit) / made.scale
    exact = made.is_binary and dynamics.is_exact and not off and not waiting.lessened
    snr = None if noise == 0 else float(10 * np.log10(signal / noise)) if signal else 0.0
    return Translation(
        waiting.name, exact, made.scale, float(np.abs(change).max()), snr, float(bias_error),
        dynamics.threshold, off, dynamics.leak, abs(decay / MAX_DECAY - dynamics.leak),
        lessened=waiting.lessened,
    )  # fmt: skip
