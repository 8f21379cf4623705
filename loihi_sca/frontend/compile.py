"""A model of any kind to a network: which front end takes it is told by its modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from loihi_sca.compiler.report import Compiled
from loihi_sca.frontend.spikingjelly.modules import is_spikingjelly
from loihi_sca.network import Shape

if TYPE_CHECKING:
    from loihi_sca.frontend.export import DelayShift


def compile(
    model: Any,
    input_shape: Shape | None = None,
    timesteps: int | None = None,
    *,
    name: str = "network",
    profile: str = "loihi2",
    proof_samples: int | None = None,
    proof_data: npt.NDArray[Any] | None = None,
    seed: int = 0,
    delay_shift: DelayShift = "exact",
    unroll_delays: bool = False,
    relay: bool = False,
    reset: bool = False,
) -> Compiled:
    """Compile a model of lava-dl CUBA blocks, of ours, or of SpikingJelly's own modules.

    Parameters
    ----------
    model : module or list of modules
        A Sequential, a list of modules, or any module whose forward pass runs them in a row. It is
        not changed.
    input_shape : tuple of int, optional
        ``(C, H, W)`` or ``(N,)``; by default the model's ``in_shape``.
    timesteps : int or None
        Steps T per sample.
    name : str
        Name of the network.
    profile : str
        The chip whose ranges hold.
    proof_samples : int, optional
        Random samples on which the model is compared with the network. By default 1 for a SLAYER
        model that has a forward pass of its own and else 0; 4 for a SpikingJelly model.
    proof_data : array (N, *in_shape, T), optional
        Samples to compare on instead of random ones: spikes, or what an Input block with neurons
        takes.
    seed : int
        Of random samples.
    delay_shift, unroll_delays, relay, reset
        Of SLAYER's blocks: see :func:`loihi_sca.frontend.slayer.compile_slayer`. SpikingJelly's
        modules have no delays, and always start from their reset state here.

    Returns
    -------
    Compiled
        The network, with what each pass did and what was compared. ``save(path)`` writes it. Where
        a SpikingJelly model had to be rounded, ``translations`` say by how much, layer by layer.

    Raises
    ------
    UnsupportedLayer, DoesNotFit
        Something cannot be exact, would be missing in the network, or breaks a limit of the chip;
        all of it is listed.
    NotBitExact
        The model's forward pass gives something else.

    Examples
    --------
    >>> import torch
    >>> import loihi_sca
    >>> from lava.lib.dl import slayer
    >>> neuron = {"threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.1}
    >>> block = slayer.block.cuba.Dense(neuron, 4, 2, weight_scale=8, delay_shift=False)
    >>> compiled = loihi_sca.compile([block], (4,), 16, name="tiny")
    >>> compiled.in_shape, compiled.out_shape, compiled.timesteps
    ((4,), (2,), 16)
    >>> compiled.save("tiny.net")
    """
    common: dict[str, Any] = {
        "name": name, "profile": profile, "proof_samples": proof_samples, "proof_data": proof_data,
        "seed": seed,
    }  # fmt: skip
    if is_spikingjelly(model):
        from loihi_sca.frontend.spikingjelly.compile import compile_spikingjelly

        return compile_spikingjelly(model, input_shape, timesteps, **common)

    from loihi_sca.frontend.slayer import compile_slayer

    return compile_slayer(
        model, input_shape, timesteps, delay_shift=delay_shift, unroll_delays=unroll_delays,
        relay=relay, reset=reset, **common,
    )  # fmt: skip
