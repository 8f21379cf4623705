"""A process that trains a network in somebody else's library, in that library's own environment.

``_training_peer.py LIBRARY NETWORK THREADS``: LIBRARY is ``spikingjelly`` or ``sparx``; NETWORK is
JSON: ``{"layers": [["conv", in, out, kernel, stride, padding], ["dense", in, out], ...],
"shape": [C, H, W], "batch": N, "timesteps": T, "rate": ...}``. It prints the name of the mode it
has found to be the fastest, then for each line that it reads the seconds and processor seconds of a
step: forward, cross entropy of the summed output, backward, Adam. Their neurons are float LIF;
their synapses are neither normed nor quantised, and cost the same whatever spikes.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

Step = Callable[[], None]


def main(library: str, network: str, threads: str) -> None:
    net = json.loads(network)
    with open(os.dup(1), "w") as answers, contextlib.redirect_stdout(sys.stderr):
        modes = {"spikingjelly": spikingjelly, "sparx": sparx}[library](net, int(threads))
        name, step = fastest(modes)
        print(name, file=answers, flush=True)
        for _ in sys.stdin:
            print(*timed(step), file=answers, flush=True)


def timed(step: Step) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - wall, time.process_time() - cpu


def fastest(modes: dict[str, Step]) -> tuple[str, Step]:
    """Return the mode with the fewest processor seconds in the best of five steps."""
    found = {}
    for name, step in modes.items():
        step()
        step()
        found[name] = min(timed(step)[1] for _ in range(5))
    name = min(found, key=lambda mode: found[mode])
    return name, modes[name]


def spikingjelly(net: dict[str, Any], threads: int) -> dict[str, Step]:
    """Return its steps: all timesteps at once, channels last, as it is or compiled."""
    import torch
    from spikingjelly.activation_based import functional, layer, neuron
    from torch import nn

    torch.set_num_threads(threads)
    shape = (net["timesteps"], net["batch"], *net["shape"])
    spikes = (torch.rand(shape) < net["rate"]).float()
    labels = torch.arange(net["batch"]) % 10

    def built() -> nn.Sequential:
        parts: list[nn.Module] = []
        flat = len(net["shape"]) == 1
        for kind, *sizes in net["layers"]:
            synapse: list[nn.Module] = []
            if kind == "conv":
                synapse = [nn.Conv2d(*sizes, bias=False)]
            else:
                synapse = [*([] if flat else [nn.Flatten()]), nn.Linear(*sizes, bias=False)]
                flat = True
            lif = neuron.LIFNode(10.0, decay_input=False, v_reset=0.0, step_mode="m")
            parts += [layer.SeqToANNContainer(*synapse), lif]
        return nn.Sequential(*parts)

    def step_of(compiled: bool) -> Step:
        model = built().to(memory_format=torch.channels_last)
        run = torch.compile(model) if compiled else model
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)

        def step() -> None:
            functional.reset_net(model)
            loss = nn.functional.cross_entropy(run(spikes).sum(0), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        return step

    return {"multi-step": step_of(False), "multi-step, torch.compile": step_of(True)}


def sparx(net: dict[str, Any], threads: int) -> dict[str, Step]:
    """Return its step: dense layers, as in its own example of MNIST, jitted."""
    if threads == 1:
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        os.environ["XLA_FLAGS"] = flags
    import jax
    import optax
    import sparx as library
    from flax import linen
    from jax import numpy as jnp

    widths = [sizes[1] for _kind, *sizes in net["layers"]]

    class Net(linen.Module):  # type: ignore[misc]
        @linen.compact  # type: ignore[misc]
        def __call__(self, x: Any) -> Any:
            for width in widths[:-1]:
                x = library.nn.LIF(tau=2.0, detach_reset=True)(linen.Dense(width)(x))
            return library.nn.LI(tau=2.0)(linen.Dense(widths[-1])(x))

    shape = (net["timesteps"], net["batch"], *net["shape"])
    spikes = jax.random.bernoulli(jax.random.key(0), net["rate"], shape).astype(jnp.float32)
    labels = jnp.arange(net["batch"]) % 10
    model = Net()
    optimizer = optax.adam(1e-3)

    @jax.jit
    def train(parameters: Any, moments: Any) -> Any:
        def loss(parameters: Any) -> Any:
            scores = model.apply(parameters, spikes).mean(axis=0)
            return optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()

        updates, moments = optimizer.update(jax.grad(loss)(parameters), moments)
        return optax.apply_updates(parameters, updates), moments

    parameters = model.init(jax.random.key(1), spikes)
    state = [parameters, optimizer.init(parameters)]

    def step() -> None:
        state[:] = jax.block_until_ready(train(*state))

    return {"jit": step}


if __name__ == "__main__":
    main(*sys.argv[1:])
