"""The neurons of a recipe's blocks."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from loihi_sca.config.sections import Fraction, Positive, Section

LEAST = 1 / 64
"""Of a threshold: one mantissa, below which lava-dl makes it 0."""

Threshold: TypeAlias = Annotated[float, Field(strict=True, ge=LEAST, lt=64)]
"""From 64 on SLAYER's float32 takes a voltage that equals it for a spike, and the chip does not."""

Change: TypeAlias = Annotated[float, Field(strict=True, ge=LEAST, allow_inf_nan=False)]


class NeuronConfig(Section):
    """Parameters of the CUBA neurons of a block.

    Attributes
    ----------
    threshold : float
        Spiking threshold, from 1/64 to below 64; 1.0 is the integer 64, and what is between two
        is rounded down.
    current_decay, voltage_decay : float
        Fraction lost per timestep, 0 to 1.
    tau_grad, scale_grad : float
        Width and height of the surrogate gradient; a narrow one (0.01) trains far better than
        lava-dl's default of 1.
    """

    threshold: Threshold = 1.0
    current_decay: Fraction = 1.0
    voltage_decay: Fraction = 0.1
    tau_grad: Positive = 0.01
    scale_grad: Positive = 1.0


class SigmaDeltaConfig(Section):
    """Sigma-delta neurons in all blocks instead of spiking ones; the table's presence says so.

    They rectify a sum and send how far it has changed, once it has by the threshold; the read-out
    adds up and gives its sum. Thresholds are whole 64ths, rounded down, and at least one.

    Attributes
    ----------
    threshold : float
        Of the change that a neuron sends.
    input_threshold : float
        The same of the neurons that the values of a frame enter.
    tau_grad, scale_grad : float
        Width and height of the gradient where nothing is sent, as in lava-dl.
    """

    threshold: Change = 0.1
    input_threshold: Change = 0.03125
    tau_grad: Positive = 1.0
    scale_grad: Positive = 1.0
