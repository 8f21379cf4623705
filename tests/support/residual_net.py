"""A thin residual network, for tests of its blocks and of its gates."""

import torch
from torch.nn import functional

from loihi_sca.config import ModelConfig, NeuronConfig
from loihi_sca.model.build import SpikingNet, build

NEURON = NeuronConfig(voltage_decay=0.1, current_decay=0.7, tau_grad=0.1)
LAYERS = [
    {"type": "stem", "channels": 6},
    {"type": "residual", "channels": 6},
    {"type": "residual", "channels": 10, "stride": 2},
    {"type": "dense", "neurons": 8},
]
MODEL = ModelConfig.model_validate({"layers": LAYERS, "neuron": NEURON, "weight_scale": 4})
OFF = {
    "residual2.select": [0, 4],
    "residual2.conv1": [1, 2, 5],
    "residual3.select": [3],
    "residual3.conv1": [0, 9],
    "dense4": [2, 6],
}


def spikes_in(seed: int = 0) -> torch.Tensor:
    return (torch.rand(6, 2, 7, 7, 9, generator=torch.Generator().manual_seed(seed)) < 0.4).float()


def weighted() -> torch.Tensor:
    return torch.randint(-40, 60, (4, 6, 5, 5, 8), generator=torch.Generator().manual_seed(1)) / 32


def net() -> SpikingNet:
    torch.manual_seed(0)
    return build(MODEL, (2, 7, 7), classes=4)


def step(model: SpikingNet, optimizer: torch.optim.Optimizer, pruner=None) -> float:
    loss = functional.cross_entropy(model(spikes_in()).sum(dim=-1), torch.arange(6) % 4)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if pruner is not None:
        pruner.step(optimizer)
    return float(loss.detach())


def trained(off: dict[str, list[int]] | None = None) -> tuple[SpikingNet, torch.optim.Adam]:
    model = net().train()
    optimizer = torch.optim.Adam(model.trainable_parameters(), lr=1e-2)
    for _ in range(3):
        step(model, optimizer)
    for name, block in model.gated:
        block.gate.data[(off or {}).get(name, [])] = 0
    return model, optimizer
