"""What Lava does not reset: networks that would begin their first window otherwise than at rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loihi_sca.engine import reference
from loihi_sca.errors import UnsupportedLayer
from loihi_sca.network import ComplexDense, Dense, Layer, Network, Recurrent
from loihi_sca.network.graded import is_biased


def check_start(network: Network) -> None:
    """Raise where a layer spikes of its own before its window begins, and that stays.

    Layer ``l`` waits ``l`` steps for its first spike, and Lava resets it then; but not what a
    recurrent layer has fed back to itself a step before, what delays hold back longer, nor a
    resonator that has heard of it.
    """
    layers = network.synapse_layers
    if network.is_graded:
        _check_delays(layers)
        return
    following = (*layers, None)[1:]
    lasting = {
        layer.name: slice(waits - kept, waits)
        for waits, (layer, after) in enumerate(zip(layers, following, strict=True), start=1)
        if (kept := _steps_kept(layer, after, waits))
    }
    if not lasting:
        return
    quiet = np.zeros((1, *network.data_shape, len(layers)), dtype=np.int32)
    traces = reference.run(network, quiet, schedule="cold", record=[*lasting]).traces
    early = [name for name, steps in lasting.items() if traces[name].spikes[..., steps].any()]
    if early:
        raise UnsupportedLayer(
            f"{', '.join(early)}: a bias or a threshold of 0 makes it spike before its first "
            "input, and Lava does not reset what a recurrent layer has fed back to itself, what "
            "delays hold back, nor resonators",
            'Run it with schedule="cold".',
        )


def _steps_kept(layer: Layer, after: Layer | None, waits: int) -> int:
    """Return of how many steps that a layer waits its spikes are still felt after the reset."""
    if isinstance(layer, Recurrent) or isinstance(after, ComplexDense):
        return waits
    if isinstance(after, Dense) and after.delay is not None:
        return min(waits, int(after.delay.max()))
    return 0


def _check_delays(layers: Sequence[Layer]) -> None:
    """Raise where messages that a bias has caused before a layer's window stay in delay lines."""
    biased = False
    for layer in layers:
        if biased and isinstance(layer, Dense) and layer.delay is not None and layer.delay.any():
            raise UnsupportedLayer(
                f"{layer.name}: its synapses hold back what biases before it have caused before "
                "the first input, and Lava does not reset that",
                'Run it with schedule="cold".',
            )
        biased = biased or is_biased(layer)
