"""The rows of CUDA, where a GPU is at hand: against SLAYER's own kernels, which need nvcc."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from _bench import Row, in_turns, ratios, seconds
from _training_nets import NEURON, Unavailable, mnist, ours, step_of, stock, vgg9
from torch.utils import cpp_extension

from loihi_sca.slayer import accelerate
from loihi_sca.slayer.dynamics import neuron
from loihi_sca.slayer.lava import slayer

BATCH = {"MNIST net": 64, "VGG-9": 64}
NETS = {"MNIST net": mnist, "VGG-9": vgg9}


def cuda(rounds: int, quick: bool) -> Iterator[Row]:
    """Measure layers and training steps on a GPU."""
    if not torch.cuda.is_available():
        raise Unavailable("CUDA: not measured, there is no GPU here.")
    card = torch.cuda.get_device_name()
    yield from _layers(rounds, card)
    yield from _steps(rounds, card)


def _peer() -> str:
    """Return what we are compared with."""
    if shutil.which("nvcc") and cpp_extension.CUDA_HOME:
        return "SLAYER's CUDA kernels"
    return "64-bit integers in torch"  # SLAYER's kernels cannot be built here


def _layers(rounds: int, card: str) -> Iterator[Row]:
    block = slayer.block.cuba.Conv(
        {**NEURON.model_dump(), "norm": slayer.neuron.norm.MeanOnlyBatchNorm},
        16, 16, 3, padding=1, weight_scale=3, delay_shift=False,
    ).cuda()  # fmt: skip
    for steps in (8, 16, 64):
        generator = torch.Generator().manual_seed(0)
        spikes = (torch.rand(64, 16, 12, 12, steps, generator=generator) < 0.2).float().cuda()
        gradient = torch.randn(64, 16, 12, 12, steps, generator=generator).cuda()
        columns = in_turns(
            rounds,
            partial(_as_peer, partial(_pass, _peers_of(block), spikes, gradient)),
            partial(_timed, partial(_pass, accelerate(copy.deepcopy(block)), spikes, gradient)),
        )
        work = f"{card}: CUBA layer 64x16x12x12, T={steps}"
        yield _row(work, "block, forward + backward", columns)


def _steps(rounds: int, card: str) -> Iterator[Row]:
    for name, net in NETS.items():
        for steps in (8, 16):
            config, shape = net()
            count = BATCH[name]
            spikes = (torch.rand(count, *shape, steps) < 0.2).float().cuda()
            labels = (torch.arange(count) % 10).cuda()
            slow = step_of(_peers_of(stock(config, shape)).cuda(), spikes, labels)
            fast = step_of(ours(config, shape).cuda(), spikes, labels)
            columns = in_turns(rounds, partial(_as_peer, slow), partial(_timed, fast))
            yield _row(f"{card}: {name}, batch {count}, T={steps}", "training step", columns)


def _row(work: str, metric: str, columns: list[list[float]]) -> Row:
    return Row(work, f"{metric}, {_peer()} / ours", ratios(*columns), 1, "higher", "x")


def _peers_of(model: Any) -> Any:
    """Return the model as the peer computes it."""
    return model if _peer().startswith("SLAYER") else accelerate(copy.deepcopy(model))


def _as_peer(function: Callable[[], Any]) -> float:
    with _without_triton() if not _peer().startswith("SLAYER") else _as_it_is():
        return _timed(function)


def _timed(function: Callable[[], Any]) -> float:
    def finished() -> None:
        function()
        torch.cuda.synchronize()

    torch.cuda.synchronize()
    return seconds(finished)


def _pass(module: Any, spikes: torch.Tensor, gradient: torch.Tensor) -> None:
    leaf = spikes.detach().requires_grad_()
    module(leaf).backward(gradient)


@contextmanager
def _without_triton() -> Iterator[None]:
    before = neuron.scans_on
    neuron.scans_on = lambda device: None  # type: ignore[assignment]
    yield
    neuron.scans_on = before


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield
