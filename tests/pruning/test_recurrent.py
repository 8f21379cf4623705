"""Pruning recurrent blocks: a neuron's row and column of the recurrent table go together."""

from __future__ import annotations

import itertools

import pytest
import torch

import loihi_sca
from loihi_sca.config import PruningConfig
from loihi_sca.hardware import describe, map_network
from loihi_sca.hardware.streams import rates_laid_out
from loihi_sca.model.gating import add_gate, remove_gate
from loihi_sca.model.outline import Seen, outline_of_row
from loihi_sca.model.recurrence import rest
from loihi_sca.planning.meters import Rates
from loihi_sca.planning.planner import plan_for
from loihi_sca.planning.target import target_of
from loihi_sca.slayer.lava import slayer

pytestmark = pytest.mark.train

cuba = slayer.block.cuba
NEURON = {"threshold": 1.0, "current_decay": 0.25, "voltage_decay": 0.03}
STEPS = 20


def made(norm=None, **more):
    torch.manual_seed(0)
    options, neuron = {"delay_shift": False, **more}, {**NEURON, "norm": norm}
    model = torch.nn.Sequential(
        cuba.Dense(dict(neuron), 20, 14, weight_scale=5, **options),
        cuba.Recurrent(dict(neuron), 14, 12, weight_scale=5, **options),
        cuba.Recurrent(dict(neuron), 12, 10, weight_scale=5, **options),
        cuba.Dense(dict(neuron), 10, 5, weight_scale=6, **options),
    )
    if norm is not None:
        model.train()(spikes())
    return model


def spikes():
    return (torch.rand(6, 20, STEPS, generator=torch.Generator().manual_seed(1)) < 0.3).float()


def from_rest(model, data):
    rest(model)
    with torch.no_grad():
        return model.eval()(data)


def train(model, optimizer, pruner, steps):
    for _ in range(steps):
        loss = ((model.train()(spikes()).mean(dim=-1) - 0.3) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if pruner is not None:
            pruner.step(optimizer)


NORM = slayer.neuron.norm.MeanOnlyBatchNorm


@pytest.mark.parametrize(
    ("criterion", "delay_shift", "norm"),
    [*((c, s, None) for c in ("sca", "l1", "rate") for s in (False, True)), ("sca", False, NORM)],
)
def test_neurons_are_gone_and_no_spike_has_changed(criterion, delay_shift, norm):
    model, data = made(delay_shift=delay_shift, norm=norm), spikes()
    before = from_rest(model, data)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-2)
    pruner = loihi_sca.Pruner(model, data, budget="keep=0.5", steps=10, criterion=criterion)
    assert torch.equal(from_rest(model, data), before)
    train(model, optimizer, pruner, 10)
    gated = from_rest(model, data)
    assert gated.sum() > 0
    pruner.finish(optimizer)
    assert torch.equal(from_rest(model, data), gated)
    first, second = (model[i].recurrent_synapse for i in (1, 2))
    sizes = [len(model[0].synapse.weight), len(first.weight), len(second.weight)]
    assert sum(sizes) == 18
    assert first.weight.shape[:2] == (sizes[1], sizes[1])
    assert model[2].input_synapse.weight.shape[:2] == (sizes[2], sizes[1])
    assert type(model[1]) is cuba.Recurrent
    compiled = loihi_sca.compile_slayer(model, (20,), STEPS, proof_data=data.numpy())
    assert compiled.proof.spikes > 0
    train(model, optimizer, None, 2)  # the optimizer's moments are cut along


def test_a_budget_of_a_chip_counts_the_constant_channel_of_a_norm():
    model, data = made(norm=NORM), spikes()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    pruner = loihi_sca.Pruner(model, data, budget="synapse_words=250", steps=4)
    target = target_of(pruner.config, pruner.decision.outline)
    assert target.dense > target.limit
    train(model, optimizer, pruner, 4)
    pruner.finish(optimizer)
    row = [Seen(name, block, (given,), (sent,)) for name, block, given, sent in row_of(model)]
    planned = outline_of_row(row, (20,), (), STEPS).architecture
    assert planned.constant == "2-recurrent"
    assert 0.9 * target.limit < target.meter.total(planned) <= target.limit
    compiled = loihi_sca.compile_slayer(model, (20,), STEPS, proof_data=data.numpy())
    assert compiled.network.layers[0].constant
    mine, theirs = describe(planned).layers, describe(compiled.network).layers
    assert [(x.geometry.in_shape, x.geometry.out_shape) for x in mine[1:]] == [
        (x.geometry.in_shape, x.geometry.out_shape) for x in theirs[1:]
    ]
    assert mine[0].geometry.out_shape == theirs[0].geometry.out_shape == (21, 1, 1)
    # weights that happen to need fewer bits take fewer words
    words = [
        sum(int(x.words.sum()) for x in map_network(n, "loihi2").layers)
        for n in (planned, compiled.network)
    ]
    assert 0.8 * words[0] < words[1] <= words[0]


