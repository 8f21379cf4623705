#!/usr/bin/env python3
"""How fast the fast engine is: against Lava, bare convolutions, snnTorch and SpikingJelly.

Both sides of a ratio are measured in turns in one run, and medians are given. Networks have random
weights, and thresholds at which a tenth of the neurons spike at a timestep.

    scripts/bench/engine.py [--quick] [--json OUT]

snnTorch and SpikingJelly are installed with
``pip install "loihi-sca[bench]"``; without them their rows are left out, and the output says so.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from _bench import Row, in_turns, options, ratios, report
from _peers import Unavailable, bare_torch, snntorch_model, spikingjelly_model
from _recurrent import recurrent
from _sigma_delta import sigma_delta

from loihi_sca.compiler.pipeline import PASSES, run_passes
from loihi_sca.engine import fast, lava_cpu
from loihi_sca.engine.result import RunResult
from loihi_sca.network import Conv, Cuba, Dense, Layer, Network, Pool, Shape
from loihi_sca.pipeline.evaluate import SPIKE_BYTES

SMALL = "28x28: 16C5s2-32C3s2-64-10, T=32"
VGG = "VGG-9 32x32x3, T=8"
RATE = 0.2
HIDDEN_RATE = 0.1

MEMORY_MIB = 1024
"""The default budget of the engine, which here bounds the whole process."""


def main() -> None:
    choices = options(__doc__)
    rounds = 3 if choices.quick else 9
    rows, notes = [], []
    parts = (
        against_lava, sigma_delta, recurrent, against_torch, against_peers, growth, preparation,
        memory,
    )  # fmt: skip
    for part in parts:
        try:
            for row in part(rounds, choices.quick, notes):
                print(f"{row.work}: {row.metric} {row.value:.4g} {row.unit}", file=sys.stderr)
                rows.append(row)
        except Unavailable as missing:
            notes.append(str(missing))
    report(rows, choices.json, notes)


# --- the work ---------------------------------------------------------------------------------


def small() -> Network:
    neuron = Cuba(1024, 512, 0)
    shape: Shape = (1, 28, 28)
    layers: list[Layer] = []
    for name, channels, kernel in (("conv1", 16, 5), ("conv2", 32, 3)):
        weight = _weights(channels, shape[0], kernel, kernel)
        layers.append(Conv(name, shape, weight, stride=(2, 2), neuron=neuron))
        shape = layers[-1].out_shape
    for name, outputs in (("dense1", 64), ("dense2", 10)):
        weight = _weights(outputs, int(np.prod(shape)))
        layers.append(Dense(name, shape, weight, neuron=neuron))
        shape = (outputs,)
    return with_thresholds(Network(SMALL, tuple(layers), timesteps=32))


def vgg() -> Network:
    neuron = Cuba(1024, 512, 0)
    shape: Shape = (3, 32, 32)
    layers: list[Layer] = []
    for i, channels in enumerate((64, 64, 0, 128, 128, 0, 256, 256, 0)):
        if channels:
            weight = _weights(channels, shape[0], 3, 3)
            layers.append(Conv(f"conv{i}", shape, weight, padding=(1, 1), neuron=neuron))
        else:  # spikes if any of its four inputs does
            pool = Cuba(4096, 4096, 30)
            weight = np.full((2, 2), 60)
            layers.append(Pool(f"pool{i}", shape, weight, stride=(2, 2), neuron=pool))
        shape = layers[-1].out_shape
    for name, outputs in (("dense1", 256), ("dense2", 10)):
        weight = _weights(outputs, int(np.prod(shape)))
        layers.append(Dense(name, shape, weight, neuron=neuron))
        shape = (outputs,)
    return with_thresholds(Network(VGG, tuple(layers), timesteps=8))


def with_thresholds(network: Network) -> Network:
    """Return the network with thresholds at which :data:`HIDDEN_RATE` is met, layer by layer."""
    spikes = spikes_for(network, 4)
    layers: list[Layer] = []
    for layer in network:
        spikes = spikes.reshape(len(spikes), *layer.in_shape, spikes.shape[-1])
        low, high = 0, 1 << 17
        while not isinstance(layer, Pool) and high - low > 1:
            middle = (low + high) // 2
            layer = replace(layer, neuron=replace(layer.neuron, threshold=middle))
            spiking = fast.run(Network("one", (layer,)), spikes).spikes.mean()
            low, high = (middle, high) if spiking > HIDDEN_RATE else (low, middle)
        layers.append(layer)
        spikes = fast.run(Network("one", (layer,)), spikes).spikes
    return network.replace(layers=tuple(layers))


def _weights(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(sum(shape))
    return np.clip(np.rint(rng.normal(0, 30, shape)), -128, 127).astype(np.int32) * 2


def spikes_for(network: Network, samples: int, steps: int | None = None) -> np.ndarray:
    steps = steps or network.timesteps or 1
    rng = np.random.default_rng(1)
    return (rng.random((samples, *network.in_shape, steps), dtype=np.float32) < RATE).astype(
        np.uint8
    )


def rates(result: RunResult) -> str:
    shares = [f"{x.name} {100 * x.spikes / x.updates:.0f} %" for x in result.activity]
    return f"spike rates: input {100 * RATE:.0f} %, " + ", ".join(shares)


# --- the parts --------------------------------------------------------------------------------


def against_lava(rounds: int, quick: bool, notes: list[str]) -> Iterator[Row]:
    """Let Lava stream samples, its start excluded.

    Its time per step counts, so that filling and emptying its pipeline does not count against it.
    """
    cases = [(small(), 16 if quick else 64, 1024, 400), (vgg(), 2, 32, 300)]
    for network, few, many, target in cases:
        lowered = run_passes(network, PASSES).network
        data = spikes_for(network, many)
        steps = few * data.shape[-1] + len(lowered.synapse_layers)
        on_lava, ours = [], []
        for _ in range(1 if quick else 3):
            ours.append(_per_sample(network, data))
            lava = lava_cpu.run(lowered, data[:few])
            on_lava.append(lava.wall_time_s / steps * data.shape[-1])
            ours.append(_per_sample(network, data))
        if not np.array_equal(lava.spikes, fast.run(network, data[:few]).spikes):
            raise SystemExit(f"{network.name}: Lava and the fast engine differ")
        notes.append(
            f"{network.name}: Lava {1e3 * np.median(on_lava):.4g} ms, fast "
            f"{1e3 * np.median(ours):.4g} ms per sample; {rates(fast.run(network, data[:4]))}"
        )
        runs = [float(np.median(on_lava)) / t for t in ours]
        yield Row(network.name, "Lava / fast", runs, target, "higher", "x")


def _per_sample(network: Network, data: np.ndarray) -> float:
    return min(fast.run(network, data).wall_time_s for _ in range(2)) / len(data)


def against_torch(rounds: int, quick: bool, notes: list[str]) -> Iterator[Row]:
    """Compare with the synapses alone, on the same spikes, T folded into the batch."""
    for network, samples in ((small(), 128), (vgg(), 8)):
        data = spikes_for(network, samples)
        layers = bare_torch(network, data)
        torch, ours = in_turns(rounds, layers, lambda: fast.run(network, data).wall_time_s)  # noqa: B023
        yield Row(
            network.name, "fast, all / bare torch convolutions", ratios(ours, torch), 1.3,
            "lower", "x",
        )  # fmt: skip


def against_peers(rounds: int, quick: bool, notes: list[str]) -> Iterator[Row]:
    """Inference of the same network in float, on the processor."""
    network = small()
    data = spikes_for(network, 128)
    peers: dict[str, tuple[Callable[..., Callable[[], float]], float]] = {
        "snnTorch": (snntorch_model, 2),
        "SpikingJelly multi-step": (spikingjelly_model, 1.2),
    }
    for name, (build, target) in peers.items():
        try:
            peer = build(network, data)
        except Unavailable as missing:
            notes.append(str(missing))
            continue
        theirs, ours = in_turns(rounds, peer, lambda: fast.run(network, data).wall_time_s)
        yield Row(network.name, f"{name} / fast", ratios(theirs, ours), target, "higher", "x")


def growth(rounds: int, quick: bool, notes: list[str]) -> Iterator[Row]:
    """Cost per sample and per step as there are more of them."""
    network = small()
    few, many = spikes_for(network, 256), spikes_for(network, 4096)
    times = in_turns(
        rounds,
        lambda: fast.run(network, few).wall_time_s,
        lambda: fast.run(network, many).wall_time_s,
    )
    growing = [a / 16 for a in ratios(times[1], times[0])]
    yield Row(network.name, "time per sample, N=4096 / N=256", growing, 1.2, "lower", "x")
    short, long = spikes_for(network, 256, 16), spikes_for(network, 256, 256)
    times = in_turns(
        rounds,
        lambda: fast.run(network, short).wall_time_s,
        lambda: fast.run(network, long).wall_time_s,
    )
    growing = [a / 16 for a in ratios(times[1], times[0])]
    yield Row(network.name, "time per step, T=256 / T=16", growing, 1.2, "lower", "x")


def preparation(rounds: int, quick: bool, notes: list[str]) -> Iterator[Row]:
    """Measure what it saves to prepare a network once, on parts of 8 MiB, as in `evaluate`."""
    network = vgg()
    parts, samples = (2, 64) if quick else (4, SPIKE_BYTES // (3 * 32 * 32 * 8))
    data = [spikes_for(network, samples) for _ in range(parts)]

    def anew() -> float:
        started = time.perf_counter()
        for part in data:
            fast.run(network, part)
        return time.perf_counter() - started

    def prepared() -> float:
        started = time.perf_counter()
        ready = fast.prepare(network)
        for part in data:
            ready.run(part)
        return time.perf_counter() - started

    laid_out, kept = in_turns(rounds, anew, prepared)
    what = f"{parts} x {samples} samples: laid out for each part / prepared once"
    yield Row(network.name, what, ratios(laid_out, kept), 1.0, "higher", "x")


MEASURE = """
import sys
import numpy as np
sys.path.insert(0, {folder!r})
from _bench import peak_memory_mib
from engine import small
from loihi_sca.pipeline import evaluate as evaluation
from loihi_sca.data import Dataset, Images
from loihi_sca.engine import fast
images = np.random.default_rng(0).random(({samples}, 1, 28, 28), dtype=np.float32) * 0.4
data = Dataset("random", Images(images), np.zeros({samples}, dtype=np.int64), 32, 10)
evaluation.evaluate(small(), data, fast.prepare)
print(peak_memory_mib())
"""


def memory(rounds: int, quick: bool, notes: list[str]) -> Iterator[Row]:
    """Peak of a fresh process that evaluates a dataset, interpreter and compiler included."""
    for samples in (1000, 10_000):
        code = MEASURE.format(folder=sys.path[0], samples=samples)
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        yield Row(
            SMALL, f"peak memory, N={samples}", [float(done.stdout)], MEMORY_MIB, "lower", "MiB"
        )


if __name__ == "__main__":
    main()
