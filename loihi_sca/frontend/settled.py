"""A block as its next forward pass in evaluation finds it, on a copy."""

from __future__ import annotations

from typing import Any

import torch

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.model.copying import copied
from loihi_sca.model.unsupported import KNOWN_HOOKS, synapses_with_mask


def settled(block: torch.nn.Module) -> Any:
    """Return a copy of a block in evaluation, on the CPU, that holds what it computes with.

    Weight norms and pruning of torch set a weight anew before every forward pass, so that the
    attribute is that of the last one; here they have done so. Parametrisations may compute other
    weights in training. And lava-dl's neurons clamp their decays whenever these are read.

    Parameters
    ----------
    block : module
        Whose hooks are known (:mod:`loihi_sca.model.unsupported`). It is not changed.

    Raises
    ------
    UnsupportedLayer
        What it computes with is not the same at every forward pass.
    """
    replica = copied(block).cpu().eval()
    with torch.no_grad():
        if getattr(replica, "mask", None) is not None:
            for synapse in synapses_with_mask(replica):
                synapse.weight.data *= replica.mask
        _run_hooks(replica)
        once = _hooked_weights(replica)
        _run_hooks(replica)
    for first, second in zip(once, _hooked_weights(replica), strict=True):
        if not torch.equal(first, second):
            raise UnsupportedLayer(
                "its next forward pass computes with other weights than the one after that: one "
                "hook of weight norm or pruning reads what another sets behind it",
                "Run the model once before compiling, or make them permanent: "
                "torch.nn.utils.prune.remove, torch.nn.utils.remove_weight_norm.",
            )
    return replica


def _run_hooks(block: torch.nn.Module) -> None:
    for part in block.modules():
        for hook in part._forward_pre_hooks.values():
            if isinstance(hook, KNOWN_HOOKS):
                hook(part, ())


def _hooked_weights(block: torch.nn.Module) -> list[torch.Tensor]:
    return [
        part.weight.detach().clone()
        for part in block.modules()
        if part._forward_pre_hooks and isinstance(getattr(part, "weight", None), torch.Tensor)
    ]
