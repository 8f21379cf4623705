"""The neurons of a recipe's blocks."""

from __future__ import annotations

from loihi_sca.config.sections import Fraction, Positive, Section


class NeuronConfig(Section):
    """Parameters of the CUBA neurons of a block.

    Attributes
    ----------
    threshold : float
        Spiking threshold; 1.0 is the integer 64.
    current_decay, voltage_decay : float
        Fraction lost per timestep, 0 to 1.
    tau_grad, scale_grad : float
        Width and height of the surrogate gradient; a narrow one (0.01) trains far better than
        lava-dl's default of 1.
    """

    threshold: Positive = 1.0
    current_decay: Fraction = 1.0
    voltage_decay: Fraction = 0.1
    tau_grad: Positive = 0.01
    scale_grad: Positive = 1.0


class SigmaDeltaConfig(Section):
    """Sigma-delta neurons in all blocks instead of spiking ones; the table's presence says so.

    They rectify a sum and send how far it has changed, once it has by the threshold; the read-out
    adds up and gives its sum. Thresholds are whole 64ths, rounded down.

    Attributes
    ----------
    threshold : float
        Of the change that a neuron sends.
    input_threshold : float
        The same of the neurons that the values of a frame enter.
    tau_grad, scale_grad : float
        Width and height of the gradient where nothing is sent, as in lava-dl.
    """

    threshold: Positive = 0.1
    input_threshold: Positive = 0.03125
    tau_grad: Positive = 1.0
    scale_grad: Positive = 1.0
