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

VALUE_BITS = 6
VALUE = 1 << VALUE_BITS
"""A value that enters sigma-delta neurons is in 1/64, as is their bias and their threshold."""

MESSAGE_BITS = 6
MESSAGE = VALUE << MESSAGE_BITS
"""Messages have so many bits more behind the point than values, 12 in all: 4096 for 1.0."""

GRADED_ALIGN_BITS = ALIGN_BITS + MESSAGE_BITS
"""From a value to the state, whose 18 bits behind the point are those of weight and message."""

MAX_VALUE = (1 << (31 - GRADED_ALIGN_BITS)) - 1
"""The largest value, bias or threshold whose state fits the 32 bits that Lava computes in."""

PAYLOAD_BITS = 16
PAYLOAD_LIMIT = 1 << (PAYLOAD_BITS - 1)
"""A message has 16 bits, sign included, by what netx tells Lava, whose CPU backend sends more."""
