"""A network on cores: which core holds which slice of which layer, and what it uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from loihi_sca.hardware.mapping.memory import core_budget_of
from loihi_sca.hardware.mapping.strategy import tile_all
from loihi_sca.hardware.mapping.tiling import Counts, Tiling
from loihi_sca.hardware.schema import Profile
from loihi_sca.hardware.shapes import Architecture, LayerSpec, Volume
from loihi_sca.results import Result

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Core:
    """What one core holds.

    Attributes
    ----------
    index : int
        Counted through the whole network; chip and place on the mesh follow from it.
    layer : str
    channels, rows, columns : range
        Slice of the layer's output map; a flat layer has its neurons in ``channels``.
    neurons, words, in_axons, out_axons : int
        Neurons, synapse words, input axons and output axons (neurons times destination cores).
    """

    index: int
    layer: str
    channels: range
    rows: range
    columns: range
    neurons: int
    words: int
    in_axons: int
    out_axons: int


@dataclass(frozen=True)
class LayerPlacement:
    """How one layer lies on its cores.

    Attributes
    ----------
    spec : LayerSpec
    tiling : Tiling
    first : int
        Index of its first core.
    neurons, words, in_axons, out_axons : int array (cores,)
        Per core, in order: channels slowest, columns fastest.
    axon_map : int array (cores,)
        Entries of AxonMap on Loihi 2; zeros on a chip without that table.
    neuron_groups : int
        On each of its cores; 0 on a chip without such groups.
    binding : str
        The limit that the layer's fullest core is nearest to.
    utilisation : float
        How much of that limit it uses, 1 is all of it.
    """

    spec: LayerSpec
    tiling: Tiling
    first: int
    neurons: Counts
    words: Counts
    in_axons: Counts
    out_axons: Counts
    axon_map: Counts
    neuron_groups: int
    binding: str
    utilisation: float

    @property
    def cores(self) -> int:
        """Number of cores."""
        return len(self.neurons)

    @property
    def tile(self) -> Volume:
        """Channels, rows and columns of a full core's part of the layer."""
        channels, rows, columns = map(min, self.tiling, self.spec.geometry.out_shape)
        return channels, rows, columns

    def __iter__(self) -> Iterator[Core]:
        shape = self.spec.geometry.out_shape
        slices = [
            [range(start, min(start + size, length)) for start in range(0, length, size)]
            for length, size in zip(shape, self.tiling, strict=True)
        ]
        places = ((c, r, w) for c in slices[0] for r in slices[1] for w in slices[2])
        for i, (channels, rows, columns) in enumerate(places):
            if i < self.cores:
                yield Core(
                    self.first + i, self.spec.name, channels, rows, columns, int(self.neurons[i]),
                    int(self.words[i]), int(self.in_axons[i]), int(self.out_axons[i]),
                )  # fmt: skip


@dataclass(frozen=True, repr=False)
class Placement(Result):
    """A network on the cores of a chip, or of several.

    Attributes
    ----------
    architecture : Architecture
    profile : Profile
    layers : tuple of LayerPlacement
        One per layer of the network, in order; a port has no cores.
    """

    architecture: Architecture
    profile: Profile
    layers: tuple[LayerPlacement, ...]

    @cached_property
    def cores(self) -> int:
        """Number of cores."""
        return sum(layer.cores for layer in self.layers)

    @cached_property
    def cores_low(self) -> int:
        """Number of cores if neurons take the fewest compartments of the profile's band.

        Equal to ``cores`` where the profile has no such band. The lower edge is an assumption.
        """
        geometries = tuple(spec.geometry for spec in self.architecture.layers)
        budget = core_budget_of(self.profile, fewest_compartments=True)
        tilings = tile_all(geometries, budget, chain=not self.architecture.sources)
        fewest = sum(
            tiling.cores(geometry.out_shape)
            for geometry, tiling in zip(geometries, tilings, strict=True)
            if geometry.kind != "port"
        )
        return min(fewest, self.cores)

    @property
    def chips(self) -> int:
        """Number of chips, filled one after the other."""
        return -(-self.cores // int(self.profile.chip.cores))

    @property
    def straddling(self) -> tuple[str, ...]:
        """Names of the layers that lie on more than one chip."""
        per_chip = int(self.profile.chip.cores)
        return tuple(
            x.spec.name
            for x in self.layers
            if x.cores and x.first // per_chip != (x.first + x.cores - 1) // per_chip
        )

    @property
    def tightest(self) -> LayerPlacement:
        """The layer with the core that is nearest to any limit, among those that had to be cut."""
        cut = [layer for layer in self.layers if layer.cores > 1]
        return max(cut or self.layers, key=lambda x: x.utilisation)

    def __iter__(self) -> Iterator[Core]:
        for layer in self.layers:
            yield from layer

    def about(self) -> str:
        """Return cores and chips in a line."""
        plural = "chips" if self.chips > 1 else "chip"
        return (
            f"{self.architecture.name!r} on {self.profile.name}: {self.cores:,} cores, "
            f"{self.chips} {plural}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return every layer, every core and the limits that are broken."""
        from loihi_sca.hardware.placement_json import placement_as_json
        from loihi_sca.hardware.rules import find_violations

        return placement_as_json(self, find_violations(self))

    def tables(self) -> list[Table]:
        """Return which cores hold which layer, and the columns of the chip's compiler."""
        from loihi_sca.hardware.tables import compiler_tables, map_table

        return [map_table(self), *compiler_tables(self)]
