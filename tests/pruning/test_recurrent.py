"""Pruning recurrent blocks: a neuron's row and column of the recurrent table go together."""

from __future__ import annotations

import pytest
import torch

import loihi_sca
from loihi_sca.errors import ConfigError
from loihi_sca.hardware import describe
from loihi_sca.model.gating import add_gate, remove_gate
from loihi_sca.model.outline import Seen, outline_of_row
from loihi_sca.model.recurrence import rest
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


def test_a_budget_of_a_chip_waits_for_the_constant_channel_of_a_norm():
    with pytest.raises(
        ConfigError, match="norm of 1-recurrent, 2-recurrent becomes a constant channel"
    ):
        loihi_sca.Pruner(made(norm=NORM), spikes(), budget="cores=4", steps=4)


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
    names = ["0-dense", "1-recurrent", "2-recurrent", "3-dense"]
    sizes = [20, 14, 12, 10, 5]
    row = [
        Seen(name, block, (given,), (sent,))
        for name, block, given, sent in zip(names, model, sizes[:-1], sizes[1:], strict=True)
    ]
    planned = outline_of_row(row, (20,), names[:3], STEPS).architecture
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
