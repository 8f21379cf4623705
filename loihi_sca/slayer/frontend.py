"""Front end: trained SLAYER modules to the integer network.

Everything is read through the very functions of the forward pass (``quantize_8bit``, the norm's
``bias``, the neuron's ``device_params``), so that what is exported is what was trained.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.network import Conv, Cuba, Dense, Input, IntArray, Layer, Network, Shape
from loihi_sca.slayer.blocks import Flatten, Gated, SCAConv, SCADense
from loihi_sca.slayer.zoo import SpikingNet


def to_network(model: SpikingNet, *, timesteps: int, name: str = "network") -> Network:
    """Convert a model to integers.

    A pruned channel keeps its place, with all its weights and its bias zero: it cannot spike, and
    :func:`loihi_sca.compiler.compile_network` removes it and everything that listens to it.

    Parameters
    ----------
    model : SpikingNet
        Trained, every block having seen data at least once. It is not changed.
    timesteps : int
        Steps T per sample.
    name : str
        Name of the network.

    Raises
    ------
    UnsupportedLayer
        The model contains a block that has no exact counterpart.
    """
    layers: list[Layer] = [Input("input", model.in_shape)]
    shape: Shape = model.in_shape
    with torch.no_grad():
        for block_name, block in model.named_children():
            if isinstance(block, Flatten):
                continue
            convert = _CONVERTERS.get(type(block))
            if convert is None:
                raise UnsupportedLayer(
                    f"{block_name}: block {type(block).__name__} has no exact counterpart on the "
                    f"chip. Supported: {', '.join(t.__name__ for t in _CONVERTERS)}, Flatten."
                )
            layers.append(convert(block_name, block, shape))
            shape = layers[-1].out_shape
    return Network(name, tuple(layers), timesteps)


def _conv(name: str, block: Any, shape: Shape) -> Conv:
    synapse = block.synapse
    return Conv(
        name,
        shape,
        _alive_only(block, _integers(block.quantized_weight * block.neuron.w_scale)[..., 0]),
        bias=_bias(block),
        stride=synapse.stride[:2],
        padding=synapse.padding[:2],
        dilation=synapse.dilation[:2],
        groups=synapse.groups,
        neuron=_neuron(block),
    )


def _dense(name: str, block: Any, shape: Shape) -> Dense:
    weight = _integers(block.quantized_weight * block.neuron.w_scale)
    weight = _alive_only(block, weight.reshape(len(weight), -1))
    return Dense(name, shape, weight, bias=_bias(block), neuron=_neuron(block))


_CONVERTERS: dict[type, Callable[[str, Any, Shape], Layer]] = {SCAConv: _conv, SCADense: _dense}


def _neuron(block: Any) -> Cuba:
    parameters = block.neuron.device_params
    return Cuba(
        _decay(parameters["iDecay"]), _decay(parameters["vDecay"]), int(parameters["vThMant"])
    )


def _decay(value: Any) -> int | IntArray:
    return np.asarray(value, dtype=np.int32) if np.ndim(value) else int(value)


def _bias(block: Any) -> IntArray | None:
    norm = block.neuron.norm
    return None if norm is None else _alive_only(block, _integers(norm.bias))


def _alive_only(block: Gated, values: IntArray) -> IntArray:
    alive = block.alive.cpu().numpy().reshape(-1, *[1] * (values.ndim - 1))
    kept: IntArray = np.where(alive, values, 0).astype(np.int32)
    return kept


def _integers(tensor: torch.Tensor) -> IntArray:
    values: npt.NDArray[Any] = tensor.detach().cpu().numpy()
    rounded: IntArray = np.rint(values).astype(np.int32)
    if not np.array_equal(rounded, values):
        raise UnsupportedLayer(
            "a block's weights are not whole after quantisation; its neuron must use lava-dl's "
            "default scale of 64."
        )
    return rounded


def spikes_of(model: SpikingNet, spikes: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.uint8]]:
    """Run a model in evaluation mode and return what each block sends.

    Parameters
    ----------
    model : SpikingNet
        Left in the mode it was in.
    spikes : uint8 array (N, C, H, W, T)
        Input.

    Returns
    -------
    dict of block name to uint8 array (N, *out_shape, T)
        In order.
    """
    was_training = model.training
    model.eval()
    sent = {}
    with torch.no_grad():
        flow = torch.from_numpy(spikes).float()
        for name, block in model.named_children():
            flow = block(flow)
            if not isinstance(block, Flatten):
                sent[name] = flow.numpy().astype(np.uint8)
    model.train(was_training)
    return sent
