"""Fast CUBA neurons and synapses: lava-dl's bits in the forward pass, its gradient backwards."""

from loihi_sca.slayer.dynamics.activity import ChannelActivity
from loihi_sca.slayer.dynamics.neuron import Fired, fire, obstacle
from loihi_sca.slayer.dynamics.synapse import connect, convolve, flatten, pool

__all__ = ["ChannelActivity", "Fired", "connect", "convolve", "fire", "flatten", "obstacle", "pool"]
