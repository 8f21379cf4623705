"""What keeps a model, a network or a file from the chip, told before anything is done with it."""

from __future__ import annotations

import os
from typing import Any, Literal

from loihi_sca import netx
from loihi_sca.compiler.pipeline import PASSES, run_passes
from loihi_sca.compiler.refuse import find_problems
from loihi_sca.network import Network, Shape
from loihi_sca.problems import Problem


def check(
    model: Any,
    input_shape: Shape | None = None,
    *,
    delay_shift: Literal["exact", "drop"] = "exact",
    profile: str = "loihi2",
) -> tuple[Problem, ...]:
    """Return all that keeps a model from running exactly on the chip, trained or not.

    Parameters
    ----------
    model : module, list of blocks, Network or path
        A SLAYER model, an integer network, or a netx file.
    input_shape : tuple of int, optional
        ``(C, H, W)`` or ``(N,)``, where the model does not say it.
    delay_shift : {"exact", "drop"}
        See :mod:`loihi_sca.frontend.export`.
    profile : str
        The chip whose ranges of weights, thresholds, decays and delays hold.

    Returns
    -------
    tuple of Problem
        Each with the block's name, the reason and what to do instead; empty if all is well.
    """
    if isinstance(model, str | os.PathLike):
        model = netx.read(model, input_shape=input_shape)
    if isinstance(model, Network):
        return find_problems(run_passes(model, PASSES).network, profile)

    from loihi_sca.frontend.compile import check_slayer

    shape = input_shape or getattr(model, "in_shape", None)
    return check_slayer(model, shape, delay_shift=delay_shift, profile=profile)
