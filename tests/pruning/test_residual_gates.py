"""Both kinds of gates of a residual block under the pruner."""

import pytest
import torch
from residual_net import net, step, trained

from loihi_sca.config import PruningConfig
from loihi_sca.model.stream import quantize_8bit
from loihi_sca.pruning import CRITERIA, Pruner


@pytest.mark.parametrize("criterion", sorted(CRITERIA))
def test_every_criterion_scores_both_kinds_of_gates(criterion: str) -> None:
    model, optimizer = trained()
    config = PruningConfig(keep=0.5, criterion=criterion, min_channels=2)
    pruner = Pruner(model, config)
    step(model, optimizer, pruner)
    scores = pruner.observation.averages("score")
    assert {n: len(s) for n, s in scores.items()} == {
        n: b.channels for n, b in model.gated if b.prunable
    }
    update = pruner.update(1.0, optimizer)
    assert sum(update.alive.values()) == round(0.5 * (6 + 6 + 6 + 10 + 8))
    assert "residual2.select" in update.alive


def test_l1_and_gamma_of_a_selecting_gate_are_of_the_weights_that_listen_to_it() -> None:
    block = net().residual3
    assert block.select.scale.shape == (6,)
    block.select.scale.data[2] = 0.5
    nothing = CRITERIA["l1"](block.select, None)
    weight = block.conv1.synapse.weight * block.select.scale.view(1, -1, 1, 1, 1)
    expected = quantize_8bit(weight).abs().mean(dim=(0, 2, 3, 4))
    torch.testing.assert_close(nothing, expected)
    assert CRITERIA["gamma"](block.select, None).tolist() == [1, 1, 0.5, 1, 1, 1]


def test_what_is_pruned_keeps_its_weights_and_returns_with_clean_moments() -> None:
    model, optimizer = trained()
    pruner = Pruner(model, PruningConfig(keep=0.5, regenerate=0.2, min_channels=2))
    for group in optimizer.param_groups:
        group["weight_decay"] = 0.1
    step(model, optimizer, pruner)
    pruner.update(1.0, optimizer)
    select, weight = model.residual3.select, model.residual3.conv1.synapse.weight
    off = ~select.alive
    assert off.any()
    was, factor = weight[:, off].clone(), select.scale[off].clone()
    assert not optimizer.state[weight]["exp_avg"][:, off].any()
    for _ in range(3):
        step(model, optimizer, pruner)
    assert torch.equal(weight[:, off], was)
    assert torch.equal(select.scale[off], factor)

    evidence = pruner.evidence["residual3.select"]
    evidence.demand += 1e6 * off  # what is off is wanted back
    pruner.update(1.0, optimizer)
    returned = off & select.alive
    assert returned.any()
    assert not optimizer.state[weight]["exp_avg"][:, returned].any()
    before = weight[:, returned].clone()
    for _ in range(2):
        step(model, optimizer, pruner)
    assert not torch.equal(weight[:, returned], before)
