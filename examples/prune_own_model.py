"""Prune a lava-dl model of your own while you train it, in your own loop.

Run it: python examples/prune_own_model.py

A network of stock SLAYER blocks learns scikit-learn's digits and shrinks to half of its channels on
the way. Then the channels are gone from its own modules, and it is compiled and compared.
"""

import torch
from torch.nn import functional

import loihi_sca
from loihi_sca import data
from loihi_sca.slayer.lava import slayer  # lava-dl's, on any Python

STEPS, EPOCHS, BATCH = 6, 4, 64
NEURON = {
    "threshold": 1.0, "current_decay": 1.0, "voltage_decay": 0.1, "tau_grad": 0.03,
    "scale_grad": 1.0, "norm": slayer.neuron.norm.MeanOnlyBatchNorm,
}  # fmt: skip


class Network(torch.nn.Module):
    """Two convolutions and a dense read-out, as in lava-dl's tutorials."""

    def __init__(self) -> None:
        super().__init__()
        cuba, options = slayer.block.cuba, {"delay_shift": False, "weight_scale": 2}
        self.blocks = torch.nn.ModuleList(
            [
                cuba.Conv(NEURON, 1, 12, 3, stride=2, padding=1, **options),
                cuba.Conv(NEURON, 12, 24, 3, padding=1, **options),
                cuba.Flatten(),
                cuba.Dense(NEURON, 24 * 4 * 4, 10, **options),
            ]
        )

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Return the output spikes (N, 10, T)."""
        for block in self.blocks:
            spikes = block(spikes)
        return spikes


def batches(split: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the digits as spikes, with their labels."""
    digits = data.load("digits", split=split, timesteps=STEPS)
    spikes = torch.from_numpy(digits.spikes()).float()
    return list(zip(spikes.split(BATCH), torch.from_numpy(digits.labels).split(BATCH), strict=True))


def accuracy(model: torch.nn.Module, loader: list[tuple[torch.Tensor, torch.Tensor]]) -> float:
    """Return the share of right answers."""
    model.eval()
    with torch.no_grad():
        right = [model(x).sum(-1).argmax(1) == y for x, y in loader]
    return float(torch.cat(right).float().mean())


def main() -> None:
    """Train, prune, compile."""
    torch.manual_seed(0)
    loader, test = batches("train"), batches("test")
    model = Network()
    loihi_sca.slayer.accelerate(model)  # the same spikes, faster; leave it out if you like
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    pruner = loihi_sca.Pruner(
        model, loader[0][0], budget="keep=0.5", criterion="sca", steps=EPOCHS * len(loader)
    )
    for epoch in range(EPOCHS):
        model.train()
        for x, y in loader:
            loss = functional.cross_entropy(model(x).sum(-1), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            pruner.step(optimizer)
        alive = {name: int(mask.sum()) for name, mask in pruner.alive.items()}
        print(f"epoch {epoch + 1}: {100 * accuracy(model, test):.1f} %, channels {alive}")
    pruner.finish(optimizer)

    shapes = [tuple(b.synapse.weight.shape) for b in model.blocks if hasattr(b, "synapse")]
    print(f"weights now: {shapes}")
    x, _ = test[0]
    compiled = loihi_sca.compile_slayer(model.eval(), (1, 8, 8), STEPS, proof_data=x.numpy())
    print(f"compiled, and equal in {compiled.proof.compared} spikes: 0 mismatches")

    torch.manual_seed(1)
    again = Network()  # the class makes it dense
    loihi_sca.resize(again, loihi_sca.shapes_of(model))
    again.load_state_dict(model.state_dict())
    print(f"rebuilt from its class: {100 * accuracy(again, test):.1f} %")


if __name__ == "__main__":
    main()
