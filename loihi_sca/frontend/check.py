"""What keeps a model, a network or a file from the chip, told before anything is done with it."""

from __future__ import annotations

import os
from typing import Any, Literal

from loihi_sca import netx
from loihi_sca.compiler.pipeline import problems_of
from loihi_sca.network import Network, Shape
from loihi_sca.problems import Findings


def check(
    model: Any,
    input_shape: Shape | None = None,
    *,
    timesteps: int | None = None,
    delay_shift: Literal["exact", "drop"] = "exact",
    unroll_delays: bool = False,
    relay: bool = False,
    reset: bool = False,
    profile: str = "loihi2",
) -> Findings:
    """Return all that keeps a model from running exactly on the chip, now or after training.

    What passes is not refused after training, weights aside: what training can make non-zero, the
    bias that a norm becomes and delays, counts as there.

    Parameters
    ----------
    model : module, list of blocks, Network or path
        A SLAYER or SpikingJelly model, an integer network, or a netx file.
    input_shape : tuple of int, optional
        ``(C, H, W)`` or ``(N,)``, where the model does not say it.
    timesteps : int, optional
        Steps on which a forward pass of the model's own is tried; 16 by default.
    unroll_delays : bool
        Whether convolutions that take delayed spikes may become dense.
    relay : bool
        Whether biases of sigma-delta neurons are to become weights of a constant channel.
    delay_shift : {"exact", "drop"}
        See :mod:`loihi_sca.frontend.export`.
    reset : bool
        As for :func:`loihi_sca.compile_slayer`.
    profile : str
        The chip whose ranges of weights, thresholds, decays and delays hold.

    Returns
    -------
    Findings
        A tuple of problems, each with the block's name, the reason and what to do instead; empty
        if nothing is in the way. Its ``notes`` say what depends on values that are not known yet,
        and what of a SpikingJelly model is rounded. ``table()`` shows all of it.

    Raises
    ------
    ConfigError
        An option cannot be meant.
    NetworkError, UnsupportedLayer
        The file cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> import loihi_sca
    >>> from loihi_sca.network import Cuba, Dense, Network
    >>> steep = Dense("output", (2,), np.array([[3, 4]]), neuron=Cuba(4096, 0, 10**6))
    >>> [problem.layer for problem in loihi_sca.check(Network("tiny", (steep,)))]
    ['output']
    """
    if isinstance(model, str | os.PathLike):
        model = netx.read(model, input_shape=input_shape)
    if isinstance(model, Network):
        found = problems_of(model, unroll_delays=unroll_delays, relay=relay, profile=profile)
        return Findings(found, netx.notes_of(model))

    from loihi_sca.frontend.spikingjelly.modules import is_spikingjelly

    if is_spikingjelly(model):
        from loihi_sca.frontend.spikingjelly.compile import check_spikingjelly

        return check_spikingjelly(model, input_shape, profile=profile)

    from loihi_sca.frontend.slayer import check_slayer

    return check_slayer(
        model, input_shape, timesteps=timesteps, delay_shift=delay_shift,
        unroll_delays=unroll_delays, relay=relay, reset=reset, profile=profile,
    )  # fmt: skip
