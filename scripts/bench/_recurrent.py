"""Recurrent layers: a network of the size of the Braille reader of others, against Lava."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from _bench import Row
from _sigma_delta import on_lava

from loihi_sca.engine import fast
from loihi_sca.network import Cuba, Dense, Network, Recurrent

BRAILLE = "recurrent 48-450-28, T=270"
STEPS = 270
NEURON = Cuba(2090, 282, 86)
"""That of the network that others trained on Braille."""

INPUT_RATE = 0.1
LONGER = 10
"""How many samples, one after the other without a reset, Lava is measured on."""


def recurrent(rounds: int, quick: bool, notes: list[str]) -> Iterator[Row]:
    """Measure on one processor, a fresh run per sample.

    Of Lava it is the processor time of all its processes, shared evenly by all cores, less what a
    run of one step takes, which is its start. From start to start that differs by more than the
    steps of a sample take, so that Lava runs as many steps as several samples have.
    """
    network = braille()
    ready = fast.prepare(network, threads=1)
    rng = np.random.default_rng(1)
    spikes = (rng.random((16, *network.in_shape, STEPS)) < INPUT_RATE).astype(np.uint8)
    ours, lavas = [], []

    def per_sample() -> float:
        started = time.process_time()
        ready.run(spikes)
        return (time.process_time() - started) / len(spikes)

    ready.run(spikes[:1])  # compiles
    on_lava(network, spikes[:1, ..., :1], "pipelined")  # whose first start takes longer
    for i in range(1 if quick else 3):
        ours += [per_sample() for _ in range(rounds)]
        long = np.concatenate(np.roll(spikes, i, axis=0)[:LONGER], axis=-1)[None]
        _, start = on_lava(network, long[..., :1], "pipelined")
        lava, least = on_lava(network, long, "pipelined")
        lavas.append((least - start) / LONGER)
        ours += [per_sample() for _ in range(rounds)]
        if not np.array_equal(lava.spikes, ready.run(long).spikes):
            raise SystemExit(f"{BRAILLE}: Lava and the fast engine differ")
    result = ready.run(spikes)
    shares = [f"{x.name} {100 * x.spikes / x.updates:.0f} %" for x in result.activity]
    notes.append(
        f"{BRAILLE}: Lava at least {1e3 * np.median(lavas):.4g} ms (of "
        f"{', '.join(f'{1e3 * t:.4g}' for t in lavas)}), fast "
        f"{1e3 * np.median(ours):.3g} ms per sample; spike rates: input {100 * INPUT_RATE:.0f} %, "
        f"{', '.join(shares)}"
    )
    yield Row(BRAILLE, "Lava / fast", [np.median(lavas) / t for t in ours], 500, "higher", "x")


def braille() -> Network:
    """Return a network with random weights, at which some percent of its neurons spike."""
    rng = np.random.default_rng(0)

    def weights(outputs: int, inputs: int, spread: float) -> np.ndarray:
        return np.clip(np.rint(rng.normal(0, spread, (outputs, inputs))), -128, 127).astype(int) * 2

    hidden = Recurrent(
        "hidden", (48,), weights(450, 48, 8), feedback=weights(450, 450, 1.5), neuron=NEURON
    )
    output = Dense("output", (450,), weights(28, 450, 6), neuron=NEURON)
    return Network(BRAILLE, (hidden, output), timesteps=STEPS)
