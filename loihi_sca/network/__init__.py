"""The integer network: one frozen graph that passes, analyses and engines share.

A :class:`Network` is a chain of layers, see :mod:`loihi_sca.network.layers`,
:mod:`loihi_sca.network.dense` and :mod:`loihi_sca.network.windows`. Every number in it is an
integer that the chip stores. A dense layer behind a spatial one flattens it in C-major order, so
flattening is a fact of layout and no layer of its own.
"""

from loihi_sca.network.dense import ComplexDense, Dense, Recurrent
from loihi_sca.network.graph import Network, Readout
from loihi_sca.network.known import KnownNetwork
from loihi_sca.network.layers import Input, Layer, OtherLayer
from loihi_sca.network.neurons import (
    Cuba,
    Delta,
    Graded,
    Neuron,
    OtherNeuron,
    Resonator,
    Sigma,
    SigmaDelta,
)
from loihi_sca.network.values import IntArray, Pair, Shape
from loihi_sca.network.windows import Conv, Pool, Window

__all__ = [
    "ComplexDense", "Conv", "Cuba", "Delta", "Dense", "Graded", "Input", "IntArray",
    "KnownNetwork", "Layer", "Network", "Neuron", "OtherLayer", "OtherNeuron", "Pair", "Pool",
    "Readout", "Recurrent", "Resonator", "Shape", "Sigma", "SigmaDelta", "Window",
]  # fmt: skip
