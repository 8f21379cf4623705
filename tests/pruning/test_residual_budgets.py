"""Budgets of residual networks: weights and synops as the model has them, a chip's as compiled."""

import pytest
import torch

from loihi_sca.config import ModelConfig, PruningConfig
from loihi_sca.errors import ConfigError
from loihi_sca.frontend.slayer import compile_slayer
from loihi_sca.hardware import Architecture, describe, estimate, load_profile, map_network
from loihi_sca.hardware.cost.activity import Activity, from_rates
from loihi_sca.model.build import SpikingNet, build
from loihi_sca.model.removal import remove_pruned
from loihi_sca.planning.budget import Plan, plan
from loihi_sca.planning.chain import chain_of
from loihi_sca.planning.meters import Channels, Meter, Synops, Weights, meter_of
from loihi_sca.planning.outline import Outline, outline
from loihi_sca.planning.rates import Rates
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


COUNTS = {"residual2.select": 2, "residual2.conv1": 3, "residual3.select": 4, "residual3.conv1": 5}


def net() -> Outline:
    return outline(CONFIG, SHAPE, 4)


LARGE = outline(
    ModelConfig.model_validate(
        {
            "layers": [
                {"type": "stem", "channels": 48},
                {"type": "residual", "channels": 48},
                {"type": "residual", "channels": 96, "stride": 2},
                {"type": "residual", "channels": 96},
            ]
        }
    ),
    (3, 16, 16),
    10,
)


def channels_of(network: Outline) -> dict[str, int]:
    return {s.name: s.geometry.out_shape[0] for s in network.architecture.layers}


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


LAID_OUT = ("kind", "in_shape", "out_shape", "kernel", "stride", "padding", "groups", "neuron",
            "from_map")  # fmt: skip


def geometries(architecture: Architecture) -> list:
    """What the mapper is told, weights' bits aside."""
    found = []
    for i, spec in enumerate(architecture.layers):
        tables = [
            (*(getattr(table, name) for name in LAID_OUT), source)
            for table, source in architecture.links(i)
        ]
        found.append((spec.name, tables))
    return found


@pytest.mark.parametrize("counts", [{}, COUNTS])
def test_a_recipe_is_laid_out_as_it_is_compiled(counts: dict) -> None:
    trained = model()
    prune(trained, counts)
    remove_pruned(trained)
    for block in trained.modules():  # so that no channel is silent, and shrinks away
        if isinstance(block, slayer.synapse.Conv | slayer.synapse.Dense):
            block.weight.data = block.weight.data.abs() + 0.5
    compiled = describe(compile_slayer(trained).network)
    ours = describe(net().with_channels(counts))
    assert geometries(ours) == geometries(compiled)
    assert [s.name for s in ours.layers if "~" in s.name] == [
        "input~1", "input~2", "residual3.select~1",
    ]  # fmt: skip
    assert ours.depth == compiled.depth == 8
    for chip in ("loihi1", "loihi2"):
        mine, theirs = (map_network(x, chip) for x in (ours, compiled))
        assert mine.cores >= theirs.cores  # whose weights may need fewer bits


@pytest.mark.parametrize("chip", ["loihi1", "loihi2"])
@pytest.mark.parametrize("objective", ["harmonic", "rank"])
@pytest.mark.parametrize("quantity", ["cores", "synapse_words", "energy_uj"])
def test_budgets_of_a_chip_are_kept_as_the_mapper_counts(
    quantity: str, objective: str, chip: str
) -> None:
    options = {"regenerate": 0.0, "profile": chip, "objective": objective}
    meter = target_of(PruningConfig(**options, **{quantity: 10**7}), LARGE, RATES).meter
    dense = meter.total(LARGE.architecture)
    least = meter.total(LARGE.with_channels(dict.fromkeys(LARGE.prunable, 1)))
    limit = (least + dense) / 2 if quantity == "energy_uj" else int(least + dense) // 2
    target = target_of(PruningConfig(**options, **{quantity: limit}), LARGE, RATES)
    found = plan(LARGE, target, floor=1, objective=objective)
    assert target.meter.total(LARGE.with_channels(found.channels)) == found.promised <= limit
    assert found.promised >= 0.9 * limit
    if quantity == "cores":
        assert map_network(found.architecture, chip).cores == found.promised


def test_chips_and_what_cannot_be_reached() -> None:
    assert planned(fits="1 chip").channels == {n: c for n, c in channels_of(net()).items()
                                               if n in net().prunable}  # fmt: skip
    with pytest.raises(ConfigError, match=r"cores = 2 cannot be reached: .* at least"):
        planned(cores=2)


def test_energy_counts_relays_and_what_every_reader_hears() -> None:
    meter = meter_of("energy_uj", "loihi2", frozenset(), RATES, is_chain=False)
    profile = load_profile("loihi2")
    laid_out = describe(net().architecture)
    by_layer = {x.name: x for x in from_rates(laid_out, profile, 0.1, 4, {
        "input": 0.1, "residual3.select": 0.3, "residual3.select~1": 0.3,
        "residual2.select": 0.2, "residual3.conv1": 0.05}).layers}  # fmt: skip
    relay = by_layer["residual3.select~1"]
    assert relay.spikes == pytest.approx(by_layer["residual3.select"].spikes)
    activity = Activity(tuple(by_layer.values()), 0.1 * 4 * 2 * 64, 4, "given")
    assert meter.total(net().architecture) == pytest.approx(
        estimate(laid_out, profile, activity).energy.total_uj.best
    )


def test_the_pruner_keeps_a_budget_of_a_chip() -> None:
    def words(network) -> int:
        return int(sum(x.words.sum() for x in map_network(network, "loihi1").layers))

    trained = model()
    dense = words(net().architecture)
    config = PruningConfig(
        synapse_words=int(0.7 * dense), profile="loihi1", objective="rank", regenerate=0.0,
        min_channels=2,
    )  # fmt: skip
    pruner = Pruner(trained, config, outline=net())
    optimizer = torch.optim.Adam(trained.trainable_parameters())
    trained.train()((torch.rand(8, *SHAPE, 6) < 0.5).float()).sum().backward()
    pruner.step(optimizer)
    update = pruner.update(1.0, optimizer)
    remove_pruned(trained, optimizer)
    # silent channels shrink away, and weights may need fewer bits
    assert words(compile_slayer(trained).network) <= update.plan.promised <= 0.7 * dense


def test_a_budget_below_what_never_goes_says_how_close_one_gets() -> None:
    with pytest.raises(ConfigError, match=r"connections = 0\.05 cannot be reached: .* at least"):
        planned(connections=0.05)
