"""Hypothesis strategies that draw whole networks, and data for them.

``from network_strategies import networks, data_for`` works in any test: pytest puts this folder on
the path. Structure is drawn by hypothesis and shrinks; weights come from a drawn seed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from loihi_sca.network import (
    Conv,
    Cuba,
    Delta,
    Dense,
    Input,
    Layer,
    Network,
    Pool,
    Recurrent,
    Sigma,
    SigmaDelta,
)

THRESHOLDS = [0, 1, 20, 200, 1000, 5000, 1 << 17, 1 << 30]
WEIGHT_SCALES = {"chip": [2, 16, 254], "wild": [2, 254, 4000, 40_000, 1 << 20]}
CHANNELS = [1, 2, 3, 4, 6, 10, 17, 64, 75]


def draw_integers(draw: Any, shape: tuple[int, ...], scale: int) -> np.ndarray:
    """Draw even integers of both signs up to ``scale``, some of them zero."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.integers(-scale // 2, scale // 2, shape, endpoint=True) * 2
    return np.where(rng.random(shape) < draw(st.sampled_from([0.0, 0.3])), 0, values)


@st.composite
def neurons(draw: Any, channels: int, per_channel: bool = True) -> Cuba:
    """Draw CUBA neurons for a layer of so many channels."""
    one = st.one_of(st.sampled_from([0, 1, 1024, 4095, 4096]), st.integers(0, 4096))

    def decay() -> Any:
        if per_channel and draw(st.integers(0, 3)) == 0:
            return np.array(draw(st.lists(one, min_size=channels, max_size=channels)))
        return draw(one)

    return Cuba(decay(), decay(), draw(st.sampled_from(THRESHOLDS)))


@st.composite
def _windows(draw: Any, size: tuple[int, int], most_kernel: int = 4) -> dict[str, Any]:
    """Draw kernel, stride, padding and dilation that fit a map (H, W)."""
    kernel, padding, dilation = [], [], []
    for n in size:
        pad, gap = draw(st.integers(0, 2)), draw(st.integers(1, 2))
        reach = (n + 2 * pad - 1) // gap + 1
        kernel.append(draw(st.integers(1, min(most_kernel, reach))))
        padding.append(pad)
        dilation.append(gap)
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    return {
        "kernel": tuple(kernel),
        "stride": stride,
        "padding": tuple(padding),
        "dilation": tuple(dilation),
    }


