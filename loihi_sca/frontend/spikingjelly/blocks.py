"""``lava_exchange.BlockContainer``: a synapse that quantises its weights, and its neuron."""

from __future__ import annotations

from typing import Any

import torch

from loihi_sca.model.copying import copied
from loihi_sca.problems import Problem

WEIGHING = ("Conv2d", "Linear")
"""Synapses with weights."""


def weighing_of(block: Any) -> Any:
    """Return a block's synapse with the weights with which it computes; the block is unchanged."""
    synapse = copied(block.synapse)
    with torch.no_grad():
        synapse.weight.copy_(block.neuron.quantize_8bit(block.synapse.weight))
    return synapse


def synapse_kind(block: Any) -> str:
    """Return the class of a block's synapse by name."""
    return type(block.synapse).__name__


def block_problem(name: str, block: Any) -> Problem | None:
    """Return why a block's synapse has no counterpart, None if it has one."""
    kind = synapse_kind(block)
    if kind in (*WEIGHING, "Flatten"):
        return None
    return Problem(
        name, f"its synapse is a {kind}, which no layer is made of here",
        "Use BlockContainer with Conv2d, Linear or Flatten, and AvgPool2d before a convolution.",
    )  # fmt: skip
