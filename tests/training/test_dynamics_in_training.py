"""A training with fused dynamics against the same training with lava-dl's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from loihi_sca import data
from loihi_sca.config import Recipe, load_recipe
from loihi_sca.model import blocks
from loihi_sca.slayer.dynamics import Fired, neuron
from loihi_sca.training.loop import Trainer
from loihi_sca.training.session import Interrupted, train


def by_lava(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let our blocks compute as lava-dl's do."""

    def fire(cuba: Any, weighted: torch.Tensor, **options: Any) -> Fired:
        return neuron._by_lava(cuba, weighted, options["gate"], options["watch"])

    def convolve(spikes: torch.Tensor, weight: torch.Tensor, synapse: Any) -> torch.Tensor:
        return functional.conv3d(spikes, weight, None, synapse.stride, synapse.padding)

    def connect(spikes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return torch.einsum("oi,nit->not", weight.flatten(1), spikes)

    for function in (fire, convolve, connect):
        monkeypatch.setattr(blocks, function.__name__, function)


def losses(recipe: Recipe) -> tuple[list[float], list[torch.Tensor]]:
    """Return the losses of the batches of an epoch, and the output spikes of each."""
    parts = [
        data.load(
            recipe.data.name, split=split, timesteps=recipe.data.timesteps, root=recipe.data.root
        )
        for split in ("train", "validation")
    ]
    trainer = Trainer(recipe, parts[0].first(recipe.data.limit), parts[1].first(64))
    sent: list[torch.Tensor] = []
    trainer.model.output.register_forward_hook(lambda m, i, out: sent.append(out.detach().clone()))
    found: list[float] = []
    step: Callable[..., tuple[float, int]] = trainer._step

    def noted(*arguments: Any) -> tuple[float, int]:
        loss, right = step(*arguments)
        found.append(loss)
        return loss, right

    trainer._step = noted
    trainer.run_epoch()
    return found, sent[: len(found)]


def test_an_epoch_is_the_same_with_lava_dls_dynamics(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe("digits")
    recipe = recipe.model_copy(
        update={
            "data": recipe.data.model_copy(update={"limit": 256, "timesteps": 8}),
            "model": recipe.model.model_copy(update={"weight_scale": 4.0}),
        }
    )
    ours, our_spikes = losses(recipe)
    by_lava(monkeypatch)
    theirs, their_spikes = losses(recipe)
    assert ours == pytest.approx(theirs, abs=1e-5)
    assert len(ours) == 4
    assert sum(float(spikes.sum()) for spikes in our_spikes) > 50
    for a, b in zip(our_spikes, their_spikes, strict=True):
        assert torch.equal(a, b)


def tiny() -> Recipe:
    return Recipe.model_validate(
        {
            "name": "tiny",
            "data": {"limit": 128, "timesteps": 4},
            "model": {
                "layers": [
                    {"type": "conv", "channels": 6, "stride": 2},
                    {"type": "dense", "neurons": 12},
                ]
            },
            "training": {"epochs": 4, "batch_size": 32},
            "pruning": {"keep": 0.5, "min_channels": 2, "start": 0.1, "stop": 0.5},
        }
    )


def test_a_frozen_network_is_small_and_resumes_bit_identically(tmp_path: Path) -> None:
    straight = train(tiny(), tmp_path / "straight")
    gated = dict(straight.model().gated)
    assert gated["conv1"].channels + gated["dense2"].channels == 9
    assert all(bool(block.alive.all()) for block in gated.values())

    def stop_after_three(epoch: Any) -> None:
        if epoch.number == 3:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        train(tiny(), tmp_path / "stopped", on_epoch=stop_after_three)
    resumed = train(tiny(), tmp_path / "stopped", resume=True)
    assert resumed.tensors.keys() == straight.tensors.keys()
    assert all(torch.equal(resumed.tensors[key], straight.tensors[key]) for key in resumed.tensors)
