"""Each criterion on a block whose channels do what their weights say.

The neurons forget everything at once (both decays are 1), and the only input spikes at every step,
so that a channel's voltage is its weight at every step: above 1 it always spikes.
"""

import importlib.metadata

import pytest
import torch

from loihi_sca.config import NeuronConfig
from loihi_sca.errors import ConfigError
from loihi_sca.model.blocks import Gated, SCADense
from loihi_sca.pruning import criteria
from loihi_sca.pruning.criteria import CRITERIA, criterion_of
from loihi_sca.pruning.evidence import Observation

WEIGHTS = (2.0, 0.5, -3.0, 0.0, 0.75, 1.5)
"""Spikes; half way; strongly inhibited; dead; nearly there; spikes."""

SENSITIVITY = (0.0, 1.0, 1.0, 1.0, 1.0, 3.0)
"""How much the loss changes with a channel's spikes: the first spikes for nothing."""

EXPECTED = {
    "sca": (1.0, 0.5, 1.0, 0.0, 0.75, 1.0),
    "membrane": (2.0, 0.5, 3.0, 0.0, 0.75, 1.5),
    "rate": (1.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    "depolarised": (2.0, 0.5, 0.0, 0.0, 0.75, 1.5),
    "l1": (2.0, 0.5, 3.0, 0.0, 0.75, 1.5),
    "taylor": (0.0, 0.0, 0.0, 0.0, 0.0, 3.0),
    "gamma": (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
}

NEARLY = 2e-3
"""A voltage that spikes lies a little above the threshold, and that is what bounds ``sca``."""


def block_of(weights=WEIGHTS, threshold: float = 1.0) -> Gated:
    neuron = NeuronConfig(threshold=threshold, current_decay=1.0, voltage_decay=1.0)
    block = SCADense(1, len(weights), neuron=neuron, norm=False)
    block.synapse.weight.data.copy_(torch.tensor(weights).reshape(-1, 1, 1, 1, 1))
    return block


def scored(block: Gated, criterion, batches: int = 2, gate=None) -> list[float]:
    observation = Observation({"dense1": block}, criterion)
    if gate is not None:
        block.gate.data.copy_(torch.tensor(gate))
    for _ in range(batches):
        spikes = block.train()(torch.ones(3, 1, 8))
        (spikes.mean(dim=(0, 2)) * torch.tensor(SENSITIVITY)).sum().backward()
        observation.after_backward()
    return observation.averages("score")["dense1"].tolist()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_it_scores_what_channels_do(name: str) -> None:
    assert scored(block_of(), criterion_of(name)) == pytest.approx(EXPECTED[name], rel=NEARLY)


@pytest.mark.parametrize("name", ["sca", "membrane", "rate", "depolarised"])
def test_it_is_free_of_the_threshold(name: str) -> None:
    twice = block_of(tuple(0.5 * w for w in WEIGHTS), threshold=0.5)
    assert scored(twice, criterion_of(name)) == pytest.approx(EXPECTED[name], rel=NEARLY)


def test_gamma_is_the_scale() -> None:
    block = block_of()
    block.scale.data.copy_(torch.tensor([1.0, -2.0, 0.5, 0.0, 1.0, 1.0]))
    assert scored(block, criterion_of("gamma")) == [1.0, 2.0, 0.5, 0.0, 1.0, 1.0]


def test_taylor_scores_a_pruned_channel_nothing_but_it_may_be_in_demand() -> None:
    block = block_of()
    observation = Observation({"dense1": block}, criterion_of("taylor"))
    block.gate.data[5] = 0.0
    spikes = block.train()(torch.ones(3, 1, 8))
    (spikes.mean(dim=(0, 2)) * torch.tensor(SENSITIVITY)).sum().backward()
    observation.after_backward()
    assert observation.averages("score")["dense1"][5] == 0
    assert observation.averages("demand")["dense1"][5] == pytest.approx(3.0)


def test_random_says_nothing_of_the_weights_and_can_be_repeated() -> None:
    torch.manual_seed(3)
    first = scored(block_of(), criterion_of("random"))
    torch.manual_seed(3)
    assert scored(block_of(tuple(-w for w in WEIGHTS)), criterion_of("random")) == first
    many = torch.stack([CRITERIA["random"](block_of(), None) for _ in range(2000)])
    assert torch.allclose(many.mean(dim=0), torch.full((6,), 0.5), atol=0.03)


def test_a_function_will_do() -> None:
    def loudest(block, activity):
        return activity.rate * 2

    assert scored(block_of(), loudest) == [2, 0, 0, 0, 0, 2]


class Offered:
    name, value = "mine", "somewhere:mine"

    def load(self):
        return criteria.rate


def test_packages_may_offer_criteria(monkeypatch) -> None:
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Offered()])
    assert criterion_of("mine") is criteria.rate
    with pytest.raises(
        ConfigError, match=r"no criterion 'min'; there are sca.*did you mean 'mine'"
    ):
        criterion_of("min")


class Broken(Offered):
    def load(self):
        raise ImportError("no module named somewhere")


def test_a_package_that_cannot_be_loaded_is_named(monkeypatch) -> None:
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Broken()])
    with pytest.raises(ConfigError, match="'mine' of somewhere:mine cannot be loaded: no module"):
        criterion_of("mine")


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        (lambda block, activity: activity.rate[:3], r"returns \(3,\) for dense1, must be .* of 6"),
        (lambda block, activity: 1.0, "returns float for dense1"),
        (lambda block, activity: activity.rate / 0, "gives dense1 scores that are not finite"),
    ],
)
def test_a_bad_criterion_fails_before_any_training(criterion, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Observation({"dense1": block_of()}, criterion)
