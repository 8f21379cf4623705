"""The tables of a recipe, field by field; the model's is :mod:`loihi_sca.config.model`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]
PositiveFraction: TypeAlias = Annotated[float, Field(gt=0, le=1)]

Encoding: TypeAlias = Literal["rate", "direct"]
"""``rate``: evenly spaced spikes. ``direct``: bias mantissas that drive neurons at every step."""

Objective: TypeAlias = Literal["harmonic", "product", "sum", "rank"]

FRACTIONS = ("keep", "connections", "synops")
"""Budgets that are fractions of the dense network."""

BUDGETS = (*FRACTIONS, "cores", "synapse_words", "energy_uj", "fits")
"""Ways to say how small a network shall become; those that are no fractions are of a chip."""

DEFAULT_KEEP = 0.4
TRUST = 0.5
"""How far scores are believed by default when a budget is divided over layers."""

CHIPS = r"^[1-9]\d* chips?$"


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
    encoding : {"rate", "direct"}
        How images become input: as evenly spaced spikes, or as values that drive neurons on the
        chip at every step. Recordings of events are spikes already.
    shift : int
        Training samples are moved at random by up to so many rows and columns, anew in each epoch.
    mirror : bool
        Every other training sample is mirrored left to right, at random.
    """

    name: str = "digits"
    timesteps: PositiveInt = 16
    root: str | None = None
    limit: PositiveInt | None = None
    encoding: Encoding = "rate"
    shift: NonNegativeInt = 0
    mirror: bool = False


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
    synops : float
        Penalty on the share of synapses that a timestep uses, see
        :class:`loihi_sca.training.loss.Loss`.
    label_smoothing : float
        Share of the target that is spread over all classes.
    keep_checkpoints : int
        How many of the last checkpoints stay on disk, besides the best.
    """

    epochs: PositiveInt = 20
    batch_size: PositiveInt = 64
    learning_rate: PositiveFloat = 5e-3
    weight_decay: NonNegativeFloat = 0.0
    l1: NonNegativeFloat = 0.0
    synops: NonNegativeFloat = 0.0
    label_smoothing: Fraction = 0.0
    keep_checkpoints: PositiveInt = 2


class PruningConfig(Section):
    """Which channels go, which come back, and when.

    Attributes
    ----------
    criterion : str
        Importance score, one of :data:`loihi_sca.pruning.criteria.CRITERIA`.
    keep : float or None
        Fraction of the prunable channels that is left, regenerated ones included. One budget is
        given, this or one of the following; 0.4 of the channels if none is.
    connections, synops : float or None
        Fraction of the dense network's weights, or of its synaptic operations.
    cores, synapse_words : int or None
        Cores, or words of synapse memory on all cores, that the mapper may use on ``profile``.
    energy_uj : float or None
        Energy per sample on ``profile`` in uJ, as estimated.
    fits : str or None
        ``"1 chip"``: all cores of so many chips of ``profile``.
    profile : str
        Chip profile that a budget of cores, words, energy or chips is meant for.
    objective : {"harmonic", "product", "sum", "rank"}
        What a budget is spent on: the harmonic mean over the layers of the kept share of
        importance, so that no layer becomes a bottleneck; the product of these shares; the plain
        sum of the kept importance; or, as in the original, the best channels of one list over all
        layers, as many as the budget allows.
    trust : float
        How far scores are believed when ``harmonic`` or ``product`` divide a budget over layers,
        from 0, where all channels of a layer count alike, to 1. Scores tell what channels do now;
        after fine-tuning those that are left do the work of those that went.
    regenerate : float
        Fraction of the prunable channels that is brought back at each update, within the budget.
    regeneration : {"constant", "cosine"}
        Whether that fraction stays, or falls to nothing at ``stop`` along a cosine.
    ranking : {"global", "layer"}
        With ``keep``: the channels of all layers compete, or each layer keeps the same fraction.
    exclude : tuple of str
        Blocks that keep all their channels, by name, such as ``conv1``.
    min_channels : int
        No layer gets fewer.
    schedule : {"constant", "cubic", "cosine"}
        Full sparsity from the first update, or approached along a curve.
    start, stop : float
        First and last update, as fractions of the training; afterwards the structure is frozen
        and the rest of the training fine-tunes it.
    interval : int
        Epochs between updates.
    interval_steps : int or None
        Optimizer steps between updates, instead of epochs.
    """

    criterion: str = "sca"
    keep: PositiveFraction | None = None
    connections: PositiveFraction | None = None
    synops: PositiveFraction | None = None
    cores: PositiveInt | None = None
    synapse_words: PositiveInt | None = None
    energy_uj: PositiveFloat | None = None
    fits: Annotated[str, Field(pattern=CHIPS)] | None = None
    profile: str = "loihi2"
    objective: Objective = "harmonic"
    trust: Fraction = TRUST
    regenerate: Fraction = 0.1
    regeneration: Literal["constant", "cosine"] = "constant"
    ranking: Literal["global", "layer"] = "global"
    exclude: tuple[str, ...] = ()
    min_channels: PositiveInt = 4
    schedule: Literal["constant", "cubic", "cosine"] = "cubic"
    start: Fraction = 0.1
    stop: Fraction = 0.6
    interval: PositiveInt = 1
    interval_steps: PositiveInt | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_budget(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        given = [name for name in BUDGETS if values.get(name) is not None]
        if len(given) > 1:
            raise ValueError(f"gives {' and '.join(given)}; one budget at a time")
        return values if given else {**values, "keep": DEFAULT_KEEP}

    @property
    def budget(self) -> tuple[str, float | str]:
        """Name and amount of the budget that is given."""
        name = next(n for n in BUDGETS if getattr(self, n) is not None)
        return name, getattr(self, name)

    @model_validator(mode="after")
    def _consistent(self) -> PruningConfig:
        if self.keep is not None and self.regenerate >= self.keep:
            raise ValueError(
                f"regenerate = {self.regenerate} must be below keep = {self.keep}: regenerated "
                "channels are part of those kept"
            )
        if self.start > self.stop:
            raise ValueError(f"start = {self.start} lies behind stop = {self.stop}")
        return self
