"""Gates and cuts tried on a copy of a model: what cannot be done shows before any training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from loihi_sca.model.blocks import Gated
from loihi_sca.model.outputs import tensors_of
from loihi_sca.model.recurrence import rest
from loihi_sca.model.removal import Row, gated_in, keep_channels
from loihi_sca.model.walk import forward_of
from loihi_sca.problems import Problem

MAY_HAPPEN = (RuntimeError, AssertionError, ValueError, TypeError, IndexError)
"""In modules of others that meet fewer channels than they were made for."""


def rehearse(
    replica: torch.nn.Module,
    row: Row,
    gated: Mapping[str, Gated],
    sample: torch.Tensor,
    before: object,
) -> Iterator[Problem]:
    """Run a copy with gates, switch half of the channels off, and cut it.

    Parameters
    ----------
    replica : module
        The copy; it is spoilt.
    row : list of (str, module)
        Its blocks, in the order in which they run.
    gated : dict of str to block
        Those of them that may lose channels.
    sample : tensor (N, *in_shape, T)
    before : object
        What the model returned for the sample before it had gates.

    Yields
    ------
    Problem
        The first step that does not do what it should.
    """
    name = type(replica).__name__

    def forward() -> object:
        rest(replica)
        with torch.no_grad():
            return forward_of(replica)(sample)

    stage = "with gates that are all open"
    try:
        if not _same(before, forward()):
            yield Problem(name, f"it gives something else {stage}", REPORT)
            return
        _switch_off_half(gated)
        silenced = forward()
        if told := _why_it_cannot_be_cut(row):
            yield Problem(
                name, f"channels cannot be taken out of it ({told})",
                "Weights that are computed from others have to take values back: give each "
                "parametrisation a right_inverse, or make its values the weights by "
                "torch.nn.utils.parametrize.remove_parametrizations.",
            )  # fmt: skip
            return
        stage = "without the channels that are switched off"
        cut = forward()
    except MAY_HAPPEN as error:
        yield Problem(
            name, f"its forward pass fails {stage} ({_told(error)})",
            "Its forward pass must not name numbers of channels: use -1 in reshape, and reshape "
            "instead of view.",
        )  # fmt: skip
        return
    if not _same(silenced, cut):
        yield Problem(name, f"it gives something else {stage}", REPORT)


REPORT = "Its forward pass must not depend on which channels there are."


def _switch_off_half(gated: Mapping[str, Gated]) -> None:
    random = torch.Generator().manual_seed(0)
    for block in gated.values():
        off = torch.randperm(block.channels, generator=random)[: block.channels // 2]
        block.gate.data[off] = 0


def _why_it_cannot_be_cut(row: Row) -> str:
    """Cut what is switched off; return what hinders it, or nothing."""
    try:
        with torch.no_grad():
            keep_channels(row, {name: block.alive for name, block in gated_in(row)})
    except MAY_HAPPEN as error:
        return _told(error)
    return ""


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).rstrip('.')}"


def _same(expected: object, actual: object) -> bool:
    pairs = zip(tensors_of(expected), tensors_of(actual), strict=True)
    return all(torch.equal(a, b) for (_, a), (_, b) in pairs)
