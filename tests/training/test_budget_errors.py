"""A budget out of reach at an update: saved first, that run only, and what is due stays due."""

import numpy as np
import pytest
import torch

from loihi_sca.config import ModelConfig, Recipe
from loihi_sca.errors import BudgetError, ConfigError
from loihi_sca.model.build import build
from loihi_sca.pruning.bits import bits_of, hold_bits
from loihi_sca.pruning.decision import Decision
from loihi_sca.runs.sweep import grid, parse_budgets, run_sweep
from loihi_sca.training.session import RunFolder, train

RECIPE = Recipe.model_validate(
    {
        "name": "small",
        "data": {"timesteps": 4, "limit": 128},
        "model": {"layers": [{"type": "conv", "channels": 8, "stride": 2, "padding": 1}]},
        "training": {"epochs": 2},
        "pruning": {
            "energy_uj": 7.7, "profile": "loihi2", "min_channels": 2, "start": 0.0, "stop": 0.0,
        },
    }
)  # fmt: skip


@pytest.fixture
def unreachable(monkeypatch) -> None:
    """From the second plan on, every neuron is measured to spike at every step."""
    measured = Decision._measured_rates

    def many(self, *evidence):
        rates = measured(self, *evidence)
        return type(rates)(rates.timesteps, {n: 1.0 for n in rates.by_layer}, 1.0)

    monkeypatch.setattr(Decision, "_measured_rates", many)


def test_it_is_saved_first_and_the_update_is_still_due(tmp_path, unreachable, monkeypatch) -> None:
    with pytest.raises(BudgetError, match=r"cannot be reached(.|\n)*saved after 0 epochs and 2 ba"):
        train(RECIPE, tmp_path)
    assert RunFolder(tmp_path).saved("pruned")
    with pytest.raises(BudgetError, match="update after batch 2 of epoch 1"):
        train(RECIPE, tmp_path, resume=True)
    monkeypatch.undo()  # as after a mend of the rates
    found = train(RECIPE, tmp_path, resume=True)
    assert found.epoch == 2


def test_a_resumed_update_gives_what_an_uninterrupted_training_gives(
    tmp_path, unreachable, monkeypatch
) -> None:
    with pytest.raises(BudgetError):
        train(RECIPE, tmp_path / "a")
    monkeypatch.undo()
    resumed = train(RECIPE, tmp_path / "a", resume=True)
    assert resumed.weights_digest == train(RECIPE, tmp_path / "b").weights_digest


def test_a_sweep_goes_on(tmp_path, unreachable) -> None:
    jobs = grid(RECIPE, parse_budgets(["energy_uj=7.7", "keep=0.5"]), ["sca"], [0], dense=False)
    swept = run_sweep(jobs, tmp_path, profiles=("loihi2",), verify_samples=2)
    assert {name: f.kind for name, f in swept.failures.items()} == {
        "energy_uj=7.7-sca-harmonic-seed0": "BudgetError"
    }
    assert [r["run"] for r in swept.results] == ["keep=0.5-sca-harmonic-seed0"]


def test_weights_keep_to_the_bits_that_a_plan_counted_on() -> None:
    torch.manual_seed(0)
    model = build(ModelConfig.model_validate({"zoo": "lenet"}), (1, 28, 28), 10)
    before = bits_of(model.gated)
    for _, block in model.gated:
        block.synapse.weight.data *= 20
        block.scale.data[0] *= -1
    assert max(bits_of(model.gated).values()) > max(before.values())
    hold_bits(model, before)
    assert bits_of(model.gated) == before
    weights = {n: b.synapse.weight.detach().clone() for n, b in model.gated}
    hold_bits(model, before)  # what keeps to them is left as it is
    assert all(np.array_equal(weights[n], b.synapse.weight.detach()) for n, b in model.gated)


def test_the_budget_is_checked_before_training() -> None:
    jobs = grid(RECIPE, parse_budgets(["energy_uj=1e-6"]), ["sca"], [0], dense=False)
    from loihi_sca.runs.sweep import check_budgets

    with pytest.raises(ConfigError, match=r"energy_uj=1e-06.*cannot be reached"):
        check_budgets(jobs)
