"""What a layer takes with so many channels: cores and words, asked for many thousand times."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from loihi_sca.hardware.mapping import loihi1, loihi2
from loihi_sca.hardware.mapping.memory import CoreBudget
from loihi_sca.hardware.mapping.usage import usage
from loihi_sca.hardware.shapes import Geometry


class Need(NamedTuple):
    """What a layer takes.

    Attributes
    ----------
    cores : int
    words : int
        Synapse words of the fullest core.
    total_words : int
        Synapse words of all its cores.
    """

    cores: int
    words: int
    total_words: int


@lru_cache(maxsize=1 << 18)
def cores_and_words(
    geometry: Geometry, budget: CoreBudget, channels: int | None = None, inputs: int | None = None
) -> Need:
    """Return what a layer would take with other numbers of output and input channels.

    Made to be asked many thousand times: tens of microseconds the first time, less than one after
    that. Take ``geometry`` from :func:`loihi_sca.hardware.describe` and ``budget`` from
    :func:`loihi_sca.hardware.mapping.memory.core_budget_of`, once.

    Parameters
    ----------
    geometry : Geometry
        The layer as it is.
    budget : CoreBudget
        The chip.
    channels : int, optional
        Output channels, or neurons of a dense layer.
    inputs : int, optional
        Input channels, or inputs of a dense layer (channels times height times width of a map).

    Notes
    -----
    On Loihi 1 output axons couple layers; asked for one layer, they are left out.
    """
    if channels is not None or inputs is not None:
        geometry = geometry.with_channels(channels, inputs)
    if geometry.kind == "port":
        return Need(0, 0, 0)
    if not budget.shared_kernels:
        tiling = loihi1.fewest_cores(geometry, budget)
        words = usage(geometry, tiling, budget).words
        return Need(len(words), int(words.max()), int(words.sum()))
    (_, ways), fan_in = loihi2.ways(geometry, budget), loihi2.fan_in(geometry)
    at = int(loihi2.choose(ways, geometry, budget, np.array([fan_in]))[0])
    return Need(
        int(ways.cores[at]),
        int(ways.words[at] * fan_in + ways.recurrent[at]),
        int(ways.total_words[at] * fan_in + ways.total_recurrent[at]),
    )
