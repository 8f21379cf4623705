"""A lava-dl model of your own: trained a little, compiled, proven, mapped, and what it costs.

    python examples/own_model_to_report.py [FOLDER]

Writes digits.net and digits.html into the folder. Takes half a minute on two cores.
"""

import sys
from pathlib import Path

import torch

import loihi_sca
from loihi_sca.slayer.lava import slayer  # lava.lib.dl.slayer, imported quietly

BLOCK = slayer.block.cuba
NEURON = {"threshold": 0.5, "current_decay": 0.25, "voltage_decay": 0.1}
STEPS = 8


class Net(torch.nn.Module):
    """A convolution and a read-out, as one writes them with lava-dl."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList(
            [
                BLOCK.Conv(NEURON, 1, 12, 3, stride=2, padding=1, weight_scale=3),
                BLOCK.Flatten(),
                BLOCK.Dense(NEURON, 192, 10, weight_scale=2),
            ]
        )
        for block in self.blocks:
            block.delay_shift = False  # what the chip does; see docs/compiler.md

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return output spikes, (N, 10, T)."""
        for block in self.blocks:
            x = block(x)
        return x


def train(model: torch.nn.Module, epochs: int = 3) -> None:
    """Train on scikit-learn's digits, in a loop as anybody's."""
    data = loihi_sca.load_data("digits", timesteps=STEPS)
    x, y = torch.from_numpy(data.spikes()).float(), torch.from_numpy(data.labels)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(epochs):
        right = 0
        for part in torch.randperm(len(x)).split(64):
            counts = model(x[part]).sum(-1)
            loss = torch.nn.functional.cross_entropy(counts, y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            right += int((counts.argmax(1) == y[part]).sum())
        print(f"epoch {epoch + 1}: {100 * right / len(x):.1f} % of the training samples")


def main(folder: Path) -> None:
    """Go from the model to its cost."""
    torch.manual_seed(0)
    torch.set_num_threads(2)
    model = Net()
    model(torch.zeros(1, 1, 8, 8, STEPS))  # lava-dl's blocks learn their shapes from data
    print(loihi_sca.check(model, (1, 8, 8)) or "nothing in the way of the chip")
    train(model)
    compiled = loihi_sca.compile(model, (1, 8, 8), STEPS, name="digits", proof_samples=4)
    compiled.save(folder / "digits.net")
    network = loihi_sca.read(folder / "digits.net")
    # add "lava" to the engines where Lava is installed
    samples = loihi_sca.load_data("digits", split="test", timesteps=STEPS).first(16).spikes()
    proof = loihi_sca.verify(network, engines=("reference", "fast"), data=samples)
    found = loihi_sca.evaluate(network, "digits")
    cost = loihi_sca.estimate(network, "loihi2", found)
    results = (compiled, proof, found, loihi_sca.map_network(network), cost)
    for result in results:
        print(repr(result))
    print(cost.table())
    page = "\n".join(result._repr_html_() for result in results)
    (folder / "digits.html").write_text(f"<!doctype html><meta charset=utf-8>{page}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
