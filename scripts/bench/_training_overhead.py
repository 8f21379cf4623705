"""What pruning adds to a training step, timed where it happens."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from loihi_sca.pruning import Pruner
from loihi_sca.slayer.dynamics import scan

spent: dict[str, float] = defaultdict(float)
"""Processor seconds by what they were spent on."""


@contextmanager
def spending(on: str) -> Iterator[None]:
    started = time.process_time()
    yield
    spent[on] += time.process_time() - started


class TimedPruner:
    """A pruner whose calls count as ``pruner``."""

    def __init__(self, pruner: Pruner) -> None:
        self.pruner = pruner

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Collect what the batch says, and undo what was done to pruned channels."""
        with spending("pruner"):
            self.pruner.step(optimizer)


def overhead(model: Any, step: Callable[[], None]) -> float:
    """Return the share of bookkeeping in a step, from the median of seven with and without."""
    observers = {block: block.observer for _, block in model.gated}
    forward = scan.forward

    def timed(*arguments: Any) -> Any:
        with spending("scans"):
            return forward(*arguments)

    found: dict[bool, list[tuple[float, ...]]] = {True: [], False: []}
    scan.forward = timed
    for number in range(14):
        watching = number % 2 == 0
        for block, observer in observers.items():
            block.observer = observer if watching else None
        spent.clear()
        with spending("step"):
            step()
        found[watching].append((spent["step"], spent["scans"], spent["pruner"]))
    scan.forward = forward
    whole, watched, calls = (statistics.median(column) for column in zip(*found[True], strict=True))
    _, unwatched, _ = (statistics.median(column) for column in zip(*found[False], strict=True))
    return (watched - unwatched + calls) / whole
