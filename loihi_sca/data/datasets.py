"""Datasets by name, known ones and one's own, each with a fixed split."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loihi_sca.config import Binning, Counts, DataConfig, Encoding
from loihi_sca.data.asked import config_of, name_of, seed_of
from loihi_sca.data.cache import Progress, cached
from loihi_sca.data.dataset import Dataset
from loihi_sca.data.encoding import with_encoding
from loihi_sca.data.known import known_as
from loihi_sca.data.labels import check_labels
from loihi_sca.data.own import is_own
from loihi_sca.data.recordings import Recordings, downsampled
from loihi_sca.data.samples import (
    Courses,
    Images,
    Recorded,
    Samples,
    encoded_shape,
    no_encoding,
)
from loihi_sca.data.splits import HELD_OUT, SPLITS, Split, order_of
from loihi_sca.data.videos import Videos
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.network import Shape
from loihi_sca.whole import check_seed

DEFAULT_STEPS = 16

ONLY_RECORDINGS = ("binning", "window_ms", "downsample", "skip_damaged", "cache", "camera")
"""Keys that say something of recordings of events and of nothing else."""


def shape_of(name: str, root: Path | str | None = None) -> tuple[Shape, int]:
    """Return the shape (C, H, W) of a dataset's samples and its number of classes.

    Known datasets are not loaded for that.

    Raises
    ------
    ConfigError
        There is no such dataset.
    InputError
        It is an own one, and cannot be read.
    """
    return shape_as(config_of(name, root))


def shape_as(config: DataConfig) -> tuple[Shape, int]:
    """Return the shape (C, H, W) of samples as a recipe has them, and the number of classes.

    Raises
    ------
    ConfigError, InputError
        As :func:`shape_of`.
    """
    known = known_as(config, _folder(config))
    _check_keys(config, known.recorded)
    shape = downsampled(known.shape, config.downsample)
    return encoded_shape(shape, config.encoding, config.levels), known.classes


def load(
    name: str | os.PathLike[str],
    *,
    split: Split = "train",
    timesteps: int | None = None,
    root: Path | str | None = None,
    seed: int | None = None,
    encoding: Encoding | None = None,
    levels: int | None = None,
    binning: Binning | None = None,
    window_ms: float | None = None,
    downsample: int | None = None,
    camera: tuple[int, int] | None = None,
    skip_damaged: bool = False,
    counts: Counts | None = None,
    cache: Path | str | None = None,
    encoded: str | None = None,
    on_progress: Progress | None = None,
) -> Dataset:
    """Load a dataset, a known one or your own.

    Parameters
    ----------
    name : str or path
        One of :data:`loihi_sca.data.NAMES`; or your own: ``module:function``, ``FILE.npz`` or
        ``FILE.npy``, see :func:`loihi_sca.data.own.read`; a folder per class or ``FILE.csv``, see
        :func:`loihi_sca.data.listed.read`. Or a recipe ``FILE.toml`` or a run folder: the dataset
        that its section ``data`` names, as that says, and as the other arguments say instead.
    split : {"train", "validation", "test"}
        ``validation`` is a fixed tenth that ``train`` does not contain; choices are made on it,
        never on ``test``. Samples are shuffled, so that the first few stand for all: files are
        often sorted by class.
    timesteps : int, optional
        Steps per sample; by default 16, or what own spikes have.
    root : path, optional
        Folder with the dataset's files, for those that do not ship inside a dependency.
    seed : int, optional
        Which tenth is set aside for validation; by default as in the training of the recipe or run
        that is named, else that of seed 0.
    encoding : {"rate", "direct", "latency", "thermometer", "delta", "video"}, optional
        How images, or values with time, become input; by default at a rate.
    levels : int, optional
        Of ``thermometer``, by default 4.
    binning, window_ms, downsample, camera, skip_damaged, counts : optional
        How recordings of events become input, see :class:`loihi_sca.config.DataConfig`.
    cache : path, optional
        A folder in which binned recordings are kept, see :mod:`loihi_sca.data.cache`.
    encoded : str, optional
        How a network's samples were encoded, see :func:`loihi_sca.data.encoding.encoding_of`: holds
        where it can be meant, and nothing else is said.
    on_progress : callable, optional
        Called with recordings that are decoded for the cache, and their number.

    Raises
    ------
    ConfigError
        There is no such dataset or split, the seed is none, or own spikes have other timesteps.
    InputError
        Its files are not where they should be, or are damaged; the message says what to put where.
        Or the split is empty: fewer than ten training samples leave none for validation.

    Examples
    --------
    >>> import loihi_sca
    >>> digits = loihi_sca.load_data("digits", split="test", timesteps=4)
    >>> len(digits), digits.classes, digits.first(2).spikes().shape
    (450, 10, (2, 1, 8, 8, 4))
    """
    config = config_of(
        name_of(name), root, timesteps=timesteps, encoding=encoding, levels=levels, binning=binning,
        window_ms=window_ms, downsample=downsample, camera=camera,
        skip_damaged=skip_damaged or None, counts=counts,
        cache=None if cache is None else str(cache),
    )  # fmt: skip
    said = "timesteps" in config.model_fields_set
    assumed: frozenset[str] = frozenset()
    if encoded is not None:
        config, assumed = with_encoding(config, encoded)
    steps = config.timesteps if said else None
    seed = seed_of(name_of(name)) if seed is None else seed
    return _load(config, split, seed, steps, assumed, on_progress)


def load_as(config: DataConfig, *, split: Split, seed: int = 0) -> Dataset:
    """Load a dataset as the section ``data`` of a recipe says; ``limit`` is not looked at.

    Raises
    ------
    ConfigError, InputError
        As :func:`load`.
    """
    return _load(config, split, seed, config.timesteps)


def check_test_samples(config: DataConfig) -> None:
    """Read the samples of one's own to test with.

    What is wrong with them would otherwise show when a training is over. Of known datasets all is
    known before.

    Raises
    ------
    ConfigError, InputError
        As :func:`load`.
    """
    if is_own(config.name):
        load_as(config, split="test")


def _load(
    config: DataConfig,
    split: Split,
    seed: int,
    timesteps: int | None,
    assumed: frozenset[str] = frozenset(),
    on_progress: Progress | None = None,
) -> Dataset:
    """Load a dataset; keys that are assumed count where they say something."""
    check_seed(seed)
    if split not in SPLITS:
        raise ConfigError(f"no split {split!r}; there are: {', '.join(SPLITS)}.")
    name, folder = config.name, _folder(config)
    known = known_as(config, folder)
    _check_keys(config, known.recorded, assumed)
    samples, labels = known.read(split == "test", folder)
    _check_labels(name, split, len(samples), labels, known.classes)
    if "encoding" in assumed and not isinstance(samples, Images):
        config = config.model_copy(update={"encoding": "rate"})  # spikes are there already
    if "counts" in assumed and not isinstance(samples, Recordings | Recorded):
        config = config.model_copy(update={"counts": None})  # there are none
    samples = _as_seen(samples, config)
    steps = _steps(name, samples, timesteps)
    if config.cache is not None and isinstance(samples, Recordings):
        samples = cached(
            samples, Path(config.cache), name, steps,
            skip_damaged=config.skip_damaged, on_progress=on_progress,
        )  # fmt: skip
    skipped: tuple[str, ...] = ()
    if config.skip_damaged and isinstance(samples, Recordings):
        sound, skipped = samples.sound(steps)
        samples, labels = samples.pick(sound), labels[sound]
        if not len(sound):
            raise InputError(f"{name}: all {len(skipped)} recordings are damaged: {skipped[0]}")
    dataset = Dataset(name, samples, labels, steps, known.classes, skipped)
    return dataset.pick(order_of(len(labels), split, seed))


def _folder(config: DataConfig) -> Path | None:
    folder = None if config.root is None else Path(config.root)
    if folder is not None and not folder.is_dir():
        raise InputError(
            f"{config.name}: {folder} is no folder. Give the one with the dataset's files."
        )
    return folder


def _check_keys(config: DataConfig, recorded: bool, assumed: frozenset[str] = frozenset()) -> None:
    """Raise if a configuration says of other samples what recordings can be."""
    usual = DataConfig()
    changed = [key for key in ONLY_RECORDINGS if getattr(config, key) != getattr(usual, key)]
    said = [key for key in changed if key not in assumed]
    if said and not recorded:
        raise ConfigError(
            f"data.{said[0]} = {getattr(config, said[0])!r}: {config.name} holds no recordings of "
            "events. Leave the key out."
        )


def _as_seen(samples: Samples, config: DataConfig) -> Samples:
    """Return samples encoded or binned as the configuration says.

    Raises
    ------
    ConfigError
        It says of images what recordings can be, or the other way round.
    """
    if isinstance(samples, Recordings):
        no_encoding(config.name, config.encoding)
        window = None if config.window_ms is None else max(1, round(1000 * config.window_ms))
        return samples.seen(config.binning, window, config.downsample, config.counts)
    if config.counts is not None and not isinstance(samples, Recorded):
        raise ConfigError(
            f"data.counts = {config.counts!r}: {config.name} holds no spikes, of which there could "
            "be several. Leave the key out."
        )
    if isinstance(samples, Images):
        if config.encoding == "delta":
            raise ConfigError(
                f'data.encoding = "delta": {config.name} holds images, which do not change in '
                "time. Give rate, latency, thermometer, direct or video."
            )
        if config.encoding == "video":
            return Videos.of(replace(samples, encoding="direct"), config.reach, config.hold)
        return replace(samples, encoding=config.encoding, levels=config.levels)
    if isinstance(samples, Courses):
        return replace(samples, threshold=config.threshold)
    no_encoding(config.name, config.encoding)
    return replace(samples, counts=config.counts) if isinstance(samples, Recorded) else samples


def _steps(name: str, samples: Samples, timesteps: int | None) -> int:
    if not isinstance(samples, Recorded | Courses):
        return DEFAULT_STEPS if timesteps is None else timesteps
    if timesteps not in (None, samples.timesteps):
        raise ConfigError(
            f"{name}: its samples have {samples.timesteps} timesteps, and {timesteps} are asked "
            f"for. Give timesteps = {samples.timesteps} (data.timesteps in a recipe), or other "
            "samples."
        )
    return samples.timesteps


def _check_labels(
    name: str, split: Split, samples: int, labels: npt.NDArray[np.int64], classes: int
) -> None:
    """Raise unless there is at least one sample for the split, and a class for each sample."""
    if len(labels) != samples:
        raise InputError(f"{name}: {samples} samples, but {len(labels)} labels; one for each.")
    if not samples:
        raise InputError(f"{name}: there are no samples in its {split} files.")
    if split == "validation" and samples < HELD_OUT:
        raise InputError(
            f"{name}: {samples} training samples, of which none is left for validation, a tenth "
            f"of them. Put at least {HELD_OUT} into the files for training."
        )
    check_labels(f"{name} ({split})", int(labels.min()), int(labels.max()), classes)
