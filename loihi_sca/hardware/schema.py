"""The schema of a chip profile: sections, keys and the unit of every quantity."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from loihi_sca.errors import ConfigError
from loihi_sca.hardware.quantity import Band, Choices, Quantity, in_unit
from loihi_sca.toml_files import suggestion

Strategy = Literal["loihi1", "loihi2-v1", "loihi2-v2"]
DenseSplit = Literal["halve", "divide"]

PerChipCores = Annotated[Quantity, in_unit("core/chip", whole_from=1)]
Tiles = Annotated[Quantity, in_unit("tile", whole_from=1)]
CoresPerTile = Annotated[Quantity, in_unit("core/tile", whole_from=1)]
Compartments = Annotated[Quantity, in_unit("compartment/core", whole_from=1)]
CompartmentsPerNeuron = Annotated[Quantity, in_unit("compartment/neuron", whole_from=1)]
Words = Annotated[Quantity, in_unit("word/core", whole_from=1)]
Axons = Annotated[Quantity, in_unit("axon/core", whole_from=1)]
Entries = Annotated[Quantity, in_unit("entry/core", whole_from=1)]
Bits = Annotated[Quantity, in_unit("bit", whole_from=0)]
WordBits = Annotated[Quantity, in_unit("bit", whole_from=1)]
BitChoices = Annotated[Choices, in_unit("bit")]
Steps = Annotated[Quantity, in_unit("step", whole_from=0)]
Synapses = Annotated[Quantity, in_unit("synapse", whole_from=1)]
Groups = Annotated[Quantity, in_unit("group/core", whole_from=1)]
GroupsPerLayer = Annotated[Quantity, in_unit("group/layer", whole_from=1)]
WordsPerEntry = Annotated[Quantity, in_unit("word/entry", whole_from=0)]
WordsPerCompartment = Annotated[Quantity, in_unit("word/compartment")]
WordsPerGroup = Annotated[Quantity, in_unit("word/group", whole_from=0)]
Edge = Annotated[Quantity, in_unit("position", whole_from=1)]
PerSynop = Annotated[Quantity, in_unit("pJ/synop")]
PerUpdate = Annotated[Quantity, in_unit("pJ/update")]
PerSpike = Annotated[Quantity, in_unit("pJ/spike")]
PerMessage = Annotated[Quantity, in_unit("pJ/message")]
PerHop = Annotated[Quantity, in_unit("pJ/hop")]
PerOp = Annotated[Quantity, in_unit("pJ/op")]
PerCoreStep = Annotated[Quantity, in_unit("pJ/core-step")]
ChipPower = Annotated[Quantity, in_unit("mW/chip")]
CorePower = Annotated[Quantity, in_unit("mW/core")]
ChipsPerBoard = Annotated[Quantity, in_unit("chip/board", whole_from=1)]
TimePerSynop = Annotated[Quantity, in_unit("ns/synop")]
TimePerUpdate = Annotated[Quantity, in_unit("ns/update")]
TimePerSpike = Annotated[Quantity, in_unit("ns/spike")]
TimePerMessage = Annotated[Quantity, in_unit("ns/message")]
TimePerHop = Annotated[Quantity, in_unit("ns/hop")]
TimePerStep = Annotated[Quantity, in_unit("ns/step", above=0)]


class Section(BaseModel):
    """Base of the sections: frozen, and no key that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Chip(Section):
    """What a chip consists of: cores in tiles on a mesh."""

    cores: PerChipCores
    mesh_columns: Tiles
    mesh_rows: Tiles
    cores_per_tile: CoresPerTile

    @model_validator(mode="after")
    def _on_the_mesh(self) -> Chip:
        sizes = (int(self.mesh_columns), int(self.mesh_rows), int(self.cores_per_tile))
        if int(self.cores) > math.prod(sizes):
            raise ValueError(
                f"{int(self.cores)} cores, but a mesh of {sizes[0]} x {sizes[1]} tiles of "
                f"{sizes[2]} cores has {math.prod(sizes)}"
            )
        return self


class Limits(Section):
    """What a core can hold; a limit that is left out does not exist on this chip."""

    compartments: Compartments
    synapse_words: Words
    in_axons: Axons
    out_axons: Axons | None = None
    axon_map: Entries | None = None
    axon_mem: Entries | None = None
    neuron_groups: Groups | None = None
    weight_bits: BitChoices
    delay: Steps
    threshold_bits: Bits
    bias_bits: Bits
    bias_exponent_bits: Bits
    decay_bits: Bits
    payload_bits: Bits
    kernel_edge: Edge | None = None
    stride: Edge | None = None


class Neurons(Section):
    """Compartments per neuron, by the neuron's type in lower case."""

    default: CompartmentsPerNeuron
    types: dict[str, CompartmentsPerNeuron] = Field(default_factory=dict)
    groups: GroupsPerLayer | None = None
    groups_of: dict[str, GroupsPerLayer] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_lower_case(self) -> Neurons:
        for name in (*self.types, *self.groups_of):
            if name != name.lower():
                raise ValueError(f"{name!r} is found by no neuron; write {name.lower()!r}")
        return self


class SynapseMemory(Section):
    """How synapses are stored.

    ``entry_synapses`` is the longest run of synapses that one header describes; without it one
    header describes all the synapses of an in-axon.
    """

    word_bits: WordBits
    header_bits: Bits
    index_bits: Bits
    delay_bits: Bits
    entry_synapses: Synapses | None = None


