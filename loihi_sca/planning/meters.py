"""What a budget is counted in: channels, weights, synops, cores, words of memory or energy.

A meter says what a unit takes for tables of channel counts, which is what a search needs, and what
a whole network takes, which is what counts in the end. The two agree but for energy, where static
power and the mesh are only known of a whole network, for cores of Loihi 1, whose output axons
couple neighbours, and on a chip for residual networks, whose readers hear more than one layer: the
search takes all but the own channels of a reader as they are.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from loihi_sca.errors import InputError
from loihi_sca.hardware import estimate, load_profile, map_network
from loihi_sca.hardware.cost.activity import from_rates
from loihi_sca.hardware.cost.energy import dynamic_energy
from loihi_sca.hardware.from_network import describe
from loihi_sca.hardware.mapping.grid import NeedTable, need_table
from loihi_sca.hardware.mapping.memory import core_budget_of
from loihi_sca.hardware.mapping.usage import connections, recurrent_connections, weights
from loihi_sca.hardware.schema import Profile
from loihi_sca.hardware.shapes import Architecture, Geometry, LayerSpec
from loihi_sca.hardware.streams import rates_laid_out
from loihi_sca.planning.chain import Unit
from loihi_sca.planning.rates import Rates

Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


class Meter(Protocol):
    """What is counted; the search is exact where amounts are whole numbers that add up."""

    @property
    def unit(self) -> str:
        """What is counted, for people."""

    @property
    def whole(self) -> bool:
        """Whether amounts are whole numbers."""

    @property
    def additive(self) -> bool:
        """Whether a network takes what its units take together."""

    def costs(self, unit: Unit, outputs: Counts, inputs: Counts) -> Values:
        """Return what a unit takes, (outputs, inputs), by its channels and those before."""

    def total(self, architecture: Architecture) -> float:
        """Return what a whole network takes."""


@dataclass(frozen=True)
class Channels:
    """Channels of the prunable layers."""

    prunable: frozenset[str]
    unit: str = "channels"
    whole: bool = True
    additive: bool = True

    def costs(self, unit: Unit, outputs: Counts, inputs: Counts) -> Values:
        """Return what a unit takes; see :class:`Meter`."""
        counted = outputs if unit.prunable else np.zeros_like(outputs)
        return np.repeat(counted[:, None].astype(np.float64), len(inputs), axis=1)

    def total(self, architecture: Architecture) -> float:
        """Return what a whole network takes."""
        return sum(s.shape[0] for s in architecture.layers if s.name in self.prunable)


@dataclass(frozen=True)
class Weights:
    """Weights that are stored: connections in the sense of a pruned kernel, those back included."""

    unit: str = "weights"
    whole: bool = False
    additive: bool = True

    def costs(self, unit: Unit, outputs: Counts, inputs: Counts) -> Values:
        """Return what a unit takes; see :class:`Meter`."""
        table = _by_channels(unit, outputs, inputs, weights(unit.geometry))
        table = table + (len(unit.geometry.recurrent_bits) * outputs**2)[:, None]
        pools = sum(weights(f.geometry) // f.geometry.out_shape[0] for f in unit.followers)
        beside = sum(_weights_of(s.geometry) for s in unit.beside)
        return np.asarray(table + pools * outputs[:, None] + beside, dtype=np.float64)

    def total(self, architecture: Architecture) -> float:
        """Return what a whole network takes."""
        specs = [*architecture.layers, *(s for _, s in _shortcuts(architecture))]
        return sum(_weights_of(s.geometry) for s in specs)


def _by_channels(unit: Unit, outputs: Counts, inputs: Counts, whole: int) -> Values:
    """Return what grows with a unit's channels and those before it, of which it has ``whole``."""
    pairs = unit.channels * (unit.geometry.in_shape[0] // unit.positions)
    return np.multiply.outer(outputs, inputs) * (whole / pairs)


def _weights_of(geometry: Geometry) -> int:
    return weights(geometry) + recurrent_connections(geometry)


def _shortcuts(architecture: Architecture) -> list[tuple[str, LayerSpec]]:
    """Return the convolutions beside the chain, each with the layer that it listens to."""
    return [(x.source, x.shortcut) for x in architecture.additions if x.shortcut is not None]


@dataclass(frozen=True)
class Synops:
    """Synaptic operations per sample, at given rates, through the real connectivity."""

    rates: Rates
    unit: str = "synops per sample"
    whole: bool = False
    additive: bool = True

    def costs(self, unit: Unit, outputs: Counts, inputs: Counts) -> Values:
        """Return what a unit takes; see :class:`Meter`."""
        table = _by_channels(unit, outputs, inputs, connections(unit.geometry))
        table = table * self.rates.per_sample(unit.source)
        fed_back = len(unit.geometry.recurrent_bits) * outputs**2 * self.rates.per_sample(unit.name)
        table, arriving = table + fed_back[:, None], unit.name
        for follower in unit.followers:
            per_channel = connections(follower.geometry) / follower.geometry.out_shape[0]
            added = outputs * per_channel * self.rates.per_sample(arriving)
            table, arriving = table + added[:, None], follower.name
        beside = sum(connections(spec.geometry) for spec in unit.beside)
        table = table + beside * self.rates.per_sample(unit.name)
        return np.asarray(table, dtype=np.float64)

    def total(self, architecture: Architecture) -> float:
        """Return what a whole network takes."""
        pairs = [(before.name, spec) for before, spec in itertools.pairwise(architecture.layers)]
        arriving = sum(
            connections(spec.geometry) * self.rates.per_sample(source)
            for source, spec in (*pairs, *_shortcuts(architecture))
        )
        return arriving + sum(
            recurrent_connections(spec.geometry) * self.rates.per_sample(spec.name)
            for spec in architecture.layers
        )


@dataclass(frozen=True)
class Memory:
    """Words of synapse memory on all cores together."""

    profile: Profile
    is_chain: bool = True
    unit: str = "synapse words"
    whole: bool = False

    @property
    def additive(self) -> bool:
        """Whether layers are mapped one by one."""
        return _are_independent(self.profile, self.is_chain)

    def costs(self, unit: Unit, outputs: Counts, inputs: Counts) -> Values:
        """Return what a unit takes; see :class:`Meter`."""
        return _sum_of_needs(self.profile, unit, outputs, inputs).words.astype(np.float64)

    def total(self, architecture: Architecture) -> float:
        """Return what a whole network takes."""
        return float(sum(x.words.sum() for x in map_network(architecture, self.profile).layers))


@dataclass(frozen=True)
class Cores:
    """Cores, as the mapper places the network."""

    profile: Profile
    is_chain: bool = True
    unit: str = "cores"
    whole: bool = True

    @property
    def additive(self) -> bool:
        """Whether layers are mapped one by one."""
        return _are_independent(self.profile, self.is_chain)

    def costs(self, unit: Unit, outputs: Counts, inputs: Counts) -> Values:
        """Return what a unit takes; see :class:`Meter`."""
        return _sum_of_needs(self.profile, unit, outputs, inputs).cores.astype(np.float64)

    def total(self, architecture: Architecture) -> float:
        """Return what a whole network takes."""
        return map_network(architecture, self.profile).cores


def _are_independent(profile: Profile, is_chain: bool) -> bool:
    """Tell whether what a layer takes depends on itself and the layer before alone.

    On Loihi 1 output axons couple neighbours; neurons that read a stream hear many layers.
    """
    return is_chain and not core_budget_of(profile).couples_neighbours


def _sum_of_needs(profile: Profile, unit: Unit, outputs: Counts, inputs: Counts) -> NeedTable:
    budget = core_budget_of(profile)
    nothing = np.zeros((len(outputs), len(inputs)), dtype=np.int64)
    table = NeedTable(nothing, nothing)
    if unit.all_outputs:
        outputs = np.full_like(outputs, unit.channels)
    outputs, inputs = outputs + unit.hands_on, inputs + unit.hears_constant
    for place, geometry in enumerate(unit.placed):
        into = inputs
        if not place:
            into = inputs * unit.positions
            if unit.all_inputs:
                into = np.full_like(inputs, geometry.in_shape[0])
        more = need_table(geometry, budget, outputs, into)
        table = NeedTable(table.cores + more.cores, table.words + more.words)
    return table


@dataclass(frozen=True)
class EnergyPerSample:
    """Energy per sample in uJ, the best estimate, static power included."""

    profile: Profile
    rates: Rates
    unit: str = "uJ per sample, static power included"
    whole: bool = False
    additive: bool = False

    def costs(self, unit: Unit, outputs: Counts, inputs: Counts) -> Values:
        """Return the energy of synops, updates, spikes and cores; see :class:`Meter`."""
        per_synop = dynamic_energy(self.profile, synops=1.0, updates=0.0).best
        table = Synops(self.rates).costs(unit, outputs, inputs) * per_synop
        relays = [unit.spec] * unit.relays
        for spec in (unit.spec, *unit.followers, *relays) if unit.placed else ():
            positions = math.prod(spec.geometry.out_shape[1:])
            compartments = self.profile.compartments_per_neuron(spec.geometry.neuron)
            per_channel = dynamic_energy(
                self.profile,
                synops=0.0,
                updates=float(self.rates.timesteps * compartments * positions),
                spikes=self.rates.per_sample(spec.name) * positions,
            ).best
            table = table + (outputs * per_channel)[:, None]
        cores = _sum_of_needs(self.profile, unit, outputs, inputs).cores
        per_core = dynamic_energy(
            self.profile, synops=0.0, updates=0.0, core_steps=float(self.rates.timesteps)
        ).best
        return np.asarray(table + cores * per_core, dtype=np.float64)

    def total(self, architecture: Architecture) -> float:
        """Return what a whole network takes."""
        rates = rates_laid_out(self.rates.by_layer, self.rates.otherwise, architecture)
        architecture = describe(architecture)
        activity = from_rates(
            architecture, self.profile, self.rates.otherwise, self.rates.timesteps, rates
        )
        found = estimate(architecture, self.profile, activity).energy
        if found is None:
            raise InputError(
                f"{architecture.name}: takes no core of {self.profile.name}, so its energy is not "
                "known."
            )
        return found.total_uj.best


def meter_of(
    quantity: str, profile: str, prunable: frozenset[str], rates: Rates, *, is_chain: bool = True
) -> Meter:
    """Return the meter for a budget of a recipe.

    Parameters
    ----------
    quantity : str
        One of :data:`loihi_sca.config.BUDGETS`.
    profile : str
        Chip profile, for what depends on the chip.
    prunable : frozenset of str
        Layers whose channels count.
    rates : Rates
        For synops and energy.
    is_chain : bool
        Of a residual network False.
    """
    if quantity == "keep":
        return Channels(prunable)
    if quantity == "connections":
        return Weights()
    if quantity == "synops":
        return Synops(rates)
    chip = load_profile(profile)
    if quantity == "synapse_words":
        return Memory(chip, is_chain)
    if quantity == "energy_uj":
        return EnergyPerSample(chip, rates)
    return Cores(chip, is_chain)
