"""The blocks of a recipe's model, field by field."""

from __future__ import annotations

from typing import Literal, TypeAlias

from loihi_sca.config.sections import Count, CountOrZero, Positive, Section, Whether


class ConvConfig(Section):
    """A convolutional block.

    Attributes
    ----------
    channels, kernel, stride, padding : int
        Geometry; the kernel is square.
    prunable : bool
        Whether its channels may be pruned.
    """

    type: Literal["conv"]
    channels: Count
    kernel: Count = 3
    stride: Count = 1
    padding: CountOrZero = 0
    prunable: Whether = True


class DenseConfig(Section):
    """An all-to-all block.

    Attributes
    ----------
    neurons : int
        Number of outputs.
    prunable : bool
        Whether its neurons may be pruned.
    """

    type: Literal["dense"]
    neurons: Count
    prunable: Whether = True


class PoolConfig(Section):
    """Sum pooling: spikes of a square window add up in one neuron, channel by channel.

    Attributes
    ----------
    kernel : int
        Edge of the window, and the stride.
    weight : float
        Initial weight of a spike, in thresholds: from 1 on, one spike makes the neuron fire, which
        is max pooling of spikes; ``1 / kernel^2`` is the average.
    """

    type: Literal["pool"]
    kernel: Count = 2
    weight: Positive = 1.0


class StemConfig(Section):
    """A convolution without neurons, which opens a residual stream.

    The stream carries weighted spikes. Residual blocks add to it; whatever else follows hears the
    spikes of neurons that are put at its end. Its width is never pruned.

    Attributes
    ----------
    channels, kernel, stride, padding : int
        Geometry; the kernel is square.
    """

    type: Literal["stem"]
    channels: Count
    kernel: Count = 3
    stride: Count = 1
    padding: CountOrZero = 1


class ResidualConfig(Section):
    """Two convolutions 3x3 that read a residual stream and add to it.

    Attributes
    ----------
    channels : int
        Width of the stream behind it.
    stride : int
        Of the first convolution.
    prunable : bool
        Whether the first convolution may select its inputs, and lose outputs.
    """

    type: Literal["residual"]
    channels: Count
    stride: Count = 1
    prunable: Whether = True


class StreamEnd(Section):
    """Neurons at the end of a residual stream; they follow by themselves, no recipe names them."""

    type: Literal["spikes"] = "spikes"


LayerConfig: TypeAlias = ConvConfig | PoolConfig | DenseConfig | StemConfig | ResidualConfig
