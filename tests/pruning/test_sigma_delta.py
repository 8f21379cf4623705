"""Pruning models of lava-dl's sigma-delta blocks: channels that change least go."""

import pytest
import torch
from torch.nn import functional

import loihi_sca
from loihi_sca.errors import UnsupportedLayer
from loihi_sca.model.gating import add_gate
from loihi_sca.slayer.lava import slayer

sd = slayer.block.sigma_delta
NORM = slayer.neuron.norm.MeanOnlyBatchNorm
STEPS = 6


def neuron(threshold=0.1, **more):
    return {"threshold": threshold, "activation": functional.relu, **more}


def build():
    norm = {"norm": NORM}
    return torch.nn.Sequential(
        sd.Input(neuron(2 / 64)),
        sd.Conv(neuron(**norm), 1, 8, 3, stride=2, padding=1, weight_scale=2),
        sd.Pool(neuron(0.05), 2),
        sd.Flatten(),
        sd.Dense(neuron(**norm), 8 * 2 * 2, 12, weight_scale=2),
        sd.Output(neuron(), 12, 3, weight_scale=2),
    )


@pytest.fixture
def frames():
    generator = torch.Generator().manual_seed(2)
    changes = torch.randint(-20, 21, (5, 1, 8, 8, STEPS), generator=generator) / 32
    return changes.cumsum(-1).clamp(-2, 2)


def trained(frames, **options):
    """Train for some steps, and prune on the way."""
    torch.manual_seed(4)
    model, labels = build(), torch.tensor([0, 1, 2, 0, 1])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    pruner = loihi_sca.Pruner(model, frames[:2], steps=12, **options)
    for _ in range(12):
        loss = functional.cross_entropy(model(frames).mean(-1), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pruner.step(optimizer)
    return model, pruner, optimizer


def test_half_of_the_channels_go_and_it_computes_what_it_did(frames):
    model, pruner, optimizer = trained(frames, budget="keep=0.5")
    assert set(pruner.blocks) == {"1-conv", "4-dense"}
    model.eval()
    with torch.no_grad():
        gated = model(frames)
    alive = {name: int(mask.sum()) for name, mask in pruner.alive.items()}
    pruner.finish(optimizer)
    assert sum(alive.values()) == 10
    with torch.no_grad():
        assert torch.equal(model(frames), gated)
    assert type(model[1]) is sd.Conv
    assert model[1].synapse.out_channels == alive["1-conv"]
    assert model[1].neuron.delta.shape == model[1].neuron.shape == (alive["1-conv"], 4, 4)
    assert model[2].neuron.sigma.shape == (alive["1-conv"], 2, 2)
    compiled = loihi_sca.compile_slayer(model, (1, 8, 8), STEPS, proof_data=frames.numpy())
    assert compiled.proof.layers == ("0-input", "1-conv", "2-pool", "4-dense", "5-output")
    loss = model.train()(frames).mean()
    loss.backward()  # and it can be trained on
    optimizer.step()


def test_a_core_budget_is_met_by_the_network(frames):
    model, pruner, optimizer = trained(frames, budget="connections=0.4")
    pruner.finish(optimizer)
    compiled = loihi_sca.compile_slayer(model.eval(), (1, 8, 8), STEPS, proof_data=frames.numpy())
    wide = loihi_sca.compile_slayer(build().eval(), (1, 8, 8), STEPS)
    assert compiled.parameters < 0.55 * wide.parameters


def test_sca_of_messages_is_by_how_much_a_channel_changes(frames):
    model = build().train()
    pruner = loihi_sca.Pruner(model, frames[:2])
    seen = []
    model[1].register_forward_hook(lambda _block, _given, sent: seen.append(sent))
    model(frames).sum().backward()
    pruner.step()
    scores = pruner.observation.evidence["1-conv"].score
    torch.testing.assert_close(scores, seen[-1].abs().transpose(0, 1).flatten(1).mean(1).detach())
    assert float(pruner.observation.evidence["1-conv"].rate.max()) <= 1


def test_a_closed_gate_still_has_a_gradient(frames):
    # not behind a pool, which rectifies the zeros of a closed channel and lets no gradient through
    torch.manual_seed(4)
    model = build().train()
    gated = add_gate(model[4])
    gated.gate.data[:4] = 0
    functional.cross_entropy(model(frames).mean(-1), torch.tensor([0, 1, 2, 0, 1])).backward()
    assert bool((gated.gate.grad[:4] != 0).any())


def test_a_model_is_rebuilt_from_its_class(frames):
    model, pruner, optimizer = trained(frames, budget="keep=0.5")
    pruner.finish(optimizer)
    again = build()
    again(frames)
    loihi_sca.resize(again, loihi_sca.shapes_of(model))
    again.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.equal(again.eval()(frames), model.eval()(frames))


def test_what_cannot_be_compiled_is_not_pruned(frames):
    model = build()
    model[1].neuron.activation = torch.tanh
    with pytest.raises(UnsupportedLayer, match="1-conv: its activation is tanh"):
        loihi_sca.Pruner(model, frames[:2])
