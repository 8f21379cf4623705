"""The chip's fixed point: every width, limit and alignment of state, weight and parameter, once.

What a core computes with. How much room it takes is a matter of the hardware profiles, and what
netx and Lava lose of it stands in :mod:`loihi_sca.netx.limits`. Source: the bit-accurate models of
lava-nc 0.10.0 (``proc/lif/models.py``), which the golden arrays of lava-dl's Loihi 2 tests confirm.
"""

DECAY_BITS = 12
MAX_DECAY = 1 << DECAY_BITS
"""A decay is in 1/4096; 4096/4096 forgets everything in one timestep."""

STATE_BITS = 24
STATE_LIMIT = 1 << (STATE_BITS - 1)
"""Currents wrap and voltages saturate at 24 bit, sign included."""

ALIGN_BITS = 6
ALIGN = 1 << ALIGN_BITS
"""Synaptic input, bias and threshold are aligned to the state by six bits."""

MAX_THRESHOLD = STATE_LIMIT >> ALIGN_BITS
"""A mantissa that no voltage exceeds; soon above it Lava's 32 bits overflow."""

WEIGHT_BITS = 8
MIN_WEIGHT, MAX_WEIGHT = -(1 << WEIGHT_BITS), (1 << WEIGHT_BITS) - 2
"""A weight is 8 bits with sign, times two: even integers from -256 to 254."""

BIAS_BITS = 13
MIN_BIAS, MAX_BIAS = -(1 << (BIAS_BITS - 1)), (1 << (BIAS_BITS - 1)) - 1
"""A bias is a mantissa of 13 bits, sign included; the one exponent that netx knows is 6."""
