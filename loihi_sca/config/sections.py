"""The tables of a recipe, field by field; ``model`` and ``pruning`` have modules of their own."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

# a number in quotes, or a truth value, is no number
Fraction: TypeAlias = Annotated[float, Field(strict=True, ge=0, le=1)]
Positive: TypeAlias = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
NotNegative: TypeAlias = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Count: TypeAlias = Annotated[int, Field(strict=True, gt=0)]
CountOrZero: TypeAlias = Annotated[int, Field(strict=True, ge=0)]
Whether: TypeAlias = Annotated[bool, Field(strict=True)]

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
