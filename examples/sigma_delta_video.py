"""Train, prune, and deploy a sigma-delta network on a video: only what changes is computed.

Run it: python examples/sigma_delta_video.py

scikit-learn's digits move slowly to and fro, and a network of stock lava-dl sigma-delta
blocks learns to name them. Half of its channels are pruned while it learns: of those that change
least. Then it is compiled, compared, and run as Lava runs it, biases acting from the first step on.
"""

import numpy as np
import torch
from torch.nn import functional

import loihi_sca
from loihi_sca import data
from loihi_sca.config import DataConfig
from loihi_sca.slayer.lava import slayer  # lava-dl's, on any Python

FRAMES, SIZE, HOLD = 12, 8, 4
EPOCHS, BATCH = 12, 32
NEURON = {"threshold": 0.1, "activation": functional.relu}
WITH_BIAS = {**NEURON, "norm": slayer.neuron.norm.MeanOnlyBatchNorm}


def video(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (N, 1, 8, 8, 12) values up to 1, and labels; a digit moves every fourth frame."""
    config = DataConfig(name="digits", encoding="video", timesteps=FRAMES, hold=HOLD, reach=1)
    digits = data.load_as(config, split=split)
    # grey levels in 1/64, as the chip takes them
    return torch.from_numpy(digits.spikes() / np.float32(64)), torch.from_numpy(digits.labels)


def network() -> torch.nn.Sequential:
    """Return an encoder, two convolutions, a dense layer, and a sum as read-out."""
    sd = slayer.block.sigma_delta
    return torch.nn.Sequential(
        sd.Input({**NEURON, "threshold": 2 / 64}),
        sd.Conv(WITH_BIAS, 1, 16, 3, stride=2, padding=1, weight_scale=2),
        sd.Conv(WITH_BIAS, 16, 24, 3, stride=2, padding=1, weight_scale=2),
        sd.Flatten(),
        sd.Dense(WITH_BIAS, 24 * 2 * 2, 48, weight_scale=2),
        sd.Output(NEURON, 48, 10, weight_scale=2),
    )


def accuracy(scores: np.ndarray, labels: torch.Tensor) -> float:
    """Return the share of right answers, by the mean of what is put out from the move on."""
    return float((scores[..., HOLD:].mean(-1).argmax(1) == labels.numpy()).mean())


def main() -> None:
    """Train, prune, compile, run."""
    torch.manual_seed(0)
    frames, labels = video("train")
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    steps = EPOCHS * -(-len(frames) // BATCH)
    pruner = loihi_sca.Pruner(model, frames[:BATCH], budget="keep=0.5", steps=steps)
    for epoch in range(EPOCHS):
        model.train()
        right = 0
        for part in torch.randperm(len(frames)).split(BATCH):
            scores = model(frames[part])[..., HOLD:].mean(-1)
            loss = functional.cross_entropy(scores, labels[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            pruner.step(optimizer)
            right += int((scores.argmax(1) == labels[part]).sum())
        alive = {name: int(mask.sum()) for name, mask in pruner.alive.items()}
        print(f"epoch {epoch + 1}: {100 * right / len(frames):.1f} %, channels {alive}")
    pruner.finish(optimizer)

    frames, labels = video("test")
    compiled = loihi_sca.compile(
        model.eval(), (1, SIZE, SIZE), FRAMES, name="digits-video", proof_data=frames[:16].numpy()
    )
    print(f"compiled, and equal in {compiled.proof.compared} messages: 0 mismatches")
    print("\n".join(compiled.notes))
    compiled.save("video.net")
    values = (frames.numpy() * 64).astype(np.int32)
    ran = loihi_sca.run(compiled, values, schedule="cold")
    # add "lava" to the engines where Lava is installed
    proof = loihi_sca.verify(
        "video.net", engines=("reference", "fast"), data=values[:8], schedule="cold"
    )
    print(proof.about())
    with torch.no_grad():
        trained = accuracy(model(frames).numpy(), labels)
    print(f"accuracy {100 * trained:.1f} %, on the chip's clock "
          f"{100 * accuracy(ran.spikes, labels):.1f} %")  # fmt: skip
    print(ran.table())
    print(loihi_sca.estimate(compiled, "loihi2", ran).table())


if __name__ == "__main__":
    main()
