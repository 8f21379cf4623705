"""PreResNet18 at a sixteenth of its width on a small map: to be exact, not accurate."""

import numpy as np
import torch

from loihi_sca.config import ModelConfig, NeuronConfig
from loihi_sca.config.zoo import layers_of
from loihi_sca.model.build import SpikingNet, build

NEURON = NeuronConfig(voltage_decay=0.1, current_decay=0.7)
SHAPE = (2, 8, 8)


def thin_preresnet18(width: float = 1 / 16) -> SpikingNet:
    """Return the network, untrained, with norms that have seen data, and spikes in every layer."""
    torch.manual_seed(0)
    layers = layers_of("preresnet18", width)
    config = ModelConfig.model_validate({"layers": layers, "neuron": NEURON, "weight_scale": 6})
    model = build(config, SHAPE, 10)
    model.train()
    with torch.no_grad():
        model(torch.from_numpy(thin_spikes(seed=1)).float())
    return model.eval()


def thin_spikes(samples: int = 4, steps: int = 4, seed: int = 0) -> np.ndarray:
    """Return random spikes (N, *SHAPE, T)."""
    rng = np.random.default_rng(seed)
    return (rng.random((samples, *SHAPE, steps)) < 0.4).astype(np.uint8)
