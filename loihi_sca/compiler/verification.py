"""What a comparison of engines has found: the result of :func:`loihi_sca.verify`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from loihi_sca.results import Result, add_numbers, open_table, plain

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, repr=False)
class Verification(Result):
    """What was compared, and found equal.

    Attributes
    ----------
    network : str
    digest : str
        Of the network.
    engines : tuple of str
        The first one is what the others were compared with.
    schedule : str
    state : {"fresh", "carried"}
        Whether each sample started at rest, or where the one before had ended.
    samples, timesteps : int
    data : str
        ``random`` (with the seed) or ``given``.
    layers : tuple of str
        Those whose spikes were compared.
    compared : int
        Spikes and absent spikes compared, per engine.
    spikes : mapping of layer name to int
        Spikes among them: a comparison of silence proves little.
    mismatches : int
        0; a mismatch raises.
    current_wraps, voltage_saturations : int
        How often the state left its 24 bits. Engines agree about it; SLAYER would not.
    wall_time_s : mapping of engine to float
    notes : tuple of str
        What the file leaves open, and layers whose silence proves little.
    """

    network: str
    digest: str
    engines: tuple[str, ...]
    schedule: str
    state: str
    samples: int
    timesteps: int
    data: str
    layers: tuple[str, ...]
    compared: int
    spikes: Mapping[str, int]
    mismatches: int
    current_wraps: int
    voltage_saturations: int
    wall_time_s: Mapping[str, float]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the fields."""
        return {"schema": 1, **asdict(self)}

    def about(self) -> str:
        """Return what was compared in a line."""
        return (
            f"{self.network!r}: {' = '.join(self.engines)}, {self.mismatches} mismatches, "
            f"{self.samples} samples of {self.timesteps} steps ({self.data}"
            f"{', state carried on' if self.state == 'carried' else ''}), "
            f"{sum(self.spikes.values()):,} spikes in {len(self.layers)} layers"
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per layer."""
        return [{"layer": name, "spikes": count} for name, count in self.spikes.items()]

    def tables(self) -> list[Table]:
        """Return the spikes that were compared."""
        table = open_table("", "layer")
        add_numbers(table, "spikes")
        for name, count in self.spikes.items():
            table.add_row(plain(name), f"{count:,}")
        return [table]
