"""Running a SLAYER model for what its blocks send, without touching it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.frontend.unsupported import lava_name
from loihi_sca.frontend.walk import Model, blocks_of

Spikes = npt.NDArray[np.uint8]


def spikes_of(model: Model, data: npt.NDArray[Any]) -> dict[str, Spikes]:
    """Run a model in evaluation mode and return what each block with neurons sends.

    The model's own forward pass runs, on a copy: lava-dl's blocks remember shapes and draw delays
    when they first see data.

    Parameters
    ----------
    model : module or list of modules
        See :data:`loihi_sca.frontend.walk.Model`.
    data : array (N, *in_shape, T)
        Spikes, or values for an Input block with neurons.

    Returns
    -------
    dict of block name to uint8 array (N, *out_shape, T)
        In order.

    Raises
    ------
    UnsupportedLayer
        The forward pass does not run the blocks in a row.
    """
    module = model if isinstance(model, torch.nn.Module) else torch.nn.ModuleList(model)
    replica = copied(module).cpu().eval()
    names = {id(block): name for name, block in blocks_of(replica)}
    sent: dict[str, torch.Tensor] = {}
    taken: list[torch.Tensor] = [torch.from_numpy(np.asarray(data)).float()]

    def remember(block: torch.nn.Module, given: tuple[Any, ...], output: Any) -> None:
        name = names[id(block)]
        output = output[0] if isinstance(output, tuple) else output
        if name in sent or not torch.equal(given[0].reshape(-1), taken[-1].reshape(-1)):
            raise UnsupportedLayer(
                f"{name}: the model's forward pass does not feed it what the block before it "
                "sends; only blocks in a row can be compiled."
            )
        sent[name] = output
        taken.append(output)

    for _, block in blocks_of(replica):
        block.register_forward_hook(remember)
    with torch.no_grad():
        _forward(replica)(taken[0])
    missing = [name for name in names.values() if name not in sent]
    if missing:
        raise UnsupportedLayer(
            f"{missing[0]}: the model's forward pass does not run it. Compile the blocks that run."
        )
    spiking = {name for name, b in blocks_of(replica) if _spikes(b)}
    return {name: x.numpy().astype(np.uint8) for name, x in sent.items() if name in spiking}


def _forward(module: torch.nn.Module) -> Callable[[torch.Tensor], object]:
    if not isinstance(module, torch.nn.ModuleList):
        return module

    def in_a_row(flow: torch.Tensor) -> torch.Tensor:
        for block in module:
            output = block(flow)
            flow = output[0] if isinstance(output, tuple) else output
        return flow

    return in_a_row


def _spikes(block: torch.nn.Module) -> bool:
    return getattr(block, "neuron", None) is not None and lava_name(block) != "Affine"


def copied(module: torch.nn.Module) -> Any:
    """Return a deep copy, also of modules with a weight norm or with state from a forward pass.

    Those hold tensors with a history, which torch does not copy; here they are copied without it.
    """
    memo: dict[int, Any] = {}
    for part in module.modules():
        held = [*part.__dict__.values(), *part.__dict__["_buffers"].values()]
        for value in held:
            if isinstance(value, torch.Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    return copy.deepcopy(module, memo)
