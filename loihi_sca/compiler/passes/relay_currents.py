"""Make biases of currents, which no chip has, into weights."""

from __future__ import annotations

from collections.abc import Mapping

from loihi_sca.compiler.passes.constant_channel import relay_problems, with_constant_channel
from loihi_sca.compiler.passes.lower_pool import lower_pool
from loihi_sca.network import IntArray, Network
from loihi_sca.problems import Problem, raise_for


def relay_currents(network: Network, currents: Mapping[str, IntArray]) -> Network:
    """Carry a constant 1 through the layers, and let it add to the currents of some of them.

    A norm of SLAYER's recurrent block is subtracted from what arrives at a step, and stays in the
    current; a bias of the chip is added to the voltage. A spike that comes at every step does what
    the norm does.

    Contract: every channel sends what it would if ``64 currents`` were added to its current at
    every step. The input has one more channel, which is 1 at every step and which engines fill in,
    and so has every layer before the last one in ``currents``: a neuron that spikes whenever it is
    told to.

    Parameters
    ----------
    network : Network
        A chain behind an Input.
    currents : mapping of layer name to int array (C_out,)
        Of dense layers with CUBA neurons, recurrent or not.

    Raises
    ------
    UnsupportedLayer
        A current is no weight; a threshold is beyond the largest weight; no tap of a convolution
        lies within the map everywhere, or it has groups; resonators come before.
    """
    raise_for(current_problems(network, currents))
    wanted = {name: bias for name, bias in currents.items() if bias.any()}
    return with_constant_channel(lower_pool(network), wanted) if wanted else network


def current_problems(network: Network, currents: Mapping[str, IntArray]) -> tuple[Problem, ...]:
    """Return why :func:`relay_currents` cannot be exact; empty if it can."""
    wanted = {name: bias for name, bias in currents.items() if bias.any()}
    return tuple(relay_problems(lower_pool(network), wanted)) if wanted else ()
