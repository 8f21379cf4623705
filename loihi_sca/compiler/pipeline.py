"""The list of passes, and running it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from loihi_sca.compiler.passes.shrink import shrink
from loihi_sca.network import Network

Pass: TypeAlias = Callable[[Network], Network]

PASSES: tuple[Pass, ...] = (shrink,)
"""In the order in which they run."""


def compile_network(network: Network) -> Network:
    """Run all passes."""
    for run in PASSES:
        network = run(network)
    return network
