"""Sigma-delta: a network of PilotNet's shape against Lava; what inputs that stand still save."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator, Sequence
from typing import Any

import _numpy_sdnn as numpy_sdnn
import numpy as np
from _bench import Row, in_turns, ratios

from loihi_sca.engine import fast, lava_cpu
from loihi_sca.engine.result import RunResult, Schedule
from loihi_sca.network import Conv, Delta, Dense, Input, Layer, Network, Shape, Sigma, SigmaDelta

PILOTNET = "PilotNet SDNN 66x200, 14 frames"
FRAMES = 14
YOLO = "YOLO-KP SDNN 448x448, 13 frames"
LARGE_FRAMES = 13
LONGER = 4
"""How much longer the video is of which little changes: its first frame is all new."""

CHANGING = 0.05
"""Share of the inputs that change from frame to frame."""


def sigma_delta(rounds: int, quick: bool, notes: list[str]) -> Iterator[Row]:
    """Measure on one processor, cold; all frames noise, or all but a twentieth standing still."""
    network = pilotnet()
    ready = fast.prepare(network, schedule="cold", threads=1)
    noise = np.random.default_rng(1).integers(-64, 65, (1, *network.in_shape, FRAMES))
    ready.run(noise)  # which makes room for it
    ours = [_processor_time(ready, noise) for _ in range(rounds)]
    lava, least = on_lava(network, noise)
    if not np.array_equal(lava.spikes, ready.run(noise).spikes):
        raise SystemExit(f"{PILOTNET}: Lava and the fast engine differ")
    notes.append(f"{PILOTNET}: Lava at least {least:.3g} s, fast {np.median(ours):.3g} s")
    yield Row(PILOTNET, "Lava / fast", [least / t for t in ours], 300, "higher", "x")
    noise = np.concatenate([noise] * LONGER, axis=-1)
    for where in ("in a square that moves", "anywhere"):
        video = still_but(noise, where)
        some, everything = in_turns(
            rounds,
            lambda: _processor_time(ready, video),  # noqa: B023
            lambda: _processor_time(ready, noise),
        )
        what = f"5 % of the inputs change, {where} / all, {LONGER} times the frames"
        fewer = [
            f"{a / b:.2f} of the {name}"
            for name, a, b in zip(
                ("messages", "synops"), _work(ready.run(video)), _work(ready.run(noise)),
                strict=True,
            )
        ]  # fmt: skip
        notes.append(f"{PILOTNET}, {what}: {', '.join(fewer)}")
        yield Row(PILOTNET, what, ratios(some, everything), 0.2, "lower", "x")


def large(rounds: int, lava_frames: int, notes: list[str]) -> Iterator[Row]:
    """Measure a network of the size of YOLO-KP: against plain numpy, which computes every place.

    In turns, on one processor, whose time is measured; Lava on so many frames.
    """
    network = yolo()
    ready = fast.prepare(network, schedule="cold", threads=1)
    noise = np.random.default_rng(1).integers(-64, 65, (1, *network.in_shape, LARGE_FRAMES))
    videos = {
        "noise in every frame": noise,
        "5 % of the inputs change, in a square that moves": still_but(
            noise, "in a square that moves"
        ),
    }
    for what, video in videos.items():
        theirs, ours = [], []
        ready.run(video)
        for _ in range(rounds):
            ours.append(_processor_time(ready, video))
            started = time.process_time()
            expected = numpy_sdnn.run(network, video[0])
            theirs.append(time.process_time() - started)
        result = ready.run(video)
        if not np.array_equal(expected, result.spikes[0]):
            raise SystemExit(f"{YOLO}: numpy and the fast engine differ")
        synops = sum(layer.synops for layer in result.activity)
        notes.append(
            f"{YOLO}, {what}: numpy {np.median(theirs):.3g} s, fast {np.median(ours):.3g} s, "
            f"{synops:,} synops"
        )
        yield Row(YOLO, f"numpy / fast, {what}", ratios(theirs, ours), 3, "higher", "x")
    if lava_frames:
        video = video[..., :lava_frames]
        ours = [_processor_time(ready, video) for _ in range(rounds)]
        lava, least = on_lava(network, video)
        if not np.array_equal(lava.spikes, ready.run(video).spikes):
            raise SystemExit(f"{YOLO}: Lava and the fast engine differ")
        what = f"{lava_frames} frames, {what}"
        took = f"Lava at least {least:.3g} s, fast {np.median(ours):.3g} s"
        notes.append(f"{YOLO}, {what}: {took}")
        yield Row(YOLO, f"Lava / fast, {what}", [least / t for t in ours], 100, "higher", "x")


def _work(result: RunResult) -> tuple[int, int]:
    """Return how many messages there were in a run, and how many synaptic operations."""
    sent, synops = (
        sum(getattr(layer, name) for layer in result.activity) for name in ("spikes", "synops")
    )
    return sent, synops


def _processor_time(ready: Any, video: np.ndarray) -> float:
    """Return how long a run takes a processor, whatever else it has to do."""
    started = time.process_time()
    ready.run(video)
    return time.process_time() - started


def on_lava(
    network: Network, data: np.ndarray, schedule: Schedule = "cold"
) -> tuple[RunResult, float]:
    """Return what Lava gives, and the least time that it can take by the clock.

    That is the processor time of all its processes, shared evenly by all cores: what the clock says
    depends on what else the machine does.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = lava_cpu.run(network, data, schedule=schedule)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result, spent / (os.cpu_count() or 1)


