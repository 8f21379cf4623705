"""Budgets of residual networks: weights and synops as the model has them, and no chip."""

import pytest
import torch

from loihi_sca.config import ModelConfig, PruningConfig
from loihi_sca.errors import ConfigError, UnsupportedLayer
from loihi_sca.hardware import load_profile, map_network
from loihi_sca.model.build import SpikingNet, build
from loihi_sca.model.removal import remove_pruned
from loihi_sca.planning.budget import Plan, plan
from loihi_sca.planning.chain import chain_of
from loihi_sca.planning.meters import Channels, Meter, Rates, Synops, Weights
from loihi_sca.planning.outline import Outline, outline
from loihi_sca.planning.target import target_of
from loihi_sca.pruning import Pruner
from loihi_sca.slayer.lava import slayer

CONFIG = ModelConfig.model_validate(
    {
        "layers": [
            {"type": "stem", "channels": 6},
            {"type": "residual", "channels": 6},
            {"type": "residual", "channels": 9, "stride": 2},
            {"type": "pool"},
            {"type": "dense", "neurons": 7},
        ],
        "weight_scale": 4,
    }
)
SHAPE = (2, 8, 8)
RATES = Rates(4, {"residual2.select": 0.2, "residual3.select": 0.3, "residual3.conv1": 0.05})


def net() -> Outline:
    return outline(CONFIG, SHAPE, 4)


def model() -> SpikingNet:
    torch.manual_seed(0)
    return build(CONFIG, SHAPE, 4)


def planned(floor: int = 1, **budget) -> Plan:
    config = PruningConfig(**{"regenerate": 0.0, **budget})
    return plan(net(), target_of(config, net(), RATES), floor=floor, objective=config.objective)


def weights_in(model: SpikingNet) -> int:
    kinds = (slayer.synapse.Conv, slayer.synapse.Dense)
    stored = sum(m.weight.numel() for m in model.modules() if isinstance(m, kinds))
    return stored + 4 * 9  # the pool's, a tap for every channel


def prune(model: SpikingNet, channels: dict[str, int]) -> None:
    for name, block in model.gated:
        block.gate.data[channels.get(name, block.channels) :] = 0


def test_its_prunable_layers_are_the_gates_of_the_model() -> None:
    assert net().prunable == {name for name, block in model().gated if block.prunable}
    shapes = {s.name: s.geometry.out_shape[0] for s in net().architecture.layers}
    assert all(shapes[name] == block.channels for name, block in model().gated)


@pytest.mark.parametrize("amount", [1.0, 0.6, 0.3])
@pytest.mark.parametrize("objective", ["product", "sum", "rank"])
def test_what_is_promised_is_what_is_left_of_the_model(amount: float, objective: str) -> None:
    found = planned(connections=amount, objective=objective)
    trained = model()
    dense = weights_in(trained)
    prune(trained, found.channels)
    remove_pruned(trained)
    assert weights_in(trained) == found.promised <= amount * dense
    assert found.promised > 0.8 * amount * dense


@pytest.mark.parametrize(
    "meter", [Channels(net().prunable), Weights(), Synops(RATES)], ids=lambda m: m.unit
)
def test_costs_of_the_units_add_up_to_the_total(meter: Meter) -> None:
    for channels in ({}, {"residual2.select": 2, "residual3.select": 4, "residual3.conv1": 5}):
        architecture = net().with_channels(channels)
        units = chain_of(Outline(architecture, net().prunable))
        total, before = 0.0, torch.tensor([SHAPE[0]]).numpy()
        for unit in units:
            own = torch.tensor([unit.channels]).numpy()
            total += meter.costs(unit, own, before)[0, 0]
            before = own
        assert total == pytest.approx(meter.total(architecture))


def test_synops_are_the_weights_that_spikes_cross() -> None:
    """With a spike in every place, convolving ones with ones counts the synapses of a layer."""
    counts = {"residual3.select": 4, "residual3.conv1": 5}
    trained = model()
    prune(trained, counts)
    remove_pruned(trained)
    block = trained.residual3
    rates = {"residual3.select": 0.3, "residual3.conv1": 0.05}
    crossed = 0.0
    for source, synapse, size in (
        ("select", block.conv1.synapse, 8),
        ("select", block.shortcut, 8),
        ("conv1", block.conv2, 4),
    ):
        ones = torch.ones(1, synapse.weight.shape[1], size, size, 1)
        sums = torch.nn.functional.conv3d(
            ones, torch.ones_like(synapse.weight), None, synapse.stride, synapse.padding
        )
        crossed += 4 * rates[f"residual3.{source}"] * int(sums.sum())
    silent = Rates(4, dict.fromkeys(["input", "residual2.select"], 0.0) | rates, otherwise=0.0)
    assert Synops(silent).total(net().with_channels(counts)) == pytest.approx(crossed)


def test_the_width_of_the_stream_never_changes() -> None:
    found = planned(connections=0.3)
    shapes = {s.name: s.shape[0] for s in found.architecture.layers}
    assert shapes["stem1"] == shapes["residual2.conv2"] == 6
    assert shapes["residual3.conv2"] == shapes["spikes3"] == 9
    assert found.channels.keys() == net().prunable


def test_the_pruner_keeps_a_budget_of_weights() -> None:
    trained = model()
    config = PruningConfig(connections=0.5, objective="rank", regenerate=0.1, min_channels=2)
    pruner = Pruner(trained, config, outline=net())
    optimizer = torch.optim.Adam(trained.trainable_parameters())
    spikes = (torch.rand(8, *SHAPE, 6) < 0.5).float()
    dense = weights_in(trained)
    for _ in range(2):
        trained.train()(spikes).sum().backward()
        pruner.step(optimizer)
        update = pruner.update(1.0, optimizer)
    assert update.plan is not None
    remove_pruned(trained, optimizer)
    assert weights_in(trained) == update.plan.promised <= 0.5 * dense


@pytest.mark.parametrize(
    "budget", [{"cores": 9}, {"synapse_words": 100}, {"energy_uj": 2.0}, {"fits": "1 chip"}]
)
def test_budgets_of_a_chip_are_refused(budget: dict) -> None:
    message = r"needs the network mapped .* residual2, residual3 can only be mapped once compiled"
    with pytest.raises(ConfigError, match=message):
        planned(**budget)
    with pytest.raises(ConfigError, match=message):
        Pruner(model(), PruningConfig(regenerate=0.0, **budget), outline=net())


def test_the_mapper_refuses_it() -> None:
    with pytest.raises(UnsupportedLayer, match=r"residual2, residual3: .* cannot be mapped"):
        map_network(net().architecture, load_profile("loihi2"))


def test_a_budget_below_what_never_goes_says_how_close_one_gets() -> None:
    with pytest.raises(ConfigError, match=r"connections = 0\.05 cannot be reached: .* at least"):
        planned(connections=0.05)
