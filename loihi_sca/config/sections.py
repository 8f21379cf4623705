"""The tables of a recipe, field by field; the model's is :mod:`loihi_sca.config.model`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from loihi_sca.config.budgets import BUDGETS, Budget
from loihi_sca.errors import ConfigError
from loihi_sca.toml_files import validate

# a number in quotes, or a truth value, is no number
Fraction: TypeAlias = Annotated[float, Field(strict=True, ge=0, le=1)]
Positive: TypeAlias = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
NotNegative: TypeAlias = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Count: TypeAlias = Annotated[int, Field(strict=True, gt=0)]
CountOrZero: TypeAlias = Annotated[int, Field(strict=True, ge=0)]
Whether: TypeAlias = Annotated[bool, Field(strict=True)]
BudgetNumber: TypeAlias = Annotated[float, Field(strict=True)]
BudgetCount: TypeAlias = Annotated[int, Field(strict=True)]

Encoding: TypeAlias = Literal["rate", "direct", "latency", "thermometer", "delta", "video"]
"""``rate``: evenly spaced spikes. ``direct``: bias mantissas that drive neurons at every step.
``latency``: one spike, the earlier the larger. ``thermometer``: channels for levels, which spike
while the value is above theirs. ``delta``: spikes where values change in time. ``video``: as
``direct``, of a picture that moves."""

OF_ENCODING: dict[str, Encoding] = {
    "levels": "thermometer", "hold": "video", "reach": "video", "threshold": "delta",
}  # fmt: skip
"""Keys that say something of one encoding and of nothing else."""

VALUES = ("direct", "video")
"""Encodings that drive neurons on the chip by values, instead of sending spikes to it."""

Binning: TypeAlias = Literal["time", "count"]
"""``time``: steps of a recording last equally long. ``count``: they have equally many events."""

Counts: TypeAlias = Literal["clip", "graded"]
"""``clip``: events at one place in one step are one spike. ``graded``: their number drives a
neuron at the input, as a value does."""

Norm: TypeAlias = Whether | Literal["batch"]
"""Of a block's current: none, by its mean, or by mean and variance."""

Objective: TypeAlias = Literal["harmonic", "product", "sum", "rank"]

DEFAULT_KEEP = 0.4
TRUST = 0.5
"""How far scores are believed by default when a budget is divided over layers."""


