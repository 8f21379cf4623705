"""Front end: models of SpikingJelly's own modules to the integer network.

Not by way of its ``lava_exchange.to_lava_blocks``, which fires at other voltages, keeps states
between samples and changes the model it is given. What a module becomes:

* ``Conv2d``, ``Linear`` and the neurons behind them: a layer. Batch norms between them are folded
  into the weights first; an ``AvgPool2d`` before them is spread over the weights.
* ``IFNode``: exact where weights and biases lie on a binary grid. It fires at ``v >= threshold``,
  the chip at ``v > threshold``; voltages are whole, and a threshold less one makes it the same.
* ``MaxPool2d`` over spikes: a layer whose neurons have no memory and fire where any spike arrives.
* ``LIFNode``, ``ParametricLIFNode``, and all weights that had to be rounded: as near as the chip
  comes, and the spikes that differ are counted on a sample.
* ``lava_exchange.CubaLIFNode``: computes in the chip's integers, exact with weights on its grid.

Everything else is refused by name, all at once.
"""