class PooledMemory(Section):
    """One memory that all tables of a core come from, in words, and what of it an entry takes.

    A synapse word takes one. ``axon_entry``: of AxonIn, AxonMap and AxonMem alike.
    """

    words: Words
    axon_entry: WordsPerEntry
    compartment: WordsPerCompartment
    neuron_group: WordsPerGroup


class Mapping(Section):
    """Which strategy cuts layers into cores."""

    strategy: Strategy
    dense_split: DenseSplit = "halve"
    dense_split_after_map: DenseSplit = "halve"
    about: str = ""


class Energy(Section):
    """Energy per operation; ``synop_conv`` and ``synop_dense`` replace ``synop`` where given.

    ``core_step`` is what a core with neurons takes in every step, however idle it is.
    """

    synop: PerSynop
    synop_conv: PerSynop | None = None
    synop_dense: PerSynop | None = None
    update: PerUpdate
    spike: PerSpike
    axon_in: PerMessage
    axon_out: PerMessage
    tile: PerMessage
    hop_east_west: PerHop
    hop_north_south: PerHop
    core_step: PerCoreStep


class Board(Section):
    """Where the chips sit: static power is a property of the board.

    Given per chip, it counts for every chip that the network takes, idle cores included; given per
    core, for the cores that the network takes.
    """

    title: str
    chips: ChipsPerBoard
    static_power: ChipPower | None = None
    static_power_per_core: CorePower | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Board:
        if (self.static_power is None) == (self.static_power_per_core is None):
            raise ValueError("needs one of static_power and static_power_per_core")
        return self

    @property
    def static(self) -> Quantity:
        """The static power, of a chip or of a core."""
        given = self.static_power or self.static_power_per_core
        assert given is not None  # noqa: S101 - the validator has looked
        return given

    def static_mw(self, cores: int, chips: int) -> Band:
        """Return the static power of a network on so many cores and chips, in mW."""
        return self.static.band * (chips if self.static_power else cores)


class Time(Section):
    """Time per operation; ``synop_conv`` and ``synop_dense`` replace ``synop`` where given."""

    synop: TimePerSynop
    synop_conv: TimePerSynop | None = None
    synop_dense: TimePerSynop | None = None
    update: TimePerUpdate
    spike: TimePerSpike
    axon_in: TimePerMessage
    axon_out: TimePerMessage
    hop_east_west: TimePerHop
    hop_north_south: TimePerHop
    barrier: TimePerStep


class Comparison(Section):
    """The rule of thumb of papers, shown beside the estimate."""

    accumulate: PerOp
    multiply_accumulate: PerOp


class Calibration(Section):
    """What some constants were fitted on, and how far off they are there."""

    what: str
    fitted_on: str
    error: str
    not_covered: str = ""


class Profile(Section):
    """A chip and a compiler for it."""

    schema_version: Literal[1] = Field(alias="schema")
    name: str
    title: str
    default_board: str
    chip: Chip
    limits: Limits
    neurons: Neurons
    synapses: SynapseMemory
    pool: PooledMemory | None = None
    mapping: Mapping
    energy: Energy
    time: Time
    comparison: Comparison
    boards: dict[str, Board]
    calibration: tuple[Calibration, ...] = ()

    @model_validator(mode="after")
    def _limits_for_strategy(self) -> Profile:
        if self.mapping.strategy == "loihi1" and self.limits.out_axons is None:
            raise ValueError("mapping.strategy 'loihi1' needs limits.out_axons")
        tables = (self.limits.axon_map, self.limits.neuron_groups, self.neurons.groups, self.pool)
        if self.mapping.strategy != "loihi1" and None in tables:
            raise ValueError(
                f"mapping.strategy {self.mapping.strategy!r} needs limits.axon_map, "
                "limits.neuron_groups, neurons.groups and the section pool"
            )
        return self

    @model_validator(mode="after")
    def _default_board_exists(self) -> Profile:
        if self.default_board not in self.boards:
            raise ValueError(
                f"default_board is {self.default_board!r}, there are {', '.join(self.boards)}"
            )
        return self

    def board(self, name: str | None = None) -> tuple[str, Board]:
        """Return a board with its name, by default that of the profile.

        Raises
        ------
        ConfigError
            The profile has no such board.
        """
        chosen = self.default_board if name is None else name
        if chosen not in self.boards:
            raise ConfigError(
                f"no board {chosen!r} in profile {self.name!r}"
                f"{suggestion(chosen, self.boards) or '.'} There are {', '.join(self.boards)}."
            )
        return chosen, self.boards[chosen]

    def compartments_per_neuron(self, neuron_type: str) -> int:
        """Return the compartments that a neuron of this netx type takes."""
        return int(self.neurons.types.get(neuron_type.lower(), self.neurons.default))

    def neuron_groups(self, neuron_type: str) -> int:
        """Return the neuron groups that a layer of this type takes on each core, 0 without any."""
        return int(self.neurons.groups_of.get(neuron_type.lower(), self.neurons.groups or 0))

    @cached_property
    def content(self) -> str:
        """The profile as text, the same for equal profiles."""
        return self.model_dump_json()

    def __hash__(self) -> int:
        return hash(self.content)
