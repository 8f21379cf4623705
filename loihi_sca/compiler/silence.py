"""Say of layers that did not spike whether they ever could."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from loihi_sca.compiler.bounds import bounds
from loihi_sca.network import Cuba, Input, Layer, Network
from loihi_sca.network.fixed_point import ALIGN, STATE_LIMIT


def explain_silence(network: Network, spikes: Mapping[str, int]) -> tuple[str, ...]:
    """Return one sentence for each layer that sent no spikes, beside its zero.

    Parameters
    ----------
    network : Network
        With CUBA neurons only.
    spikes : mapping of layer name to int
        What each layer sent in a run.
    """
    silent = [x for x in network if not spikes.get(x.name, 0) and not isinstance(x, Input)]
    if not silent:
        return ()
    able = {bound.name: bool(bound.can_spike.any()) for bound in bounds(network)}
    any_spiked = any(spikes.values())
    last = network.layers[-1]
    return tuple(
        f"{layer.name} did not spike{reason}"
        for layer in silent
        for reason in _reasons(layer, able[layer.name], any_spiked, layer is last)
    )


def _reasons(layer: Layer, able: bool, any_spiked: bool, last: bool) -> Iterator[str]:
    if able:
        if any_spiked:  # else the data are silent, which is said once
            yield " on these data, although some input would make it"
        return
    never = " and never does: no input drives its voltage above its threshold"
    if isinstance(layer.neuron, Cuba) and ALIGN * layer.neuron.threshold >= STATE_LIMIT - 1:
        never = (
            f" and never does: its threshold {layer.neuron.threshold} is more than a voltage of "
            "24 bits reaches. Its voltage is to be read"
        )
    yield never + (", and counts of its spikes say nothing about classes" if last else "")
