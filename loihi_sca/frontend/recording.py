"""Running a SLAYER model for what its blocks send and what it returns, without touching it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.frontend.residual import parts_of
from loihi_sca.model.copying import copied
from loihi_sca.model.outputs import tensors_of
from loihi_sca.model.recurrence import rest
from loihi_sca.model.route import Call, Route, find_route
from loihi_sca.model.selective import Selection
from loihi_sca.model.sigma_delta import is_graded, sends
from loihi_sca.model.stream import StreamNeurons
from loihi_sca.model.unsupported import lava_name
from loihi_sca.model.walk import Model, as_module, forward_of
from loihi_sca.problems import raise_for

Spikes = npt.NDArray[np.uint8] | npt.NDArray[np.int32]


@dataclass(frozen=True)
class Recording:
    """What a model has done on some data.

    Attributes
    ----------
    sent : dict of block name to uint8 array (N, *out_shape, T), int32 of messages
        What each block with neurons sends, in order.
    returned : dict of path to array
        The tensors that the forward pass returns.
    """

    sent: dict[str, Spikes]
    returned: dict[str, npt.NDArray[Any]]


def spikes_of(model: Model, data: npt.NDArray[Any]) -> dict[str, Spikes]:
    """Run a model in evaluation mode and return what each block with neurons sends.

    Parameters
    ----------
    model : module or list of modules
        See :data:`loihi_sca.model.walk.Model`.
    data : array (N, *in_shape, T)
        Spikes, or values for an Input block with neurons.

    Returns
    -------
    dict of block name to uint8 array (N, *out_shape, T), int32 of messages
        In order.

    Raises
    ------
    UnsupportedLayer
        The forward pass does not run the blocks in a row.
    """
    route = find_route(model, data.shape[1:-1], data.shape[-1])
    raise_for(route.problems)
    return record(model, route, data).sent


def record(
    model: Model, route: Route, data: npt.NDArray[Any], *, shifts: bool | None = None
) -> Recording:
    """Run a model in evaluation mode, and keep what its blocks send and what it returns.

    Its own forward pass runs, on a copy: lava-dl's blocks remember shapes and draw delays when
    they first see data.

    Parameters
    ----------
    model, data
        As for :func:`spikes_of`.
    route : Route
        Through that model.
    shifts : bool, optional
        Run it as if all blocks had this ``delay_shift``.

    Raises
    ------
    UnsupportedLayer
        On these data it runs other blocks.
    """
    module = as_module(model)
    replica = copied(module).cpu().float().eval()
    copies = dict(zip(map(id, module.modules()), replica.modules(), strict=True))
    units = [unit for call in route.calls for unit in _units(call)]
    row = [copies[id(block)] for _, block in units]
    outputs: list[torch.Tensor] = []

    def remember(block: torch.nn.Module, _given: object, output: Any) -> None:
        if len(outputs) == len(row) or row[len(outputs)] is not block:
            raise UnsupportedLayer(
                f"{type(module).__name__}: which blocks its forward pass runs depends on the data",
                "Run the same blocks in the same order always.",
            )
        outputs.append(output[0] if isinstance(output, tuple) else output)

    rest(replica)
    for block in dict.fromkeys(row):
        if shifts is not None and hasattr(block, "delay_shift"):
            block.delay_shift = shifts
        block.register_forward_hook(remember)
    with torch.no_grad():
        returned = forward_of(replica)(torch.from_numpy(np.asarray(data)).float())
    sent = {
        name: _sent(block, output)
        for (name, block), output in zip(units, outputs, strict=True)
        if _spikes(block)
    }
    return Recording(sent, {path: x.detach().numpy() for path, x in tensors_of(returned)})


def _units(call: Call) -> Iterator[tuple[str, torch.nn.Module]]:
    """Yield what is listened to in a block: of one on a residual stream its parts as well."""
    if not isinstance(call.block, StreamNeurons):
        yield from parts_of(call.name, call.block)
    yield call.name, call.block


def _sent(block: torch.nn.Module, output: torch.Tensor) -> Spikes:
    if is_graded(block):
        messages: npt.NDArray[np.int32] = sends(block, output)
        return messages
    spikes: npt.NDArray[np.uint8] = output.numpy().astype(np.uint8)
    return spikes


def _spikes(block: torch.nn.Module) -> bool:
    if isinstance(block, Selection | StreamNeurons):
        return True
    return getattr(block, "neuron", None) is not None and lava_name(block) != "Affine"