class Section(BaseModel):
    """A table of a recipe: frozen, unknown keys forbidden."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(Section):
    """Where samples come from.

    Attributes
    ----------
    name : str
        A dataset that :func:`loihi_sca.data.load` knows, or one's own: ``module:function``, an
        ``.npz`` or an ``.npy`` file.
    timesteps : int
        Steps T per sample.
    root : str or None
        Folder with the dataset's files or module, for those that need one.
    limit : int or None
        Use the first so many training samples only.
    encoding : {"rate", "direct", "latency", "thermometer", "delta", "video"}
        How images become input: as evenly spaced spikes; as values that drive neurons on the chip
        at every step; as one spike, the earlier the larger the value; as spikes at every step in
        those of several channels whose level the value exceeds; or as ``video``, values of a
        picture that moves to and fro. How one's own values with time become input: ``delta``,
        spikes where they change. Recordings of events are spikes already.
    levels : int
        With ``thermometer``: as many channels, of evenly spaced levels, for each of the image's.
    hold : int
        With ``video``: a picture moves by a pixel every so many timesteps.
    reach : int
        With ``video``: it gets so many pixels off its place; what leaves the frame is not seen.
    threshold : float
        With ``delta``: a change of so much is a spike.
    binning : {"time", "count"}
        Whether the timesteps of a recording of events last equally long, or have equally many
        events.
    window_ms : float or None
        The time in ms, from the beginning of a recording, that the timesteps divide; known for
        known datasets. Events after it are left out.
    downsample : int
        So many rows and columns of a recording, or channels of sound, become one.
    counts : {"clip", "graded"} or None
        What becomes of several events at one place in one timestep, and of counts above 1 in one's
        own spikes: one spike, or a value that drives a neuron at the input, 64 for one event, of
        which at most 63 fit. By default events are clipped, and counts refused.
    camera : tuple of int or None
        Height and width of the camera of one's own recordings.
    cache : str or None
        A folder, in which binned recordings are kept from run to run, so that files are decoded
        once. By default they are kept in memory only.
    skip_damaged : bool
        Leave out recordings that are damaged, and count them, instead of stopping at the first.
    shift : int
        Training samples are moved at random by up to so many rows and columns, anew in each epoch.
    mirror : bool
        Every other training sample is mirrored left to right, at random.
    """

    name: str = "digits"
    timesteps: Count = 16
    root: str | None = None
    limit: Count | None = None
    encoding: Encoding = "rate"
    levels: Count = 4
    hold: Count = 4
    reach: CountOrZero = 2
    threshold: Positive = 0.1
    binning: Binning = "time"
    window_ms: Positive | None = None
    downsample: Count = 1
    counts: Counts | None = None
    cache: str | None = None
    camera: tuple[Count, Count] | None = None
    skip_damaged: Whether = False
    shift: CountOrZero = 0
    mirror: Whether = False

    @model_validator(mode="after")
    def _says_what_counts(self) -> DataConfig:
        """Refuse a value that another encoding would take."""
        for key, encoding in OF_ENCODING.items():
            value = getattr(self, key)
            if encoding != self.encoding and value != DataConfig.model_fields[key].default:
                raise ValueError(
                    f'{key} = {value}: is for encoding = "{encoding}", and that is '
                    f'"{self.encoding}". Leave one of them out'
                )
        return self

    @property
    def are_values(self) -> bool:
        """Whether samples are values that drive neurons on the chip, not spikes."""
        return self.encoding in VALUES or self.counts == "graded"


class TrainingConfig(Section):
    """How weights are learnt: Adam on the cross-entropy of output spike counts.

    Attributes
    ----------
    epochs : int
        Passes over the training samples.
    batch_size : int
        Samples per step of the optimizer.
    learning_rate, weight_decay : float
        Of Adam; the rate falls to a hundredth along a cosine.
    l1 : float
        Penalty on the absolute weights of convolutions.
    synops : float
        Penalty on the share of synapses that a timestep uses, see
        :class:`loihi_sca.training.loss.Loss`.
    label_smoothing : float
        Share of the target that is spread over all classes, below 1.
    fold : float
        With ``norm = "batch"``: the part of the epochs after which norms are folded into weights,
        biases and thresholds, above 0; the rest trains the integers that ship. Never before the
        structure is final.
    events : bool
        Whether synapses are computed over their spikes alone where that is faster; on a CPU. The
        same spikes either way, gradients equal to float rounding.
    keep_checkpoints : int
        How many of the last checkpoints stay on disk, besides the best.
    """

    epochs: Count = 20
    batch_size: Count = 64
    learning_rate: Positive = 5e-3
    weight_decay: NotNegative = 0.0
    l1: NotNegative = 0.0
    synops: NotNegative = 0.0
    label_smoothing: Annotated[float, Field(strict=True, ge=0, lt=1)] = 0.0
    fold: Annotated[float, Field(strict=True, gt=0, le=1)] = 0.7
    events: Whether = True
    keep_checkpoints: Count = 2


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
        Energy per sample on ``profile`` in uJ, as estimated, static power included.
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
    keep: BudgetNumber | None = None
    connections: BudgetNumber | None = None
    synops: BudgetNumber | None = None
    cores: BudgetCount | None = None
    synapse_words: BudgetCount | None = None
    energy_uj: BudgetNumber | None = None
    fits: str | None = None
    profile: str = "loihi2"
    objective: Objective = "harmonic"
    trust: Fraction = TRUST
    regenerate: Fraction = 0.1
    regeneration: Literal["constant", "cosine"] = "constant"
    ranking: Literal["global", "layer"] = "global"
    exclude: tuple[str, ...] = ()
    min_channels: Count = 4
    schedule: Literal["constant", "cubic", "cosine"] = "cubic"
    start: Fraction = 0.1
    stop: Fraction = 0.6
    interval: Count = 1
    interval_steps: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_budget(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        given = any(values.get(name) is not None for name in BUDGETS)
        return values if given else {**values, "keep": DEFAULT_KEEP}

    @property
    def budget(self) -> Budget:
        """The budget that is given."""
        found = Budget.given_in(dict(self))
        if found is None:  # _one_budget gives the default
            raise ConfigError("pruning: gives no budget.")
        return found

    @model_validator(mode="after")
    def _consistent(self) -> PruningConfig:
        try:
            Budget.given_in(dict(self))
        except ConfigError as error:
            raise ValueError(str(error).removesuffix(".")) from error
        if self.keep is not None and self.regenerate >= self.keep:
            raise ValueError(
                f"regenerate = {self.regenerate} must be below keep = {self.keep}: regenerated "
                "channels are part of those kept"
            )
        if self.start > self.stop:
            raise ValueError(f"start = {self.start} lies behind stop = {self.stop}")
        return self

    def changed(self, changes: Mapping[str, Any], owner: str) -> PruningConfig:
        """Return the section with other values; a budget among them takes the place of its own.

        Parameters
        ----------
        changes : mapping of str to value
            By field.
        owner : str
            What an error starts with.

        Raises
        ------
        ConfigError
            Together they cannot be meant.
        """
        return validate(PruningConfig, self.values_with(changes), owner)

    def values_with(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the section with others in their place, not checked yet.

        Where another kept fraction is not above the regenerated one, half of what is kept is
        regenerated.
        """
        values = self.model_dump(mode="json", exclude_none=True)
        if any(name in changes for name in BUDGETS):
            values = {k: v for k, v in values.items() if k not in BUDGETS}
        values |= changes
        keep, regenerate = changes.get("keep"), values["regenerate"]
        if isinstance(keep, int | float) and regenerate >= keep > 0:
            values["regenerate"] = 0.5 * keep
        return values
