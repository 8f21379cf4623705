"""The rule of thumb of papers, to compare with them only: 45 nm operations, not the chip's."""

from __future__ import annotations

from dataclasses import dataclass

from loihi_sca.hardware.cost.activity import Activity
from loihi_sca.hardware.mapping.placement import Placement
from loihi_sca.hardware.mapping.usage import connections, recurrent_connections

PICO_PER_MICRO = 1e6


@dataclass(frozen=True)
class Comparison:
    """Figures that papers print beside an energy, from the 45 nm rule.

    Attributes
    ----------
    snn_uj : float
        Synops as accumulates. Not what the chip takes.
    ann_macs : int
        Multiply-accumulates of the equivalent dense network, once per sample.
    ann_uj : float
        Those at the 45 nm rule.
    """

    snn_uj: float
    ann_macs: int
    ann_uj: float


def compare(placement: Placement, activity: Activity) -> Comparison:
    """Return the 45 nm figures of the network."""
    rule = placement.profile.comparison
    geometries = [spec.geometry for spec in placement.architecture.layers]
    macs = sum(connections(g) + recurrent_connections(g) for g in geometries)
    return Comparison(
        activity.synops * rule.accumulate.value / PICO_PER_MICRO,
        macs,
        macs * rule.multiply_accumulate.value / PICO_PER_MICRO,
    )