@st.composite
def layers(draw: Any, name: str, shape: tuple[int, ...], **limits: Any) -> Layer:
    """Draw a layer that takes spikes of a shape; see :func:`networks` for the limits."""
    kinds = [Dense] if len(shape) == 1 else [Conv, Conv, Dense, *[Pool] * limits["pools"]]
    kind = draw(st.sampled_from(kinds))
    scale = draw(st.sampled_from(WEIGHT_SCALES[limits["weights"]]))
    channels = draw(st.sampled_from(CHANNELS))
    more: dict[str, Any] = {}
    if kind is Dense:
        inputs = int(np.prod(shape))
        arguments: tuple[Any, ...] = (draw_integers(draw, (channels, inputs), scale),)
        if limits["delays"] and draw(st.integers(0, 2)) == 0:
            most = draw(st.sampled_from([1, 5, 100]))
            more["delay"] = np.abs(draw_integers(draw, (channels, inputs), most))
        if limits["recurrent"] and "delay" not in more and draw(st.booleans()):
            kind, more["feedback"] = Recurrent, draw_integers(draw, (channels, channels), scale)
        shape = draw(st.sampled_from([shape, (inputs,)]))
    else:
        window = draw(_windows(shape[1:]))
        kernel = window.pop("kernel")
        more.update(window)
        if kind is Pool:
            channels = shape[0]
            arguments = (draw_integers(draw, kernel, scale),)
        else:
            divisors = [n for n in range(1, shape[0] + 1) if shape[0] % n == 0]
            groups = draw(st.sampled_from(divisors)) if limits["groups"] else 1
            per_group = draw(st.sampled_from([1, 1, 2, 5])) if groups > 1 else channels
            channels = groups * per_group
            more["groups"] = groups
            arguments = (draw_integers(draw, (channels, shape[0] // groups, *kernel), scale),)
    if kind is not Pool and limits["biases"] and draw(st.booleans()):
        more["bias"] = draw_integers(draw, (channels,), draw(st.sampled_from([10, 4000, 1 << 28])))
    if limits["axon_delays"] and draw(st.integers(0, 3)) == 0:
        more["axon_delay"] = np.abs(
            draw_integers(draw, (channels,), draw(st.sampled_from([2, 40])))
        )
    more["neuron"] = draw(neurons(channels, limits["per_channel"]))
    return kind(name, shape, *arguments, **more)


@st.composite
def networks(
    draw: Any,
    *,
    most_layers: int = 3,
    weights: str = "wild",
    pools: bool = True,
    groups: bool = True,
    biases: bool = True,
    delays: bool = True,
    axon_delays: bool = True,
    per_channel: bool = True,
    inputs: str = "any",
    recurrent: bool = True,
) -> Network:
    """Draw a network.

    Parameters
    ----------
    most_layers : int
        Layers with synapses.
    weights : {"chip", "wild"}
        Up to 8 bit, or far beyond what a chip can store.
    pools, groups, biases, delays, axon_delays, per_channel : bool
        Whether they occur (``per_channel``: decays).
    recurrent : bool
        Whether some dense layers are.
    inputs : {"none", "shape", "any"}
        No Input layer; perhaps one without a neuron; or perhaps one with a neuron.
    """
    limits = {
        "weights": weights, "pools": pools, "groups": groups, "biases": biases, "delays": delays,
        "axon_delays": axon_delays, "per_channel": per_channel, "recurrent": recurrent,
    }  # fmt: skip
    spatial = st.tuples(st.sampled_from([1, 2, 3, 6]), st.integers(1, 7), st.integers(1, 7))
    shape = draw(st.one_of(spatial, spatial, st.tuples(st.integers(1, 80))))
    chain: list[Layer] = []
    kind = draw(st.sampled_from({"none": [0], "shape": [0, 1], "any": [0, 0, 1, 2]}[inputs]))
    if kind:
        neuron = draw(neurons(shape[0], per_channel)) if kind == 2 else None
        chain.append(Input("in", shape, neuron=neuron))
    for i in range(draw(st.integers(1, most_layers))):
        chain.append(draw(layers(f"layer{i}", shape, **limits)))
        shape = chain[-1].out_shape
    return Network("drawn", tuple(chain))


def table_between(draw: Any, name: str, before: Layer, after: Layer, scale: int) -> Layer | None:
    """Draw synapses from one layer into the neurons of another; None where no window fits."""
    shape, outputs = before.out_shape, after.out_shape
    if len(outputs) == 1:
        weight = draw_integers(draw, (outputs[0], int(np.prod(shape))), scale)
        return Dense(name, shape, weight, source=before.name)
    if len(shape) == 1:
        return None
    size = list(zip(shape[1:], outputs[1:], strict=True))
    padding = tuple(max(0, -(-(out - n) // 2)) for n, out in size)
    strides = [max(1, (n + 2 * p) // out) for (n, out), p in zip(size, padding, strict=True)]
    stride = tuple(draw(st.sampled_from(sorted({1, s}))) for s in strides)
    kernel = tuple(
        n + 2 * p - (out - 1) * s for (n, out), p, s in zip(size, padding, stride, strict=True)
    )
    if max(kernel) > 8:
        return None
    weight = draw_integers(draw, (outputs[0], shape[0], *kernel), scale)
    return Conv(name, shape, weight, stride=stride, padding=padding, source=before.name)


@st.composite
def residual_networks(draw: Any, **limits: Any) -> Network:
    """Draw a network whose layers also hear earlier ones; the limits are those of a chain."""
    chain = draw(networks(**{"most_layers": 4, **limits}))
    scale = draw(st.sampled_from(WEIGHT_SCALES[limits.get("weights", "wild")]))
    found: list[Layer] = []
    for layer in chain:
        added = []
        if not isinstance(layer, Input | Recurrent):
            for before in found:
                if draw(st.integers(0, 2)) == 0:
                    name = f"{layer.name}+{before.name}"
                    added.append(table_between(draw, name, before, layer, scale))
        kept = tuple(table for table in added if table is not None)
        found.append(replace(layer, added=kept) if kept else layer)
    return chain.replace(layers=tuple(found))


@st.composite
def graded_networks(draw: Any, **limits: Any) -> Network:
    """Draw a network of sigma-delta neurons, with a Delta or Sigma or without; see above."""
    network = draw(networks(**{"pools": False, "per_channel": False, "recurrent": False, **limits}))
    thresholds = st.one_of(st.sampled_from([0, 1, 6, 64, 5000]), st.integers(0, 200))
    chain: list[Layer] = []
    for layer in network:
        last = layer is network.layers[-1]
        if isinstance(layer, Input):
            encodes = draw(st.integers(0, 3)) > 0
            neuron: Any = Delta(draw(thresholds)) if encodes else None
        elif last and draw(st.booleans()):
            neuron = Sigma()
            layer = layer if isinstance(layer, Pool) else replace(layer, bias=None)  # type: ignore
        else:
            neuron = SigmaDelta(draw(thresholds))
        chain.append(replace(layer, neuron=neuron))
    return network.replace(layers=tuple(chain))


@st.composite
def video_for(
    draw: Any, network: Network, most_samples: int = 3, most_steps: int = 12, large: bool = True
) -> np.ndarray:
    """Draw values (N, *in_shape, T) that change now and then, or messages, for such a network."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    samples, steps = draw(st.integers(1, most_samples)), draw(st.integers(1, most_steps))
    size = (samples, *network.in_shape, steps)
    encoded = network.layers[0].neuron is None or not isinstance(network.layers[0], Input)
    most = draw(st.sampled_from([4096, (1 << 23) - 1] if encoded else [64, 256, (1 << 19) - 1]))
    values = rng.integers(-most, most, size, endpoint=True) if large else (
        rng.integers(-4096 if encoded else -64, 4096 if encoded else 64, size)
    )  # fmt: skip
    changes = rng.random(size) < draw(st.sampled_from([0.0, 0.05, 0.3, 1.0]))
    if encoded:
        return np.where(changes, values, 0)
    changes[..., 0] = True
    last = np.maximum.accumulate(np.where(changes, np.arange(steps), 0), axis=-1)
    return np.take_along_axis(values, last, axis=-1)


@st.composite
def data_for(
    draw: Any, network: Network, most_samples: int = 3, most_steps: int = 12
) -> np.ndarray:
    """Draw data (N, *in_shape, T) for a network: spikes of some rate, or bias mantissas."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    samples, steps = draw(st.integers(1, most_samples)), draw(st.integers(1, most_steps))
    size = (samples, *network.in_shape, steps)
    first = network.layers[0]
    if isinstance(first, Input) and first.neuron is not None:
        return rng.integers(-4096, 4095, size, endpoint=True).astype(np.int16)
    rate = draw(st.sampled_from([0.0, 0.05, 0.2, 0.5, 1.0]))
    return (rng.random(size) < rate).astype(np.uint8)
