"""A process that trains one network in one build of ours, a step whenever it is asked to.

``_training_worker.py BUILD NET SIDE THREADS``: BUILD is a worktree, whose packages and networks
are used; SIDE is ``ours`` or ``stock``. It prints the peak memory of its first steps in MiB, then
for each line that it reads, the seconds and processor seconds of a step.

Ours keeps the memory that it frees, as ``train`` of either build does, and lets torch's threads
rest where the build's commands do; stock SLAYER keeps what glibc keeps by itself in the long run.

Each layer's weights are scaled so that 10 % of its neurons spike in a step, as in a trained
network. They are put back before every step.
"""

from __future__ import annotations

import contextlib
import copy
import ctypes
import gc
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

RATE = 0.1
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Of mallopt(3)."""

SAMPLES = {
    "MNIST net": (64, 8),
    "784-512-512-10": (128, 8),
    "VGG-9": (8, 8),
    "VGG16, width 1/4": (16, 4),
}
"""Batch and timesteps."""


def main(build: str, net: str, side: str, threads: str) -> None:
    sys.path[:0] = [build, str(Path(build) / "scripts" / "bench")]
    if side == "ours":
        with contextlib.suppress(ImportError):  # the older build does not know it
            from loihi_sca.processor import let_threads_rest

            let_threads_rest()
    import torch

    torch.set_num_threads(int(threads))
    # whatever libraries print is not for whom we answer
    with open(os.dup(1), "w") as answers, contextlib.redirect_stdout(sys.stderr):
        step, restore = prepared(net, side)
        gc.collect()
        allocator = ctypes.CDLL(None)
        allocator.mallopt(MMAP_THRESHOLD, 1 << 16)  # or the peak depends on how memory is cut up
        allocator.malloc_trim(0)  # what was freed is not there for these steps to use
        peak = peak_of(step)
        if side == "ours":
            from loihi_sca.training.memory import keep_freed_memory

            keep_freed_memory()
        else:
            allocator.mallopt(MMAP_THRESHOLD, 1 << 25)
            allocator.mallopt(TRIM_THRESHOLD, 1 << 26)
        print(peak, file=answers, flush=True)
        for _ in sys.stdin:
            restore()
            wall, cpu = time.perf_counter(), time.process_time()
            step()
            passed = time.perf_counter() - wall, time.process_time() - cpu
            print(*passed, file=answers, flush=True)


def prepared(net: str, side: str) -> tuple[Any, Any]:
    """Return a function that does a step, and one that puts the weights back."""
    import torch
    from _training_nets import CLASSES, ours, step_of, stock

    config, shape = described(net)
    batch, timesteps = SAMPLES[net]
    generator = torch.Generator().manual_seed(0)
    spikes = (torch.rand(batch, *shape, timesteps, generator=generator) < RATE).float()
    labels = torch.arange(batch) % CLASSES
    model: Any = ours(config, shape)
    set_rates(model, spikes[:4])
    if side == "stock":
        theirs = stock(config, shape)
        for block, copied in zip(model.children(), theirs.children(), strict=True):
            if hasattr(block, "synapse"):
                scale = block.scale.data.reshape(-1, 1, 1, 1, 1)
                copied.synapse.weight.data = block.synapse.weight.data * scale
        model = theirs
    step_of(model, spikes, labels)()  # compile and load all that a step needs
    model.zero_grad()
    state = copy.deepcopy(model.state_dict())
    return step_of(model, spikes, labels), lambda: model.load_state_dict(state)


def described(net: str) -> tuple[Any, tuple[int, ...]]:
    """Return the configuration of a network, and the shape of its input."""
    from _training_nets import NEURON, mnist, vgg9

    from loihi_sca.config import DenseConfig, ModelConfig

    neuron = NEURON.model_copy(update={"tau_grad": 0.1})
    options = {"neuron": neuron, "weight_scale": 3.0}
    if net == "VGG16, width 1/4":
        return ModelConfig(zoo="vgg16", width=0.25, **options), (3, 32, 32)
    if net == "784-512-512-10":
        hidden = DenseConfig(type="dense", neurons=512)
        return ModelConfig(layers=(hidden, hidden), **options), (1, 28, 28)
    return {"MNIST net": mnist, "VGG-9": vgg9}[net]()


def set_rates(model: Any, spikes: Any) -> None:
    """Scale the weights of each layer until its neurons spike at the rate."""
    import torch

    with torch.no_grad():
        for block in model.children():
            if hasattr(block, "scale"):
                low, high = 0.01, 100.0
                for _ in range(12):
                    middle = (low * high) ** 0.5
                    block.scale.data.fill_(middle)
                    low, high = (low, middle) if block(spikes).mean() > RATE else (middle, high)
            spikes = block(spikes)


def peak_of(step: Any) -> float:
    """Return the most MiB that two steps have at once, of what is not pages of files.

    Those the system takes back whenever it likes, so the peak that it keeps itself says little.
    """
    done, seen = threading.Event(), [anonymous_mib()]

    def watch() -> None:
        while not done.wait(0.0005):
            seen.append(anonymous_mib())

    watching = threading.Thread(target=watch)
    watching.start()
    step()
    step()
    done.set()
    watching.join()
    return max(seen) - seen[0]


def anonymous_mib() -> float:
    """Return the memory of this process that no file backs."""
    _, resident, shared, *_ = Path("/proc/self/statm").read_text(encoding="utf-8").split()
    return (int(resident) - int(shared)) * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main(*sys.argv[1:])
