"""What a user may say in a recipe, checked before anything runs."""

from loihi_sca.config.budgets import BUDGETS, FRACTIONS, Budget
from loihi_sca.config.layers import (
    ConvConfig,
    DenseConfig,
    LayerConfig,
    PoolConfig,
    ResidualConfig,
    StemConfig,
    StreamEnd,
)
from loihi_sca.config.model import READ_OUT, ModelConfig
from loihi_sca.config.neurons import NeuronConfig, SigmaDeltaConfig
from loihi_sca.config.recipe import Recipe, load_recipe, shipped_recipes
from loihi_sca.config.sections import (
    OF_ENCODING,
    TRUST,
    Binning,
    Counts,
    DataConfig,
    Encoding,
    Norm,
    Objective,
    PruningConfig,
    Section,
    TrainingConfig,
)

__all__ = [
    "BUDGETS",
    "FRACTIONS",
    "OF_ENCODING",
    "READ_OUT",
    "TRUST",
    "Binning",
    "Budget",
    "ConvConfig",
    "Counts",
    "DataConfig",
    "DenseConfig",
    "Encoding",
    "LayerConfig",
    "ModelConfig",
    "NeuronConfig",
    "Norm",
    "Objective",
    "PoolConfig",
    "PruningConfig",
    "Recipe",
    "ResidualConfig",
    "Section",
    "SigmaDeltaConfig",
    "StemConfig",
    "StreamEnd",
    "TrainingConfig",
    "load_recipe",
    "shipped_recipes",
]
