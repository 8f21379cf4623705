"""A limit that a layer breaks, with all that a person needs to do something about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loihi_sca.hardware.quantity import Choices, Quantity
from loihi_sca.hardware.schema import Profile
from loihi_sca.hardware.shapes import LayerSpec

NAMES = {
    "compartments": "compartments on a core",
    "synapse_words": "synapse words on a core",
    "in_axons": "input axons on a core",
    "out_axons": "output axons on a core",
    "axon_map": "entries of AxonMap on a core",
    "neuron_groups": "neuron groups on a core",
    "weight_bits": "bits per weight",
    "delay": "steps of delay",
    "threshold_bits": "bits for its threshold",
    "bias_bits": "bits for a bias mantissa",
    "decay_bits": "bits for a decay",
    "payload_bits": "bits of payload per spike",
    "kernel_edge": "positions along its kernel",
    "stride": "positions of stride",
}
"""What a layer needs, by the key of the limit in the profile."""


@dataclass(frozen=True)
class Violation:
    """A limit that a layer breaks.

    Attributes
    ----------
    layer : str
    rule : str
        Key of the limit in the profile, for example ``synapse_words``.
    actual, limit : int
    unit : str
    source : str
        Where the limit comes from.
    hint : str
        What to do.
    profile : str
    """

    layer: str
    rule: str
    actual: int
    limit: int
    unit: str
    source: str
    hint: str
    profile: str

    @property
    def reason(self) -> str:
        """What the layer needs, the limit, and where that comes from."""
        actual, limit = (f"{n:,}".replace(",", " ") for n in (self.actual, self.limit))
        return (
            f"needs {actual} {NAMES[self.rule]}, limit {limit} "
            f"({self.profile}.limits.{self.rule}: {self.source})"
        )

    def __str__(self) -> str:
        return f"{self.layer} {self.reason}. {self.hint}"

    def as_json(self) -> dict[str, Any]:
        """Return the fields with the message."""
        return {**self.__dict__, "message": str(self)}


def violation(
    profile: Profile, spec: LayerSpec, rule: str, actual: int, limit: Quantity | Choices, hint: str
) -> Violation:
    """Return the violation of a limit by a layer."""
    most = limit.values[-1] if isinstance(limit, Choices) else int(limit)
    return Violation(
        spec.name, rule, actual, most, limit.unit.split("/")[0], limit.source, hint, profile.name
    )
