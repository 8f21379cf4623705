"""What a user may say in a recipe, checked before anything runs."""

from loihi_sca.config.budgets import BUDGETS, FRACTIONS, Budget
from loihi_sca.config.model import (
    ConvConfig,
    DenseConfig,
    LayerConfig,
    ModelConfig,
    PoolConfig,
    ResidualConfig,
    StemConfig,
    StreamEnd,
)
from loihi_sca.config.recipe import Recipe, load_recipe, shipped_recipes
from loihi_sca.config.sections import (
    TRUST,
    Binning,
    DataConfig,
    Encoding,
    NeuronConfig,
    Norm,
    Objective,
    PruningConfig,
    Section,
    TrainingConfig,
)

__all__ = [
    "BUDGETS", "FRACTIONS", "TRUST", "Binning", "Budget", "ConvConfig", "DataConfig", "DenseConfig",
    "Encoding", "LayerConfig", "ModelConfig", "NeuronConfig", "Norm", "Objective", "PoolConfig",
    "PruningConfig", "Recipe", "ResidualConfig", "Section", "StemConfig", "StreamEnd",
    "TrainingConfig", "load_recipe", "shipped_recipes",
]  # fmt: skip
