"""Synapses that compute over spike events: exact where it shows, and only where it is faster."""

from loihi_sca.slayer.dynamics.events.choice import event_driven
from loihi_sca.slayer.dynamics.events.synapse import Convolution, Product, weigh

__all__ = ["Convolution", "Product", "event_driven", "weigh"]
