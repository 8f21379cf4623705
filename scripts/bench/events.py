#!/usr/bin/env python3
"""When sums over spike events pay: against torch's dense convolution, by density and layer.

Processor seconds of one thread, both ways in turns, medians. The densities at which both take the
same time are printed beside those of loihi_sca/slayer/dynamics/events/choice.py.

    scripts/bench/events.py [--quick] [--json OUT]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from _bench import Row, in_turns, options, report

from loihi_sca.slayer.dynamics.events import Convolution, Product, choice, forward, gradient
from loihi_sca.slayer.dynamics.events.bits import Bits, packed
from loihi_sca.slayer.dynamics.events.geometry import Geometry

DENSITIES = (0.02, 0.05, 0.1, 0.2, 0.35)
TARGETS = {0.05: 6, 0.1: 3, 0.2: 1}


@dataclass(frozen=True)
class Case:
    """A layer: images [batch, size, size, inputs], or rows [batch, inputs] if size is 0."""

    name: str
    batch: int
    size: int
    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    quick: bool = False

    @property
    def dense(self) -> Any:
        """Return the operation."""
        if not self.size:
            return Product()
        pad = self.kernel // 2
        return Convolution((self.stride, self.stride), (pad, pad))

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the spikes."""
        return (self.batch, *[self.size] * (2 if self.size else 0), self.inputs)

    @property
    def weight(self) -> torch.Tensor:
        """Return weights as quantisation leaves them."""
        window = [self.kernel] * (2 if self.size else 0)
        steps = torch.randint(-100, 100, (self.outputs, self.inputs, *window))
        weight = steps / 32
        return weight.contiguous(memory_format=torch.channels_last) if self.size else weight


CASES = (
    Case("3-64, 32x32", 64, 32, 3, 64),
    Case("12-8, 32x32", 256, 32, 12, 8),
    Case("8-8, stride 2, 32x32", 256, 32, 8, 8, 3, 2),
    Case("8-16, 16x16", 256, 16, 8, 16),
    Case("2-32, 5x5 stride 2, 34x34", 256, 34, 2, 32, 5, 2),
    Case("1-16, 5x5 stride 2, 28x28", 512, 28, 1, 16, 5, 2),
    Case("16-32, stride 2, 12x12", 512, 12, 16, 32, 3, 2),
    Case("16-16, 16x16", 64, 16, 16, 16),
    Case("32-32, 16x16", 64, 16, 32, 32),
    Case("64-64, stride 2, 32x32", 64, 32, 64, 64, 3, 2, quick=True),
    Case("64-128, 16x16", 64, 16, 64, 128, quick=True),
    Case("128-128, stride 2, 16x16", 64, 16, 128, 128, 3, 2),
    Case("128-256, 8x8", 64, 8, 128, 256),
    Case("256-256, 8x8", 64, 8, 256, 256, quick=True),
    Case("128-128, 4x4", 128, 4, 128, 128),
    Case("64-64, 2x2", 256, 2, 64, 64),
    Case("32-32, 1x1, 8x8", 64, 8, 32, 32, 1),
    Case("128-128, 1x1, 8x8", 64, 8, 128, 128, 1),
    Case("dense 64-64", 256, 0, 64, 64),
    Case("dense 32-100", 256, 0, 32, 100),
    Case("dense 800-10", 512, 0, 800, 10),
    Case("dense 800-512", 512, 0, 800, 512),
    Case("dense 4096-512", 64, 0, 4096, 512),
    Case("dense 512-512", 1024, 0, 512, 512),
)


def main() -> None:
    choices = options(__doc__)
    torch.set_num_threads(1)
    rounds = 5 if choices.quick else 9
    rows: list[Row] = []
    found: dict[str, list[tuple[Geometry, float]]] = {"forward": [], "weight gradient": []}
    for case in CASES:
        if choices.quick and not case.quick:
            continue
        gains: dict[str, list[float]] = {name: [] for name in found}
        for density in DENSITIES:
            for name, runs in measure(case, density, rounds).items():
                gains[name].append(statistics.median(runs))
                target = TARGETS.get(density, 0) if name != "forward" else 0
                work = f"{case.name}, density {density}"
                rows.append(Row(work, f"{name}, torch / events", runs, target, "higher", "x"))
                print(f"{work}: {name} {gains[name][-1]:.2f}x", file=sys.stderr, flush=True)
        for name, column in gains.items():
            layer = case.dense.geometry(torch.Size(case.shape), case.weight)
            found[name].append((layer, even(column)))
    notes = [note for name, layers in found.items() for note in told(name, layers)]
    report(rows, choices.json, notes)


def measure(case: Case, density: float, rounds: int) -> dict[str, list[float]]:
    """Return, both ways, the ratios of torch's seconds to ours."""
    torch.manual_seed(0)
    spikes, weight, dense = (torch.rand(case.shape) < density).float(), case.weight, case.dense
    layer = dense.geometry(spikes.shape, weight)
    of_result = torch.randn(dense.forward(spikes, weight).shape)
    sides: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "forward": (
            partial(dense.forward, spikes, weight),
            partial(over_events, spikes, weight, layer),
        ),
        "weight gradient": (
            partial(dense.of_weight, spikes, of_result, weight),
            partial(gradient.of_weight, bits_of(spikes), of_result, layer),
        ),
    }
    ratios = {}
    for name, functions in sides.items():
        torch_s, ours_s = in_turns(rounds, *(partial(processor_seconds, f) for f in functions))
        ratios[name] = [a / b for a, b in zip(torch_s, ours_s, strict=True)]
    return ratios


def over_events(spikes: torch.Tensor, weight: torch.Tensor, layer: Geometry) -> torch.Tensor:
    """Do all that a forward pass over events does, finding out whether it may included."""
    bits = bits_of(spikes)
    kernel = weight if weight.dim() == 4 else weight[:, :, None, None]
    return forward.weighted(bits, kernel, layer)


def bits_of(spikes: torch.Tensor) -> Bits:
    bits = packed(spikes)
    if bits is None:
        raise ValueError("these are no spikes.")
    return bits


def processor_seconds(function: Callable[[], Any]) -> float:
    started = time.process_time()
    function()
    return time.process_time() - started


def even(gains: list[float]) -> float:
    """Return the density at which both ways take the same time.

    The time over events is a straight line in the density, and torch's does not depend on it: so
    is the inverse of the gain, whose line is fitted.
    """
    slope, start = np.polyfit(DENSITIES, [1 / gain for gain in gains], 1)
    return float((1 - start) / slope)


def told(name: str, layers: list[tuple[Geometry, float]]) -> Iterator[str]:
    """Yield the crossovers measured, and those that are chosen."""
    way = choice.FORWARD if name == "forward" else choice.GRADIENT
    for layer, density in layers:
        text = f"{layer.in_c}-{layer.out_c}, {layer.kernel_y}x{layer.kernel_x}"
        chosen = way.of(layer).density(layer)
        yield f"{name}, {text}: even at a density of {density:.3f}, chosen below {chosen:.3f}"


if __name__ == "__main__":
    main()
