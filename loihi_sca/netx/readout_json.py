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
        None if neuron is None else [_plain(neuron.current_decay), _plain(neuron.voltage_decay)]
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


def _plain(decay: int | IntArray) -> Any:
    return decay.tolist() if isinstance(decay, np.ndarray) else int(decay)
