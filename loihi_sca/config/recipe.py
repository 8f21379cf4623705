"""Recipes: everything that determines a training run, as TOML checked by pydantic.

An unknown key is an error that suggests the nearest known one. Shipped recipes are found by name.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from loihi_sca.config.model import ModelConfig
from loihi_sca.config.sections import (
    VALUES,
    CountOrZero,
    DataConfig,
    PruningConfig,
    Section,
    TrainingConfig,
)
from loihi_sca.errors import ConfigError
from loihi_sca.toml_files import parse_toml, suggestion, validate
from loihi_sca.whole import MOST_SEED


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
    seed: Annotated[CountOrZero, Field(le=MOST_SEED)] = 0
    data: DataConfig = DataConfig()
    model: ModelConfig
    training: TrainingConfig = TrainingConfig()
    pruning: PruningConfig | None = None

    @model_validator(mode="after")
    def _sends_changes_of_values(self) -> Recipe:
        if self.model.sigma_delta is None:
            return self
        if not self.data.are_values:
            raise ValueError(
                f"data.encoding = {self.data.encoding!r} with model.sigma_delta: its neurons send "
                f"how values change. Set data.encoding to one of {', '.join(VALUES)}, or "
                'data.counts = "graded"'
            )
        if self.training.synops:
            raise ValueError(
                f"training.synops = {self.training.synops} with model.sigma_delta: a message is no "
                "rate that could be learnt from. Leave it out"
            )
        return self

    @model_validator(mode="after")
    def _norm_can_fold(self) -> Recipe:
        if self.model.norm != "batch":
            return self
        if self.training.batch_size < 2:
            raise ValueError(
                'training.batch_size = 1 with model.norm = "batch": one sample has no variance. '
                "Take batches of at least 2"
            )
        if self.pruning is not None and self.training.fold < self.pruning.stop:
            raise ValueError(
                f"training.fold = {self.training.fold} lies before pruning.stop = "
                f"{self.pruning.stop}: folding freezes statistics, and those of fewer channels are "
                "others. Fold at pruning.stop or later"
            )
        return self


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
    owner = f"recipe {name_or_path}"
    return validate(Recipe, parse_toml(_recipe_text(name_or_path), owner), owner)


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
    raise ConfigError(
        f"no recipe {str(name_or_path)!r}: neither a file nor a shipped recipe "
        f"({', '.join(names)}){suggestion(str(name_or_path), names) or '.'}"
    )