@pytest.mark.parametrize(
    ("chip", "budget", "share"),
    [("loihi2", "cores", 0.6), ("loihi2", "energy_uj", 0.8), ("loihi1", "cores", 0.6)],
)
def test_plans_are_what_the_mapper_says_of_the_network_laid_out(chip, budget, share):
    sizes = (200, 700, 500, 400, 10)
    outline = outline_of_row(large(sizes), (200,), ["0-dense", "1-recurrent", "2-recurrent"], STEPS)

    def config(amount):
        return PruningConfig.model_validate({budget: amount, "profile": chip})

    dense = target_of(config(1), outline, Rates(STEPS)).dense
    limit = round(share * dense) if budget == "cores" else share * dense
    found = plan_for(outline, config(limit), Rates(STEPS))
    assert 0.8 * limit < found.promised <= limit
    kept = [found.channels[f"{i}-{x}"] for i, x in enumerate(("dense", "recurrent", "recurrent"))]
    laid = describe(found.architecture)
    assert [x.geometry.out_shape[0] for x in laid.layers] == [
        201, kept[0] + 1, kept[1] + 1, kept[2], 10
    ]  # fmt: skip
    if budget == "cores":
        assert map_network(laid, chip).cores == found.promised


def large(sizes):
    """Return blocks of these sizes as a row, the second and the third recurrent, with norms."""
    neuron = {**NEURON, "norm": NORM}
    kinds = [cuba.Dense, cuba.Recurrent, cuba.Recurrent, cuba.Dense]
    pairs = zip(kinds, itertools.pairwise(sizes), strict=True)
    blocks = [kind(dict(neuron), *pair) for kind, pair in pairs]
    return [Seen(name, block, (given,), (sent,)) for name, block, given, sent in row_of(blocks)]


def row_of(model):
    """Return name, block, inputs and outputs of each block."""
    names = ["0-dense", "1-recurrent", "2-recurrent", "3-dense"]
    synapses = [getattr(x, "input_synapse", None) or x.synapse for x in model]
    shapes = [x.weight.shape[:2] for x in synapses]
    return [(n, b, given, sent) for n, b, (sent, given) in zip(names, model, shapes, strict=True)]


def test_a_constant_channel_speaks_at_every_step():
    rates = {"input": 0.3, "0-dense": 0.1}
    row = [Seen(name, block, (given,), (sent,)) for name, block, given, sent in row_of(made(NORM))]
    planned = outline_of_row(row, (20,), (), STEPS).architecture
    found = rates_laid_out(rates, 0.2, planned)
    wanted = {"input": (20, 0.3), "0-dense": (14, 0.1), "1-recurrent": (12, 0.2)}
    assert {name: found[name] for name in wanted} == pytest.approx(
        {name: (n * rate + 1) / (n + 1) for name, (n, rate) in wanted.items()}
    )
    assert "2-recurrent" not in found


def test_what_is_off_is_neither_heard_nor_comes_back():
    """Off by its gate, or with its row and column and its listeners zero: the same spikes."""
    model, data = made(), spikes()
    block = model[1]
    add_gate(block)
    block.gate.data[[2, 7]] = 0
    gated = from_rest(model, data)
    compiled = loihi_sca.compile_slayer(model, (20,), STEPS, proof_data=data.numpy())
    assert compiled.layers[2].out_shape == (10,)
    remove_gate(block)
    with torch.no_grad():
        assert not torch.equal(from_rest(model, data), gated)
        block.recurrent_synapse.weight[:, [2, 7]] = 0
        model[2].input_synapse.weight[:, [2, 7]] = 0
    assert torch.equal(from_rest(model, data), gated)


def test_planning_counts_the_table_as_mapping_does():
    model, data = made(), spikes()
    network = loihi_sca.compile_slayer(model, (20,), STEPS, proof_data=data.numpy())
    row = [Seen(name, block, (given,), (sent,)) for name, block, given, sent in row_of(model)]
    planned = outline_of_row(row, (20,), [x.name for x in row[:3]], STEPS).architecture
    mapped = describe(network)
    assert [len(spec.geometry.recurrent_bits) for spec in planned.layers] == [0, 0, 1, 1, 0]
    for ours, theirs in zip(planned.layers, mapped.layers, strict=True):
        assert ours.geometry.out_shape == theirs.geometry.out_shape
        assert len(ours.geometry.recurrent_bits) == len(theirs.geometry.recurrent_bits)


def test_a_saved_model_gets_its_sizes_back():
    model, data = made(), spikes()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    pruner = loihi_sca.Pruner(model, data, budget="keep=0.5", steps=4)
    train(model, optimizer, pruner, 4)
    pruner.finish(optimizer)
    kept = from_rest(model, data)
    other = made()
    loihi_sca.resize(other, loihi_sca.shapes_of(model))
    other.load_state_dict(model.state_dict())
    assert torch.equal(from_rest(other, data), kept)
