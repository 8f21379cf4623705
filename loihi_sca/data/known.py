"""Which datasets there are by name, known ones and one's own, and who reads them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loihi_sca.config import DataConfig
from loihi_sca.data import (
    cifar10,
    cifar100,
    dvs,
    from_tonic,
    heidelberg,
    images,
    listed,
    nmnist,
    own,
)
from loihi_sca.data.samples import Samples
from loihi_sca.errors import ConfigError
from loihi_sca.network import Shape
from loihi_sca.results import times
from loihi_sca.toml_files import suggestion


class Known(NamedTuple):
    """A dataset that can be loaded.

    Attributes
    ----------
    read : callable
        ``read(test, root) -> (samples, labels)``.
    shape : tuple of int
    classes : int
    recorded : bool
        Whether samples are recordings of events.
    """

    read: Callable[[bool, Path | None], tuple[Samples, npt.NDArray[np.int64]]]
    shape: Shape
    classes: int = 10
    recorded: bool = False


DATASETS: dict[str, Known] = {
    "digits": Known(images.digits, (1, 8, 8)),
    "mnist": Known(images.mnist, (1, 28, 28)),
    "fashion_mnist": Known(images.fashion_mnist, (1, 28, 28)),
    "cifar10": Known(cifar10.read, (3, 32, 32)),
    "cifar100": Known(cifar100.read, (3, 32, 32), 100),
    "nmnist": Known(nmnist.read, (2, 34, 34), recorded=True),
    "dvs_gesture": Known(dvs.read_gestures, (2, 128, 128), dvs.GESTURES, True),
    "cifar10_dvs": Known(dvs.read_cifar10, (2, 128, 128), recorded=True),
    "shd": Known(heidelberg.read_shd, (700,), heidelberg.CLASSES["shd"], True),
    "ssc": Known(heidelberg.read_ssc, (700,), heidelberg.CLASSES["ssc"], True),
}

NAMES = tuple(DATASETS)
"""Names that :func:`loihi_sca.data.load` knows."""


def is_the_same_anywhere(name: str) -> bool:
    """Tell whether a name says all of the data, and their folder only where they lie."""
    return name in DATASETS or from_tonic.is_tonic(name)


def known_as(config: DataConfig, root: Path | None) -> Known:
    """Return the dataset that a configuration names, a known one or one's own.

    Raises
    ------
    ConfigError
        There is no such dataset.
    InputError
        It is an own one, and cannot be read.
    """
    name = config.name
    if name in DATASETS:
        return _of_known_camera(DATASETS[name], config)
    if from_tonic.is_tonic(name):
        by_tonic = partial(from_tonic.read, name, camera=config.camera)
        described = Known(by_tonic, *from_tonic.describe(name, root, config.camera))
        return _of_known_camera(described, config)
    if own.is_own(name):
        changes, counts = config.encoding == "delta", config.counts
        known = own.describe(name, root, changes, counts)
        return Known(partial(own.read, name, changes=changes, counts=counts), *known)
    if listed.is_listed(name, root):
        read = partial(listed.read, name, camera=config.camera)
        return Known(read, *listed.describe(name, root, config.camera))
    hint = suggestion(name, NAMES) or "."
    raise ConfigError(
        f"no dataset {name!r}; there are: {', '.join(NAMES)}{hint} Your own are {own.HELP}, "
        f"or {listed.HELP}; {from_tonic.HELP}."
    )


def _of_known_camera(found: Known, config: DataConfig) -> Known:
    """Return a dataset unless it is said to be of another camera than it is."""
    if found.recorded and config.camera not in (None, found.shape[1:]):
        raise ConfigError(
            f"data.camera = {config.camera}: a timestep of {config.name} is {times(found.shape)}. "
            "Leave the key out; data.downsample makes it smaller."
        )
    return found
