"""The host's read-out as JSON, as it stands in our own part of a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from loihi_sca.network import Cuba, IntArray, Readout


def readout_as_json(readout: Readout) -> dict[str, Any]:
    """Return a read-out as JSON values."""
    weight = None if readout.weight is None else readout.weight.tolist()
    neuron = readout.neuron
    decays = (
        None
        if neuron is None
        else [decay_as_json(neuron.current_decay), decay_as_json(neuron.voltage_decay)]
    )
    return {"kind": readout.kind, "groups": readout.groups, "weight": weight, "decays": decays}


def readout_from_json(value: dict[str, Any]) -> Readout:
    """Return the read-out that JSON values describe."""
    weight = None if value["weight"] is None else np.array(value["weight"], dtype=np.int32)
    decays = value.get("decays")
    neuron = None
    if decays is not None:
        current, voltage = (np.array(d) if isinstance(d, list) else int(d) for d in decays)
        neuron = Cuba(current, voltage, threshold=0)
    return Readout(value["kind"], groups=value["groups"], weight=weight, neuron=neuron)


def decay_as_json(decay: int | IntArray) -> Any:
    """Return a decay as a number, or as a list with one per channel."""
    return decay.tolist() if isinstance(decay, np.ndarray) else int(decay)
