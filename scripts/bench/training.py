#!/usr/bin/env python3
"""How fast training is: against stock SLAYER, snnTorch and SpikingJelly; CUDA if there is a GPU.

Both sides of a ratio are measured in turns in one run, and medians are given. Weights are random,
scaled so that spikes reach the last layer; the input spikes at a rate of 0.2.

    scripts/bench/training.py [--quick] [--json OUT]
        [--against FOLDER [--threads N] [--spikingjelly PYTHON] [--sparx PYTHON]]

With --against only a training step is measured, at the rates of a trained network, beside that of
the build in another worktree and of libraries that live in environments of their own.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from _bench import Row, in_turns, parser_of, ratios, report, seconds
from _training_builds import PEERS, Sides, against_build
from _training_cuda import cuda
from _training_nets import (
    CLASSES,
    NEURON,
    SnnTorchNet,
    SpikingJellyNet,
    Unavailable,
    mnist,
    ours,
    step_of,
    stock,
    vgg9,
)
from _training_overhead import TimedPruner, overhead

from loihi_sca.config import PruningConfig
from loihi_sca.model.removal import remove_pruned
from loihi_sca.pruning import Pruner
from loihi_sca.slayer import accelerate
from loihi_sca.slayer.dynamics import layout
from loihi_sca.slayer.lava import slayer

NETS = {"MNIST net": mnist, "VGG-9": vgg9}
BATCH = {"MNIST net": 64, "VGG-9": 8}
RATE = 0.2
KEPT = 0.3

Part = Callable[[int, bool], Iterator[Row]]


def main() -> None:
    if sys.argv[1:2] == ["--peak"]:  # a child of memory()
        print(peak_of(*sys.argv[2:4]))
        return
    parser = parser_of(__doc__)
    parser.add_argument(
        "--against", type=Path, metavar="FOLDER", help="a worktree of another build"
    )
    for name in PEERS:
        parser.add_argument(
            f"--{name}", type=Path, metavar="PYTHON",
            help=f"with --against: the Python of an environment that has {name}",
        )  # fmt: skip
    parser.add_argument("--threads", type=int, default=2, help="with --against: up to so many")
    choices = parser.parse_args()
    rounds = 3 if choices.quick else 9
    rows: list[Row] = []
    notes: list[str] = []
    parts: list[Part] = [
        layer, steps, bookkeeping, frozen, against_snntorch, against_spikingjelly, memory, cuda,
    ]  # fmt: skip
    if choices.against is not None:
        peers = {name: getattr(choices, name) for name in PEERS if getattr(choices, name)}
        sides = Sides(choices.against, peers)
        parts = [lambda rounds, _: against_build(sides, rounds, choices.threads, notes)]
    for part in parts:
        try:
            for row in part(rounds, choices.quick):
                print(f"{row.work}: {row.metric} {row.value:.4g} {row.unit}", file=sys.stderr)
                rows.append(row)
        except Unavailable as missing:
            notes.append(str(missing))
    report(rows, choices.json, notes)


def threads(most: int = 2) -> Iterator[int]:
    for count in range(1, most + 1):
        torch.set_num_threads(count)
        yield count
    torch.set_num_threads(1)


def layer(rounds: int, quick: bool) -> Iterator[Row]:
    """Measure a CUBA layer: the neuron alone, and the block with its convolution."""
    block = slayer.block.cuba.Conv(
        {**NEURON.model_dump(), "norm": slayer.neuron.norm.MeanOnlyBatchNorm},
        16, 16, 3, padding=1, weight_scale=3, delay_shift=False,
    )  # fmt: skip
    for count in threads():
        for steps_ in (8, 16, 64):
            spikes = random_spikes(64, 16, 12, 12, steps_)
            weighted = block.synapse(spikes).detach()
            gradient = torch.randn(weighted.shape)
            fast = accelerate(copy.deepcopy(block))
            work = f"CUBA layer 64x16x12x12, T={steps_}, {count} threads"
            # each side gets its tensors in the layout in which the layers around it give them
            for metric, target, slow, quick_, given in (
                ("neuron, forward + backward", 6, block.neuron, fast.neuron, weighted),
                ("block, forward + backward", 2, block, fast, spikes),
            ):
                sides = (
                    partial(passes, slow, given, gradient),
                    partial(passes, quick_, time_first(given), time_first(gradient)),
                )
                yield Row(work, metric, ratios(*in_turns(rounds, *sides)), target, "higher", "x")


def passes(module: Callable[..., Any], x: torch.Tensor, gradient: torch.Tensor) -> float:
    """Return the seconds of a forward and a backward pass."""
    leaf = x.detach().requires_grad_()
    return seconds(lambda: module(leaf).backward(gradient))


def steps(rounds: int, quick: bool) -> Iterator[Row]:
    """Measure a full training step."""
    for count in threads():
        for name, steps_, target in (
            ("MNIST net", 8, 2.5),
            ("MNIST net", 16, 2.5),
            ("VGG-9", 8, 2),
        ):
            config, shape = NETS[name]()
            batch = batch_of(name, steps_)
            slow, fast = step_of(stock(config, shape), *batch), step_of(ours(config, shape), *batch)
            columns = in_turns(rounds, partial(seconds, slow), partial(seconds, fast))
            work = f"{name}, batch {BATCH[name]}, T={steps_}, {count} threads"
            yield Row(work, "training step", ratios(*columns), target, "higher", "x")


def bookkeeping(rounds: int, quick: bool) -> Iterator[Row]:
    """Measure what scores, gates and protection add.

    It is little, and drowns in the noise of whole steps. So its parts are timed where they happen:
    the forward scans with and without sums for a criterion, in turns, and the pruner's calls.
    """
    torch.set_num_threads(1)
    for name, steps_ in (("MNIST net", 8), ("MNIST net", 16), ("VGG-9", 8)):
        config, shape = NETS[name]()
        model = ours(config, shape)
        switch_off(model, 0.5)
        pruner = Pruner(model, PruningConfig(keep=0.4, regenerate=0.1))
        step = step_of(model, *batch_of(name, steps_), TimedPruner(pruner))
        share = [100 * overhead(model, step) for _ in range(rounds)]
        work = f"{name}, batch {BATCH[name]}, T={steps_}, half of the channels off"
        yield Row(work, "SCA bookkeeping, of the step", share, 3, "lower", "%")


def frozen(rounds: int, quick: bool) -> Iterator[Row]:
    """Compare a step after pruned channels were taken out with the dense network."""
    for count in threads():
        for name, steps_ in (("MNIST net", 16), ("VGG-9", 8)):
            config, shape = NETS[name]()
            batch = batch_of(name, steps_)
            dense, small = ours(config, shape), ours(config, shape)
            switch_off(small, 1 - KEPT)
            remove_pruned(small)
            functions = (step_of(small, *batch), step_of(dense, *batch))
            columns = in_turns(rounds, *(partial(seconds, f) for f in functions))
            work = f"{name}, T={steps_}, frozen at {KEPT:.0%} of the channels, {count} threads"
            yield Row(work, "step time against dense", ratios(*columns), 0.5, "lower", "x")


def against_snntorch(rounds: int, quick: bool) -> Iterator[Row]:
    yield from against("snnTorch", SnnTorchNet, rounds, quick)


def against_spikingjelly(rounds: int, quick: bool) -> Iterator[Row]:
    yield from against("SpikingJelly", SpikingJellyNet, rounds, quick)


def against(name: str, peer: Callable[..., Any], rounds: int, quick: bool) -> Iterator[Row]:
    """Compare with float LIF neurons, without norm, gates and quantisation."""
    for count in threads(1 if quick else 2):
        for net, steps_ in (("MNIST net", 8), ("MNIST net", 16), ("VGG-9", 8)):
            config, shape = NETS[net]()
            batch = batch_of(net, steps_)
            slow = step_of(peer(config, shape), *batch)
            fast = step_of(ours(config, shape), *batch)
            columns = in_turns(rounds, partial(seconds, slow), partial(seconds, fast))
            work = f"{net}, batch {BATCH[net]}, T={steps_}, {count} threads"
            yield Row(work, f"training step, {name} / ours", ratios(*columns), 1, "higher", "x")


def memory(rounds: int, quick: bool) -> Iterator[Row]:
    """Measure the peak of a step above that of the loaded libraries, each in its own process."""
    if not sys.platform.startswith("linux"):
        raise Unavailable("peak memory is read from Linux's /proc only.")
    for name in NETS:
        runs = []
        for _ in range(1 if quick else 3):
            fast, slow = (child_peak(name, side) for side in ("ours", "stock"))
            runs.append(fast / slow)
        work = f"{name}, batch {BATCH[name]}, T=16"
        yield Row(work, "peak memory against stock", runs, 0.7, "lower", "x")


def child_peak(name: str, side: str) -> float:
    command = [sys.executable, __file__, "--peak", name, side]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def peak_of(name: str, side: str) -> float:
    """Return the MiB that three steps need at most."""
    torch.set_num_threads(1)
    config, shape = NETS[name]()
    # everything is loaded and compiled before the count starts
    step_of(ours(config, shape), *batch_of(name, 2, samples=1))()
    step_of(stock(config, shape), *batch_of(name, 2, samples=1))()
    model = ours(config, shape) if side == "ours" else stock(config, shape)
    step = step_of(model, *batch_of(name, 16))
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far no longer counts
    before = kib("VmRSS")
    for _ in range(3):
        step()
    return (kib("VmHWM") - before) / 1024


def kib(field: str) -> int:
    """Return a line of Linux's account of this process."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def batch_of(
    name: str, steps_: int, samples: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    _, shape = NETS[name]()
    count = samples or BATCH[name]
    return random_spikes(count, *shape, steps_), torch.arange(count) % CLASSES


def random_spikes(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(*shape, generator=generator) < RATE).float()


def time_first(values: torch.Tensor) -> torch.Tensor:
    return layout.from_rows(layout.rows(values))


def switch_off(model: Any, share: float) -> None:
    for _, block in model.gated:
        if block.prunable:
            block.gate.data[: round(share * block.channels)] = 0


if __name__ == "__main__":
    main()
