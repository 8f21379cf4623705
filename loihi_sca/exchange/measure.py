"""How many spikes of the integers differ from those of the graph in floating point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.engine import fast
from loihi_sca.exchange.float_layers import FloatLayer
from loihi_sca.network import Network

SAMPLES, STEPS, RATE = 8, 32, 0.3
"""Of the random spikes."""

MAX_WORK = 4e9
"""Multiplications that a comparison may take; samples are left out, then it is."""


@dataclass(frozen=True)
class Measured:
    """Outcome of a comparison.

    Attributes
    ----------
    layers : tuple of (int, int) or of (None, None)
        Spikes or silences that differ, and spikes of the graph, by layer.
    compared : int
        Spikes and silences of the last layer.
    notes : tuple of str
    """

    layers: tuple[tuple[int | None, int | None], ...]
    compared: int
    notes: tuple[str, ...]


def measure(
    network: Network, layers: Sequence[FloatLayer], data: npt.NDArray[Any] | None
) -> Measured:
    """Compare a network with the layers that it was made of.

    Parameters
    ----------
    network : Network
    layers : sequence of FloatLayer
        One per layer of the network behind its Input.
    data : array (N, *in_shape, T) or None
        Spikes; None for random ones.
    """
    if data is None:
        data = _random_spikes(network)
    if data is None:
        return Measured(
            ((None, None),) * len(layers), 0,
            ("too large to be compared with the graph on the side; give data of fewer samples",),
        )  # fmt: skip
    names = [layer.name for layer in network.layers[1:]]
    ours = fast.run(network, data, record=names)
    counts, notes, spikes = list[tuple[int, int]](), list[str](), np.asarray(data)
    for name, layer in zip(names, layers, strict=True):
        spikes = layer.run(spikes)
        differ = int(np.sum(spikes != ours.traces[name].spikes))
        counts.append((differ, int(spikes.sum())))
    if any(layer.subtracts for layer in layers):
        sent = [ours.traces[name].spikes for name in names]
        notes.extend(_about_reset(layers, np.asarray(data), sent))
    if not any(spiked for _, spiked in counts[-1:]):
        notes.append(
            "the last layer is silent on random spikes, which proves little; give data of yours"
        )
    return Measured(tuple(counts), int(spikes.size), tuple(notes))


def _about_reset(
    layers: Sequence[FloatLayer], data: npt.NDArray[Any], ours: Sequence[npt.NDArray[Any]]
) -> Iterator[str]:
    """Say what the reset alone changes, in floating point, and what the integers alone do."""
    subtracted: npt.NDArray[Any] = data
    zeroed: npt.NDArray[Any] = data
    for layer, sent in zip(layers, ours, strict=True):
        subtracted, zeroed = layer.run(subtracted), layer.run(zeroed, subtract=False)
        if layer.subtracts:
            yield (
                f"{layer.name}: it subtracted its threshold and is now reset to 0, which alone "
                f"makes {int(np.sum(subtracted != zeroed)):,} spikes differ, of "
                f"{int(subtracted.sum()):,}; of those with that reset the integers change "
                f"{int(np.sum(sent != zeroed)):,}"
            )


def _random_spikes(network: Network) -> npt.NDArray[np.uint8] | None:
    steps = network.timesteps or STEPS
    work = sum(float(np.sum(layer.fan_out())) for layer in network) * steps
    samples = int(min(SAMPLES, MAX_WORK // max(work, 1.0)))
    if samples < 1:
        return None
    rng = np.random.default_rng(0)
    return (rng.random((samples, *network.data_shape, steps)) < RATE).astype(np.uint8)
