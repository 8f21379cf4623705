"""Recipes: everything that determines a training run, as TOML checked by pydantic.

An unknown key is an error that suggests the nearest known one. Shipped recipes are found by name.
"""

from __future__ import annotations

import difflib
import sys
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from loihi_sca.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]
PositiveFraction: TypeAlias = Annotated[float, Field(gt=0, le=1)]


class Section(BaseModel):
    """A table of a recipe: frozen, unknown keys forbidden."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(Section):
    """Where samples come from.

    Attributes
    ----------
    name : str
        A dataset that :func:`loihi_sca.data.load` knows.
    timesteps : int
        Steps T per sample.
    root : str or None
        Folder with the dataset's files, for those that need one.
    limit : int or None
        Use the first so many training samples only.
    """

    name: str = "digits"
    timesteps: PositiveInt = 16
    root: str | None = None
    limit: PositiveInt | None = None


class NeuronConfig(Section):
    """Parameters of the CUBA neurons of a block.

    Attributes
    ----------
    threshold : float
        Spiking threshold; 1.0 is the integer 64.
    current_decay, voltage_decay : float
        Fraction lost per timestep, 0 to 1.
    tau_grad, scale_grad : float
        Width and height of the surrogate gradient; a narrow one (0.01) trains far better than
        lava-dl's default of 1.
    """

    threshold: PositiveFloat = 1.0
    current_decay: Fraction = 1.0
    voltage_decay: Fraction = 0.1
    tau_grad: PositiveFloat = 0.01
    scale_grad: PositiveFloat = 1.0


class ConvConfig(Section):
    """A convolutional block.

    Attributes
    ----------
    channels, kernel, stride, padding : int
        Geometry; the kernel is square.
    prunable : bool
        Whether its channels may be pruned.
    """

    type: Literal["conv"]
    channels: PositiveInt
    kernel: PositiveInt = 3
    stride: PositiveInt = 1
    padding: NonNegativeInt = 0
    prunable: bool = True


class DenseConfig(Section):
    """An all-to-all block.

    Attributes
    ----------
    neurons : int
        Number of outputs.
    prunable : bool
        Whether its neurons may be pruned.
    """

    type: Literal["dense"]
    neurons: PositiveInt
    prunable: bool = True


class ModelConfig(Section):
    """A stack of blocks; a dense read-out with one neuron per class follows by itself.

    Attributes
    ----------
    layers : tuple of ConvConfig or DenseConfig
        In order, convolutions first.
    neuron : NeuronConfig
        Of all blocks.
    norm : bool
        Mean-only batch norm, which becomes an integer bias.
    weight_scale : float
        Factor of the initial weights.
    """

    layers: tuple[Annotated[ConvConfig | DenseConfig, Field(discriminator="type")], ...]
    neuron: NeuronConfig = NeuronConfig()
    norm: bool = True
    weight_scale: PositiveFloat = 2.0


class TrainingConfig(Section):
    """How weights are learnt: Adam on the cross-entropy of output spike counts.

    Attributes
    ----------
    epochs, batch_size : int
        As everywhere.
    learning_rate, weight_decay : float
        Of Adam; the rate falls to a hundredth along a cosine.
    l1 : float
        Penalty on the absolute weights of convolutions.
    """

    epochs: PositiveInt = 20
    batch_size: PositiveInt = 64
    learning_rate: PositiveFloat = 5e-3
    weight_decay: NonNegativeFloat = 0.0
    l1: NonNegativeFloat = 0.0


class PruningConfig(Section):
    """Which channels go, which come back, and when.

    Attributes
    ----------
    criterion : str
        Importance score, one of :data:`loihi_sca.pruning.criteria.CRITERIA`.
    keep : float
        Fraction of the prunable channels that is left, regenerated ones included.
    regenerate : float
        Fraction of the prunable channels that is brought back at each update, within ``keep``.
    min_channels : int
        No layer gets fewer.
    schedule : {"constant", "cubic"}
        Full sparsity from the first update, or approached along a cubic curve.
    start, stop : float
        First and last update, as fractions of the training; afterwards the structure is frozen.
    interval : int
        Epochs between updates.
    """

    criterion: str = "sca"
    keep: PositiveFraction = 0.4
    regenerate: Fraction = 0.1
    min_channels: PositiveInt = 4
    schedule: Literal["constant", "cubic"] = "cubic"
    start: Fraction = 0.1
    stop: Fraction = 0.6
    interval: PositiveInt = 1

    @model_validator(mode="after")
    def _consistent(self) -> PruningConfig:
        if self.regenerate >= self.keep:
            raise ValueError(
                f"regenerate = {self.regenerate} must be below keep = {self.keep}: regenerated "
                "channels are part of those kept"
            )
        if self.start > self.stop:
            raise ValueError(f"start = {self.start} lies behind stop = {self.stop}")
        return self


class Recipe(Section):
    """Everything that determines a training run.

    Attributes
    ----------
    name : str
        For people and file names.
    seed : int
        Of initial weights, order of samples and the validation split.
    data, model, training, pruning
        See the sections. Without ``pruning`` the network stays dense.
    """

    name: str
    seed: NonNegativeInt = 0
    data: DataConfig = DataConfig()
    model: ModelConfig
    training: TrainingConfig = TrainingConfig()
    pruning: PruningConfig | None = None


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that come with the package."""
    folder = resources.files("loihi_sca") / "recipes"
    return sorted(
        p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")
    )


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Load a recipe by the name of a shipped one or from a TOML file.

    Raises
    ------
    ConfigError
        It is missing, not TOML, or says something that cannot be meant; all problems are listed.
    """
    text = _recipe_text(name_or_path)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name_or_path}: not valid TOML: {error}.") from error
    return parse(Recipe, values, str(name_or_path))


def parse(model: type[Recipe], values: dict[str, Any], source: str) -> Recipe:
    """Validate values, turning pydantic's findings into one readable error."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [_explain(model, dict(item)) for item in error.errors()]
        raise ConfigError(f"{source}: " + "; ".join(problems) + ".") from error


def _recipe_text(name_or_path: str | Path) -> str:
    path = Path(name_or_path)
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: cannot be read: {error}.") from error
    names = shipped_recipes()
    if str(name_or_path) in names:
        shipped = resources.files("loihi_sca") / "recipes" / f"{name_or_path}.toml"
        return shipped.read_text(encoding="utf-8")
    near = difflib.get_close_matches(str(name_or_path), names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ConfigError(
        f"no recipe {str(name_or_path)!r}: neither a file nor a shipped recipe "
        f"({', '.join(names)}).{hint}"
    )


def _explain(model: type[BaseModel], problem: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        return f"{where}: {problem['msg']}" if where else str(problem["msg"])
    known = _known_keys(model, problem["loc"][:-1])
    near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
    hint = f", did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
    return f"unknown key {where!r}{hint}"


def _known_keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """Return the keys of the table that the location leads to."""
    schema: dict[str, Any] = model.model_json_schema()
    node = schema
    for part in location:
        node = _resolve(schema, node)
        if isinstance(part, int):
            node = node.get("items", {})
        elif "properties" in node and part in node["properties"]:
            node = node["properties"][part]
        else:  # the tag of a discriminated union
            node = node.get("discriminator", {}).get("mapping", {}).get(part, node)
            node = {"$ref": node} if isinstance(node, str) else node
    return sorted(_resolve(schema, node).get("properties", {}))


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node or "anyOf" in node:
        if "anyOf" in node:
            node = next(option for option in node["anyOf"] if option.get("type") != "null")
        else:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node
