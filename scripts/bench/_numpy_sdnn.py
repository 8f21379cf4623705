"""A sigma-delta network in plain numpy, as one would write it: every place of every frame.

Convolutions are matrix products in float64, which is exact here. Lava's clock: cold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.network import Conv, Delta, Dense, Layer, Network, Sigma, SigmaDelta

Ints = npt.NDArray[np.int64]


def run(network: Network, video: npt.NDArray[Any]) -> Ints:
    """Return what the last layer sends, (*out_shape, T), for values (*in_shape, T)."""
    states = [
        {name: np.zeros(x.out_shape, dtype=np.int64) for name in ("z", "sigma", "act", "residue")}
        for x in network
    ]
    sent = []
    for t in range(video.shape[-1]):
        messages: Ints = video[..., t].astype(np.int64)
        for layer, state in zip(network, states, strict=True):
            if isinstance(layer.neuron, Delta):
                messages = _send(messages << 12, state, layer.neuron.threshold)
                continue
            state["sigma"] += state["z"]
            state["z"] = _weighted(layer, messages)  # heard in the next step
            if isinstance(layer.neuron, SigmaDelta):
                act = np.maximum(state["sigma"] + _bias(layer), 0)
                messages = _send(act, state, layer.neuron.threshold)
            elif isinstance(layer.neuron, Sigma):
                messages = state["sigma"].copy()
        sent.append(messages)
    return np.stack(sent, axis=-1)


def _send(act: Ints, state: dict[str, Ints], threshold: int) -> Ints:
    delta = act - state["act"] + state["residue"]
    sent = np.where(np.abs(delta) >= threshold << 12, delta, 0)
    state["act"], state["residue"] = act, delta - sent
    messages: Ints = sent >> 6
    return messages


def _bias(layer: Layer) -> Any:
    bias = layer.bias if isinstance(layer, Conv | Dense) else None
    if bias is None:
        return 0
    return bias.astype(np.int64).reshape(-1, *[1] * (len(layer.out_shape) - 1)) << 12


def _weighted(layer: Layer, messages: Ints) -> Ints:
    if isinstance(layer, Dense):
        flat: Ints = layer.weight.astype(np.int64) @ messages.ravel()
        return flat
    if not isinstance(layer, Conv):
        raise TypeError(layer.name)
    (pad_y, pad_x), (step_y, step_x) = layer.padding, layer.stride
    outputs, height, width = layer.out_shape
    padded = np.pad(messages, ((0, 0), (pad_y, pad_y), (pad_x, pad_x))).astype(np.float64)
    kernel_y, kernel_x = layer.kernel
    seen = [
        padded[:, y::step_y, x::step_x][:, :height, :width]
        for y in range(kernel_y)
        for x in range(kernel_x)
    ]  # fmt: skip
    columns = np.stack(seen, axis=1).reshape(-1, height * width)
    rows = layer.weight.reshape(outputs, -1).astype(np.float64)
    z = (rows @ columns).astype(np.int64).reshape(outputs, height, width)
    return (z + (1 << 23)) % (1 << 24) - (1 << 23)
