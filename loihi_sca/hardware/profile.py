"""Chip profiles: every hardware number, read from TOML and validated with its unit."""

from __future__ import annotations

import difflib
import os
import sys
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from loihi_sca.errors import ConfigError
from loihi_sca.hardware.quantity import Choices, Quantity, in_unit

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Strategy = Literal["loihi1", "loihi2-v1", "loihi2-v2"]
DenseSplit = Literal["halve", "divide"]

PerChipCores = Annotated[Quantity, in_unit("core/chip")]
Tiles = Annotated[Quantity, in_unit("tile")]
CoresPerTile = Annotated[Quantity, in_unit("core/tile")]
Compartments = Annotated[Quantity, in_unit("compartment/core")]
CompartmentsPerNeuron = Annotated[Quantity, in_unit("compartment/neuron")]
Words = Annotated[Quantity, in_unit("word/core")]
Axons = Annotated[Quantity, in_unit("axon/core")]
Entries = Annotated[Quantity, in_unit("entry/core")]
Bits = Annotated[Quantity, in_unit("bit")]
BitChoices = Annotated[Choices, in_unit("bit")]
Steps = Annotated[Quantity, in_unit("step")]
Synapses = Annotated[Quantity, in_unit("synapse")]
WordsPerAxon = Annotated[Quantity, in_unit("word/axon")]
Edge = Annotated[Quantity, in_unit("position")]
PerSynop = Annotated[Quantity, in_unit("pJ/synop")]
PerUpdate = Annotated[Quantity, in_unit("pJ/update")]
PerSpike = Annotated[Quantity, in_unit("pJ/spike")]
PerMessage = Annotated[Quantity, in_unit("pJ/message")]
PerHop = Annotated[Quantity, in_unit("pJ/hop")]
PerOp = Annotated[Quantity, in_unit("pJ/op")]
Power = Annotated[Quantity, in_unit("mW/chip")]
TimePerSynop = Annotated[Quantity, in_unit("ns/synop")]
TimePerUpdate = Annotated[Quantity, in_unit("ns/update")]
TimePerSpike = Annotated[Quantity, in_unit("ns/spike")]
TimePerMessage = Annotated[Quantity, in_unit("ns/message")]
TimePerHop = Annotated[Quantity, in_unit("ns/hop")]
TimePerStep = Annotated[Quantity, in_unit("ns/step")]


class Section(BaseModel):
    """Base of the sections: frozen, and no key that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Chip(Section):
    """What a chip consists of: cores in tiles on a mesh."""

    cores: PerChipCores
    mesh_columns: Tiles
    mesh_rows: Tiles
    cores_per_tile: CoresPerTile


class Limits(Section):
    """What a core can hold; a limit that is left out does not exist on this chip."""

    compartments: Compartments
    synapse_words: Words
    in_axons: Axons
    out_axons: Axons | None = None
    axon_map: Entries | None = None
    axon_mem: Entries | None = None
    pooled_words: Words | None = None
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


class SynapseMemory(Section):
    """How synapses are stored.

    ``entry_synapses`` is the longest run of synapses that one header describes; without it one
    header describes all the synapses of an in-axon.
    """

    word_bits: Bits
    header_bits: Bits
    index_bits: Bits
    delay_bits: Bits
    entry_synapses: Synapses | None = None
    words_per_in_axon: WordsPerAxon


class Mapping(Section):
    """Which strategy cuts layers into cores."""

    strategy: Strategy
    dense_split: DenseSplit = "halve"
    dense_split_after_map: DenseSplit = "halve"
    about: str = ""


class Energy(Section):
    """Energy per operation; ``synop_conv`` and ``synop_dense`` replace ``synop`` where given."""

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
    static_power: Power


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
    chip: Chip
    limits: Limits
    neurons: Neurons
    synapses: SynapseMemory
    mapping: Mapping
    energy: Energy
    time: Time
    comparison: Comparison
    calibration: tuple[Calibration, ...] = ()

    @model_validator(mode="after")
    def _limits_for_strategy(self) -> Profile:
        if self.mapping.strategy == "loihi1" and self.limits.out_axons is None:
            raise ValueError("mapping.strategy 'loihi1' needs limits.out_axons")
        return self

    def compartments_per_neuron(self, neuron_type: str) -> int:
        """Return the compartments that a neuron of this netx type takes."""
        return int(self.neurons.types.get(neuron_type.lower(), self.neurons.default))

    @cached_property
    def content(self) -> str:
        """The profile as text, the same for equal profiles."""
        return self.model_dump_json()

    def __hash__(self) -> int:
        return hash(self.content)


def profile_paths() -> dict[str, Path]:
    """Return the shipped profiles by name.

    In a checkout they lie in ``hw_profiles`` at its root, in an installed wheel inside the package.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "profiles", here.parents[1] / "hw_profiles"):
        if folder.is_dir():
            return {path.stem: path for path in sorted(folder.glob("*.toml"))}
    raise ConfigError("the chip profiles are missing from this installation. Reinstall loihi-sca.")


def load_profile(name: str | os.PathLike[str]) -> Profile:
    """Return a profile by name (``loihi2``) or by path (``./my_board.toml``).

    Raises
    ------
    ConfigError
        There is none, it is not TOML, a key is unknown or missing, or a unit is wrong.
    """
    text = os.fspath(name)
    if not (text.endswith(".toml") or os.sep in text):
        shipped = profile_paths()
        if text not in shipped:
            raise ConfigError(
                f"no profile {text!r}{_suggestion(text, list(shipped))} There are "
                f"{', '.join(shipped)}; a file needs its ending: ./{text}.toml."
            )
        return read_profile(shipped[text])
    return read_profile(Path(text))


def read_profile(path: Path) -> Profile:
    """Read one profile file; see :func:`load_profile`."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read profile {path}: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"profile {path} is not TOML: {error}.") from error
    return parse(Profile, values, f"profile {path}")


Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], values: dict[str, Any], owner: str) -> Model:
    """Validate a mapping, turning every problem into one :class:`ConfigError`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(_explain(model, problem) for problem in error.errors())
        raise ConfigError(f"{owner}: {problems}.") from error


def _explain(model: type[Any], problem: Any) -> str:
    where = [str(part) for part in problem["loc"]]
    place = ".".join(where)
    if problem["type"] == "extra_forbidden":
        near = _suggestion(where[-1], _keys_at(model, where[:-1]))
        return f"unknown key {place!r}{near.rstrip('.')}"
    if problem["type"] == "missing":
        return f"{place!r} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place} {message}" if place else message


def _keys_at(model: Any, where: list[str]) -> list[str]:
    """Return the keys that the model allows at a place; empty where it is no section."""
    for part in where:
        fields = getattr(model, "model_fields", {})
        if part not in fields:
            continue  # an index into a list, or a name that the user chose
        model = _model_in(fields[part].annotation)
    fields = getattr(model, "model_fields", {})
    return [field.alias or name for name, field in fields.items()]


def _model_in(annotation: Any) -> Any:
    """Return the pydantic model inside an annotation such as ``tuple[Model, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_in(part)
        if found is not None:
            return found
    return None


def _suggestion(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else "."