def pilotnet() -> Network:
    """Return a network of that shape, with random weights that keep values of the same size."""
    windows = ((24, (2, 2), 0), (36, (2, 2), 0), (64, (2, 2), 1), (64, (2, 1), 0), (64, (1, 1), 0))
    layers = [(channels, 3, stride, (padding, 0)) for channels, stride, padding in windows]
    return _network(PILOTNET, (3, 66, 200), layers, (100, 50, 10, 1))


def yolo() -> Network:
    """Return a network of the shape of lava-dl's YOLO-KP, with random weights as above."""
    halve, keep = (2, 2), (1, 1)
    layers = [
        (16, 3, halve, keep), (32, 3, halve, keep), (64, 3, halve, keep), (128, 3, halve, keep),
        (256, 3, keep, keep), (256, 3, halve, keep), (512, 3, keep, keep), (256, 1, keep, (0, 0)),
        (512, 3, keep, keep), (48, 1, keep, (0, 0)),
    ]  # fmt: skip
    return _network(YOLO, (3, 448, 448), layers, ())


def _network(
    name: str,
    shape: Shape,
    windows: Sequence[tuple[int, int, tuple[int, int], tuple[int, int]]],
    dense: Sequence[int],
) -> Network:
    layers: list[Layer] = [Input("input", shape, neuron=Delta(6))]
    rng = np.random.default_rng(0)

    def weights(*size: int) -> np.ndarray:
        spread = 42 / np.sqrt(np.prod(size[1:]))
        return np.clip(np.rint(rng.normal(0, spread, size)), -128, 127).astype(np.int32) * 2

    def ending(outputs: int) -> dict[str, Any]:
        if len(layers) == len(windows) + len(dense):
            return {"neuron": Sigma()}
        return {"bias": weights(outputs), "neuron": SigmaDelta(6)}

    for i, (channels, kernel, stride, padding) in enumerate(windows):
        weight = weights(channels, shape[0], kernel, kernel)
        layers.append(
            Conv(f"conv{i}", shape, weight, stride=stride, padding=padding, **ending(channels))
        )
        shape = layers[-1].out_shape
    for outputs in dense:
        weight = weights(outputs, int(np.prod(shape)))
        layers.append(Dense(f"dense{outputs}", shape, weight, **ending(outputs)))
        shape = layers[-1].out_shape
    return Network(name, tuple(layers))


def still_but(noise: np.ndarray, where: str) -> np.ndarray:
    """Return the video with all inputs standing still but for so many."""
    rng = np.random.default_rng(2)
    video = noise.copy()
    _, _, height, width, frames = video.shape
    edge = int(np.sqrt(CHANGING * height * width))
    for t in range(1, frames):
        changes = rng.random(video.shape[:-1]) < CHANGING
        if where != "anywhere":
            left = 10 * t % (width - edge)
            changes[:] = False
            changes[..., 20 : 20 + edge, left : left + edge] = True
        video[..., t] = np.where(changes, noise[..., t], video[..., t - 1])
    return video
