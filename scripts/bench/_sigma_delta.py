"""Sigma-delta: a network of PilotNet's shape against Lava; what inputs that stand still save."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from _bench import Row, in_turns, ratios

from loihi_sca.engine import fast, lava_cpu
from loihi_sca.network import Conv, Delta, Dense, Input, Layer, Network, Shape, Sigma, SigmaDelta

PILOTNET = "PilotNet SDNN 66x200, 14 frames"
FRAMES = 14
LONGER = 4
"""How much longer the video is of which little changes: its first frame is all new."""

CHANGING = 0.05
"""Share of the inputs that change from frame to frame."""


def sigma_delta(rounds: int, quick: bool, notes: list[str]) -> Iterator[Row]:
    """Measure on one processor, cold; all frames noise, or all but a twentieth standing still."""
    network = pilotnet()
    ready = fast.prepare(network, schedule="cold", threads=1)
    noise = np.random.default_rng(1).integers(-64, 65, (1, *network.in_shape, FRAMES))
    ours = [ready.run(noise).wall_time_s for _ in range(rounds)]
    lava = lava_cpu.run(network, noise, schedule="cold")
    ours += [ready.run(noise).wall_time_s for _ in range(rounds)]
    if not np.array_equal(lava.spikes, ready.run(noise).spikes):
        raise SystemExit(f"{PILOTNET}: Lava and the fast engine differ")
    notes.append(f"{PILOTNET}: Lava {lava.wall_time_s:.3g} s, fast {np.median(ours):.3g} s")
    yield Row(PILOTNET, "Lava / fast", [lava.wall_time_s / t for t in ours], 300, "higher", "x")
    noise = np.concatenate([noise] * LONGER, axis=-1)
    for where in ("in a square that moves", "anywhere"):
        video = still_but(noise, where)
        some, everything = in_turns(
            rounds,
            lambda: ready.run(video).wall_time_s,  # noqa: B023
            lambda: ready.run(noise).wall_time_s,
        )
        what = f"5 % of the inputs change, {where} / all, {LONGER} times the frames"
        yield Row(PILOTNET, what, ratios(some, everything), 0.2, "lower", "x")


def pilotnet() -> Network:
    """Return a network of that shape, with random weights that keep values of the same size."""
    shape: Shape = (3, 66, 200)
    layers: list[Layer] = [Input("input", shape, neuron=Delta(6))]
    windows = ((24, (2, 2), 0), (36, (2, 2), 0), (64, (2, 2), 1), (64, (2, 1), 0), (64, (1, 1), 0))
    rng = np.random.default_rng(0)

    def weights(*size: int) -> np.ndarray:
        spread = 42 / np.sqrt(np.prod(size[1:]))
        return np.clip(np.rint(rng.normal(0, spread, size)), -128, 127).astype(np.int32) * 2

    for i, (channels, stride, padding) in enumerate(windows):
        layer: Layer = Conv(
            f"conv{i}", shape, weights(channels, shape[0], 3, 3), stride=stride,
            padding=(padding, 0), bias=weights(channels), neuron=SigmaDelta(6),
        )  # fmt: skip
        layers.append(layer)
        shape = layer.out_shape
    for outputs in (100, 50, 10, 1):
        last = outputs == 1
        layer = Dense(
            f"dense{outputs}", shape, weights(outputs, int(np.prod(shape))),
            bias=None if last else weights(outputs), neuron=Sigma() if last else SigmaDelta(6),
        )  # fmt: skip
        layers.append(layer)
        shape = layer.out_shape
    return Network(PILOTNET, tuple(layers))


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
