"""A SpikingJelly model of your own: trained a little, compiled, and what the chip changes.

    python examples/spikingjelly_model.py [FOLDER]

Writes jelly.net into the folder. Takes seconds on one core; needs SpikingJelly.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from spikingjelly.activation_based import functional, layer, neuron, surrogate

import loihi_sca

STEPS = 8


def build() -> torch.nn.Sequential:
    """Return a network as one writes it with SpikingJelly."""
    atan = surrogate.ATan()
    model = torch.nn.Sequential(
        layer.Conv2d(1, 12, 3, padding=1, bias=False),
        layer.BatchNorm2d(12),
        neuron.IFNode(surrogate_function=atan),
        layer.MaxPool2d(2),
        layer.Flatten(),
        layer.Linear(192, 10, bias=False),
        neuron.LIFNode(tau=4.0, decay_input=False, surrogate_function=atan),
    )
    functional.set_step_mode(model, "m")
    return model


def counts_of(model: torch.nn.Module, spikes: torch.Tensor) -> torch.Tensor:
    """Return output spikes per class, from spikes (N, C, H, W, T)."""
    functional.reset_net(model)
    return model(spikes.movedim(-1, 0)).sum(0)


def train(model: torch.nn.Module, epochs: int = 10) -> None:
    """Train on scikit-learn's digits."""
    data = loihi_sca.load_data("digits", timesteps=STEPS)
    x, y = torch.from_numpy(data.spikes()).float(), torch.from_numpy(data.labels)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(epochs):
        for part in torch.randperm(len(x)).split(64):
            loss = torch.nn.functional.cross_entropy(counts_of(model, x[part]), y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def main(folder: Path) -> None:
    """Go from the model to its cost."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # two wait for each other on a small network
    model = build()
    train(model)
    test = loihi_sca.load_data("digits", split="test", timesteps=STEPS)
    spikes = test.spikes()
    with torch.no_grad():
        theirs = counts_of(model.eval(), torch.from_numpy(spikes).float()).argmax(1).numpy()
    compiled = loihi_sca.compile(model, (1, 8, 8), STEPS, name="jelly", proof_data=spikes)
    compiled.save(folder / "jelly.net")
    print(compiled.table())
    for note in compiled.notes:
        print("note:", note)
    # add "lava" to the engines where Lava is installed
    print(repr(loihi_sca.verify(compiled, engines=("reference", "fast"), data=spikes[:16])))
    found = loihi_sca.evaluate(compiled, "digits")
    right = np.mean(theirs == test.labels)
    print(f"SpikingJelly {100 * right:.1f} %, on the chip {100 * found.accuracy:.1f} %")
    print(repr(loihi_sca.estimate(compiled, "loihi2", found)))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
