"""What a model's own forward pass does is in the network, or the model is refused by name."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrize, prune

import loihi_sca
from loihi_sca import netx
from loihi_sca.compiler import Compiled
from loihi_sca.engine import reference
from loihi_sca.errors import NotBitExact, UnsupportedLayer
from loihi_sca.frontend.export import to_network
from loihi_sca.network import Network
from loihi_sca.problems import raise_for
from loihi_sca.slayer.lava import slayer

cuba = slayer.block.cuba
Norm = slayer.neuron.norm.MeanOnlyBatchNorm
NEURON = {"threshold": 1.0, "current_decay": 0.3, "voltage_decay": 0.1}
STEPS = 12


def dense(inputs=6, outputs=6, *, params=None, shift=False, **more):
    return cuba.Dense(params or NEURON, inputs, outputs, delay_shift=shift, weight_scale=4, **more)


def conv(*args, params=None, shift=False, **more):
    return cuba.Conv(params or NEURON, *args, delay_shift=shift, weight_scale=3, **more)


class Model(torch.nn.Module):
    """Blocks by name, and any forward pass."""

    def __init__(self, run, **parts: Any) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.run = run
        self.a, self.b = dense(), dense(6, 4)
        for name, part in parts.items():
            setattr(self, name, part() if callable(part) else part)

    def forward(self, x):
        return self.run(self, x)


def through_linear(m, x):
    return m.b(m.linear(m.a(x).transpose(1, 2)).transpose(1, 2))


def tensor():
    return torch.nn.Parameter(torch.ones(3))


class Twin:
    """Blocks that torch does not know of."""

    def __init__(self):
        self.hidden = dense()


REFUSED = {
    "scaled": (lambda m, x: m.b(m.a(x) * 2), {}, "b: the model's forward pass does not feed it"),
    "flipped": (lambda m, x: m.b(m.a(x).flip(1)), {}, "b: .* does not feed it"),
    "flipped in time": (lambda m, x: m.b(m.a(x).flip(-1)), {}, "b: .* does not feed it"),
    "mixed samples": (lambda m, x: m.b(m.a(x).flip(0)), {}, "b: .* does not feed it"),
    "permuted": (lambda m, x: m.b(m.a(x).roll(1, 1)), {}, "b: .* does not feed it"),
    "summed over time": (
        lambda m, x: m.b(m.a(x).sum(-1, keepdim=True).expand(-1, -1, x.shape[-1])),
        {}, "b: .* does not feed it",
    ),
    "in place": (lambda m, x: m.b(m.a(x).mul_(0)), {}, "b: .* does not feed it"),
    "input changed": (lambda m, x: m.b(m.a(x * 2)), {}, "a: .* does not feed it the input"),
    "skip": (lambda m, x: m.b(m.a(x) + x), {}, "b: .* does not feed it"),
    "around": (lambda m, x: (m.a(x), m.b(x))[1], {}, "a: no block hears it, and the model's"),
    "a head that is not returned": (
        lambda m, x: (lambda h: (m.c(h), m.b(h))[1])(m.a(x)), {"c": dense}, "c: no block hears it",
    ),
    "a head that is scaled": (
        lambda m, x: (lambda h: (m.c(h) * 2, m.b(h)))(m.a(x)), {"c": dense},
        "c: no block hears it, and the model's forward pass does not return what it sends",
    ),
    "heads of two shifts": (
        lambda m, x: (lambda h: (m.b(h), m.c(h)))(m.a(x)), {"c": lambda: dense(shift=True)},
        "c: it has delay_shift=True, in a model whose blocks hear others",
    ),
    "heads with a read-out": (
        lambda m, x: (lambda h: (m.b(h), m.c(h)))(m.a(x)), {"c": lambda: cuba.Average(3)},
        "c: it is a read-out, of which a model with several heads can have none",
    ),
    "unused block": (lambda m, x: m.a(x), {}, "b: the model's forward pass does not run it"),
    "unused module": (
        lambda m, x: m.b(m.a(x)), {"linear": lambda: torch.nn.Linear(2, 3)}, "linear: .* not run",
    ),
    "parameter": (lambda m, x: m.b(m.a(x)), {"gain": tensor}, r"gain: a tensor of shape \(3,\)"),
    "layer of torch": (
        through_linear, {"linear": lambda: torch.nn.Linear(6, 6)}, "linear: Linear is no block",
    ),
    "layer without parameters": (
        lambda m, x: m.b(m.relu(m.a(x))), {"relu": torch.nn.ReLU}, "relu: ReLU is no block",
    ),
    "output scaled": (lambda m, x: m.b(m.a(x)) * 2, {}, "Model: its forward pass returns output "),
    "softmax": (
        lambda m, x: m.b(m.a(x)).mean(-1).softmax(1), {}, "which is not what b, its last block",
    ),
    "output split": (
        lambda m, x: (lambda y: (y[:, :2], y[:, 2:]))(m.b(m.a(x))), {}, r"returns output\[0\]",
    ),
    "hidden returned": (
        lambda m, x: (lambda h: (m.b(h), h))(m.a(x)), {}, r"returns output\[1\] from a",
    ),
    "nothing returned": (lambda m, x: print(m.b(m.a(x)).shape), {}, "returns no tensor"),
    "blocks in a plain object": (
        lambda m, x: m.b(m.twin.hidden(m.a(x))), {"twin": Twin}, "b: .* in a plain list or dict",
    ),
    "parts of a block": (
        lambda m, x: m.b.neuron(m.b.synapse(m.a(x)[:, :, None, None])), {}, "b: .* does not run it",
    ),
    "failing": (lambda m, x: m.b(m.a(x[:, :2])), {}, "Model: its forward pass fails on input"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_row_is_refused_by_name(name):
    run, parts, message = REFUSED[name]
    model = Model(run, **parts)
    with pytest.raises(UnsupportedLayer, match=message):
        loihi_sca.compile_slayer(model, (6,), STEPS)
    with pytest.raises(UnsupportedLayer, match=message):
        to_network(model, input_shape=(6,))
    found = loihi_sca.check(model, (6,))
    assert found


@pytest.mark.parametrize("name", ["scaled", "output scaled", "skip"])
def test_silence_hides_nothing(name):
    run, _, message = REFUSED[name]
    model = Model(run)
    for block in (model.a, model.b):
        block.synapse.weight.data.fill_(1 / 64)  # far too little to spike
    assert not any(x.any() for x in torch.atleast_1d(run(model, torch.ones(1, 6, STEPS))))
    with pytest.raises(UnsupportedLayer, match=message):
        loihi_sca.compile_slayer(model, (6,), STEPS)
    assert loihi_sca.check(model, (6,))


class Wrapped(torch.nn.Module):
    """A module around blocks, as part of a Sequential."""

    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList([dense(), dense()])
        self.head = dense(6, 5)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


ACCEPTED = {
    "row": (lambda m, x: m.b(m.a(x)), {}, ["a", "b"]),
    "relu": (lambda m, x: m.b(torch.relu(m.a(x))), {}, ["a", "b"]),
    "dropout": (
        lambda m, x: m.b(m.drop(m.a(x))), {"drop": lambda: torch.nn.Dropout(0.5)}, ["a", "b"],
    ),
    "by keyword": (lambda m, x: m.b(x=m.a(x)), {}, ["a", "b"]),
    "other order": (lambda m, x: m.a(m.c(x)), {"b": None, "c": dense}, ["c", "a"]),
    "twice": (lambda m, x: m.b(m.a(m.a(x))), {}, ["a", "a-run2", "b"]),
    "dictionary": (
        lambda m, x: m.b(m.more["second"](m.a(x))),
        {"more": lambda: torch.nn.ModuleDict({"second": dense()})}, ["a", "more.second", "b"],
    ),
    "nested": (
        lambda m, x: m.inner(m.a(x)), {"b": None, "inner": Wrapped},
        ["a", "inner.0-dense", "inner.1-dense", "inner.head"],
    ),
    "a loss beside": (
        lambda m, x: m.b(m.a(x)), {"loss": lambda: torch.nn.MSELoss()}, ["a", "b"],
    ),
    "dictionary returned": (lambda m, x: {"spikes": m.b(m.a(x))}, {}, ["a", "b"]),
    "rates beside": (
        lambda m, x: (lambda y: (y, torch.stack([y.mean(), y.sum()])))(m.b(m.a(x))), {}, ["a", "b"],
    ),
    "mean": (lambda m, x: m.b(m.a(x)).mean(-1), {}, ["a", "b"]),
    "sum": (lambda m, x: [m.b(m.a(x)).sum(-1)], {}, ["a", "b"]),
    "shifted": (
        lambda m, x: m.b(m.a(x)), {"a": lambda: dense(shift=True)}, ["a", "b"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_row_of_ones_own_is_compiled_and_compared(name):
    run, parts, layers = ACCEPTED[name]
    model = Model(run, **parts).eval()
    data = (np.random.default_rng(0).random((3, 6, STEPS)) < 0.4).astype(np.uint8)
    network = loihi_sca.compile_slayer(model, (6,), STEPS, proof_data=data)
    assert [x.name for x in network.layers[1:]] == layers
    assert network.proof is not None
    assert (network.proof.samples, network.proof.timesteps) == (3, STEPS)
    assert network.proof.spikes > 0
    assert layers[-1] in network.proof.outputs[0]
    assert '"proof": {' in network.metadata["compiler"]
    assert loihi_sca.check(model, (6,)) == ()
    by_default = loihi_sca.compile_slayer(model, (6,), STEPS)
    assert by_default == network
    assert by_default.proof is not None
    assert by_default.proof.samples == 1


def test_a_functional_flatten_is_one():
    def run(m, x):
        return m.head(m.body(x).reshape(len(x), -1, x.shape[-1]))

    model = Model(run, a=None, b=None, body=lambda: conv(2, 3, 2), head=lambda: dense(48, 4))
    network = loihi_sca.compile_slayer(model, (2, 5, 5), STEPS, proof_samples=2)
    assert [x.out_shape for x in network] == [(2, 5, 5), (3, 4, 4), (4,)]
    assert network.proof is not None
    assert network.proof.spikes > 0


def test_hooks_that_change_something_are_refused_and_others_not():
    def fresh():
        return torch.nn.Sequential(dense(), dense(6, 4))

    seen = []
    watched = fresh()
    watched[0].register_forward_hook(lambda block, given, output: seen.append(output.shape))
    network = loihi_sca.compile_slayer(watched, (6,), STEPS)
    assert network == loihi_sca.compile_slayer(fresh_like(watched), (6,), STEPS)
    assert network.proof is not None
    assert seen
    sending, taking, within, patched = fresh(), fresh(), fresh(), fresh()
    sending[0].register_forward_hook(lambda block, given, output: output * 0)
    taking[1].register_forward_pre_hook(lambda block, given: (given[0].flip(1),))
    within[1].synapse.register_forward_hook(lambda part, given, output: output * 2)
    patched[1].forward = lambda x: x
    for model, message in (
        (sending, "0-dense: a hook changes what it sends"),
        (taking, "1-dense: .* does not feed it"),
        (within, "1-dense: its synapse has a hook"),
        (patched, "1-dense: Dense overrides the forward pass"),
    ):
        with pytest.raises(UnsupportedLayer, match=message):
            loihi_sca.compile_slayer(model, (6,), STEPS)


class Doubling(slayer.synapse.Dense):
    """A synapse that looks like lava-dl's."""

    def forward(self, spikes):
        return 2 * super().forward(spikes)


class AlwaysDropping(torch.nn.Dropout):
    """Drops in evaluation as well."""

    def forward(self, spikes):
        return torch.nn.functional.dropout(spikes, self.p, True)


def with_bias(block):
    block.synapse.bias = torch.nn.Parameter(torch.ones(6))


def with_class(block):
    block.synapse.__class__ = Doubling


def with_other_synapse(block):
    block.synapse = torch.nn.Conv3d(6, 6, 1, bias=True)


def with_stride_in_time(block):
    block.synapse.stride = (1, 1, 2)


def with_patched_part(part):
    def patch(block):
        old = getattr(block, part).forward
        getattr(block, part).forward = lambda x: old(2 * x)

    return patch


def with_dropout(block):
    block.neuron.drop = AlwaysDropping(0.5)


CHANGED_PARTS = {
    "bias": (with_bias, "0-dense: its synapse has a bias"),
    "class": (with_class, "0-dense: its synapse, Doubling, has a forward pass that is not lava"),
    "other synapse": (with_other_synapse, "0-dense: its synapse, Conv3d, has a forward pass"),
    "time": (with_stride_in_time, "0-dense: its synapse acts on time"),
    "patched synapse": (with_patched_part("synapse"), "0-dense: its synapse, Dense, has a forward"),
    "patched neuron": (with_patched_part("neuron"), "0-dense: its neuron, Neuron, has a forward"),
    "dropout": (with_dropout, "0-dense: its neuron.drop, AlwaysDropping, has a forward pass"),
}


@pytest.mark.parametrize("name", CHANGED_PARTS)
def test_a_part_of_a_block_that_is_not_lava_dls_is_refused_in_a_plain_row(name):
    change, message = CHANGED_PARTS[name]
    model = torch.nn.Sequential(dense(), dense(6, 4))
    change(model[0])
    with pytest.raises(UnsupportedLayer, match=message):
        loihi_sca.compile_slayer(model, (6,), STEPS)
    assert any(re.search(message, str(problem)) for problem in loihi_sca.check(model, (6,)))


def test_a_dropout_with_a_forward_pass_of_its_own_is_no_block():
    model = torch.nn.Sequential(dense(), AlwaysDropping(0.5), dense(6, 4))
    with pytest.raises(UnsupportedLayer, match="1-alwaysdropping: AlwaysDropping is no block"):
        loihi_sca.compile_slayer(model, (6,), STEPS)
    plain = torch.nn.Sequential(dense(), slayer.neuron.Dropout(0.5), dense(6, 4))
    assert loihi_sca.check(plain, (6,)) == ()


@pytest.mark.parametrize("act", [torch.abs, torch.relu, torch.sign, lambda x: x.clamp(0, 4)])
def test_values_whose_sign_is_dropped_before_the_input_block_are_not_the_same(act):
    """Bits for spikes do not show it; the values that the proof draws do."""
    values = {**NEURON, "current_decay": 1.0}
    first = lambda: cuba.Input(values, weight=1, bias=0)  # noqa: E731
    model = Model(lambda m, x: m.b(m.first(act(x))), a=None, first=first)
    with pytest.raises(NotBitExact):
        loihi_sca.compile_slayer(model, (6,), STEPS)
    assert loihi_sca.check(model, (6,))


def fresh_like(model):
    blocks = [dense(), dense(6, 4)]
    for block, other in zip(blocks, model, strict=True):
        block.load_state_dict(other.state_dict(), strict=False)
    return blocks


def test_weights_that_torch_computes_are_those_that_run():
    torch.manual_seed(0)
    pruned = torch.nn.Sequential(dense(), dense(6, 4))
    prune.l1_unstructured(pruned[0].synapse, "weight", amount=0.5)
    with torch.no_grad():  # as a step of an optimizer, after which the attribute is stale
        pruned[0].synapse.weight_orig.mul_(-1.5)
    network = loihi_sca.compile_slayer(pruned, (6,), STEPS, proof_samples=4)
    assert (network.source["0-dense"].weight == 0).sum() >= 18

    class Doubled(torch.nn.Module):
        def forward(self, weight):
            return 2 * weight

    bent = torch.nn.Sequential(dense(), dense(6, 4))
    parametrize.register_parametrization(bent[1].synapse, "weight", Doubled())
    assert loihi_sca.compile_slayer(bent, (6,), STEPS, proof_samples=4).proof is not None


# --- before training ----------------------------------------------------------------------------


def normed():
    return {**NEURON, "norm": Norm}


BEFORE = {
    "norm of a Conv behind a shift": (
        lambda: [conv(1, 2, 3, shift=True), conv(2, 2, 3, params=normed())], "1-conv: .*delay_shift"
    ),
    "delay of a Conv before a Conv": (
        lambda: [conv(1, 2, 3, delay=True), conv(2, 2, 3)], "0-conv: its outputs are delayed"
    ),
    "delay of the last Conv": (
        lambda: [conv(1, 2, 3), conv(2, 2, 3, delay=True)], "1-conv: it delays its outputs"
    ),
    "delay and norm of the last block": (
        lambda: [conv(1, 2, 3), cuba.Flatten(), dense(72, 3, params=normed(), delay=True)],
        "2-dense: it delays its outputs and has a bias",
    ),
    "norm of an Input": (
        lambda: [cuba.Input({**normed(), "current_decay": 1.0}, delay_shift=False), conv(1, 2, 3)],
        "0-input: a norm in an Input block",
    ),
    "norm of an Affine": (
        lambda: [conv(1, 2, 3), cuba.Flatten(), cuba.Affine(normed(), 72, 3)], "2-affine: a norm",
    ),
    "trained decays per channel of a map": (  # SLAYER itself only runs where C = W
        lambda: [with_own_decays(conv(1, 6, 3, params={**NEURON,
            "shared_param": False, "requires_grad": True, "current_decay": (0.3, 0.3),
            "voltage_decay": (0.1, 0.1)}))],
        "0-conv: its decays differ",
    ),
}  # fmt: skip


def with_own_decays(block):
    with torch.no_grad():
        block(torch.zeros(1, 1, 8, 8, 3))
    return block


@pytest.mark.parametrize("name", BEFORE)
def test_check_refuses_before_training_what_training_brings(name):
    build, message = BEFORE[name]
    found = loihi_sca.check(build(), (1, 8, 8))
    with pytest.raises(UnsupportedLayer, match=message):
        raise_for(found)
    # and nothing of it is there yet
    assert isinstance(loihi_sca.compile_slayer(build(), (1, 8, 8), STEPS), Network)


def test_what_depends_on_values_is_a_note():
    model = [dense(6, 6, delay=True), dense(6, 4, delay=True)]
    found = loihi_sca.check(model, (6,))
    assert found == ()
    assert loihi_sca.check([dense(6, 6, delay=True), dense(6, 4)], (6,)).notes == ()
    # without biases each keeps its own delays; with one, two of them add up in one synapse
    model = [dense(6, 6, delay=True, params=normed()), dense(6, 4, delay=True)]
    found = loihi_sca.check(model, (6,))
    assert found == ()
    assert len(found.notes) == 1
    assert "after training, depending on values: 1-dense: needs 124" in found.notes[0]
    loud = [dense(6, 6, params=normed()), dense(6, 4)]
    assert loihi_sca.check(loud, (6,)).notes == ()  # lava-dl's own quantiser clamps
    loud[0].neuron.norm.pre_hook_fx = whole
    assert "0-dense: its biases span" in loihi_sca.check(loud, (6,)).notes[0]


def whole(value, descale=False):
    steps = torch.round(value * 64)
    return steps if descale else steps / 64


# --- what comes out -----------------------------------------------------------------------------


def test_what_is_compiled_is_the_network_and_its_report(tmp_path):
    torch.manual_seed(0)
    compiled = loihi_sca.compile_slayer([dense(), dense(6, 4)], (6,), STEPS, proof_samples=1)
    assert isinstance(compiled, Compiled)
    assert type(compiled.network) is Network
    assert compiled == compiled.network
    assert compiled.network == compiled
    assert hash(compiled) == hash(compiled.network)
    assert compiled.steps[0].name == "lower_pool"
    path = tmp_path / "kept.net"
    compiled.save(path)
    read = netx.read(path)
    assert read == compiled
    assert read.metadata == compiled.metadata
    assert [p.name for p in tmp_path.iterdir()] == ["kept.net"]
    data = np.ones((1, 6, STEPS), np.uint8)
    np.testing.assert_array_equal(
        reference.run(compiled, data).spikes, reference.run(read, data).spikes
    )


def test_a_silent_proof_says_so():
    model = [dense(), dense(6, 4)]
    data = np.zeros((1, 6, STEPS))
    compiled = loihi_sca.compile_slayer(model, (6,), STEPS, proof_data=data)
    assert "sent no spike" in compiled.notes[-1]


def test_drop_is_proven_as_well():
    torch.manual_seed(0)
    blocks = torch.nn.Sequential(dense(shift=True), dense(6, 4, shift=True))
    compiled = loihi_sca.compile_slayer(blocks, (6,), STEPS, delay_shift="drop", proof_samples=2)
    assert compiled.proof is not None
    assert compiled.proof.layers == ("0-dense", "1-dense")
    assert blocks[0].delay_shift


def test_an_error_carries_reason_and_way_out():
    error = UnsupportedLayer("a: it is odd. Very", "Make it even.")
    assert (error.reason, error.instead) == ("a: it is odd. Very", "Make it even.")
    assert str(error) == "a: it is odd. Very. Make it even."
    pool = cuba.Pool(NEURON, 3, delay_shift=False)
    (problem,) = loihi_sca.check([pool], (1, 8, 8))
    assert problem.reason.endswith("windows mix channels")
    assert problem.instead.startswith("Pool with stride = kernel")


def eager():
    """Return a block that hears few spikes and spikes all the same."""
    block = dense(4, 3, params={**NEURON, "norm": Norm})
    block.synapse.weight.data.abs_()
    return block


HEADS = {
    "tuple": (lambda m, x: (lambda h: (m.b(h), m.c(h)))(m.a(x)), {"c": dense}),
    "dict and mean": (
        lambda m, x: (lambda h: {"what": m.b(h).mean(-1), "where": m.c(h)})(m.a(x)), {"c": dense},
    ),
    "body twice": (lambda m, x: (m.b(m.a(x)), m.c(m.a(x))), {"c": dense}),
    "past the body": (lambda m, x: (lambda h: (m.b(h), m.c(x)))(m.a(x)), {"c": dense}),
    "of two lengths": (
        lambda m, x: (lambda h: (m.d(m.b(h)), m.c(h)))(m.a(x)),
        {"c": dense, "d": eager},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_several_heads_hear_one_body(name, tmp_path):
    """What each of them sends and what the forward pass returns is compared, and kept in a file."""
    run, parts = HEADS[name]
    model = Model(run, **parts).eval()
    data = (np.random.default_rng(3).random((3, 6, STEPS)) < 0.4).astype(np.float32)
    assert loihi_sca.check(model, (6,)) == ()
    compiled = loihi_sca.compile(model, (6,), STEPS, proof_data=data)
    assert len(compiled.proof.outputs) == 2
    assert len(compiled.wiring.heads) == 2
    first, last = (compiled.layers[i].name for i in compiled.wiring.heads)
    found = loihi_sca.run(compiled, data.astype(int), record=[first])
    with torch.no_grad():
        returned = model(torch.from_numpy(data))
    returned = list(returned.values()) if isinstance(returned, dict) else list(returned)
    sent = {found.spikes.shape[1]: found.spikes, -1: found.traces[first].spikes}
    for tensor in returned:
        theirs = tensor.numpy()
        timed = theirs.ndim == 3
        assert any(
            s.shape[1] == theirs.shape[1]
            and np.allclose(s if timed else s.mean(-1), theirs, atol=1e-6)
            for s in sent.values()
        )
    assert min(s.sum() for s in sent.values()) > 5
    compiled.save(tmp_path / "heads.net")
    again = loihi_sca.read(tmp_path / "heads.net")
    assert again == compiled.network
    engines = ("reference", "fast")
    assert {first, last} <= set(
        loihi_sca.verify(again, engines=engines, data=data.astype(int)).spikes
    )


def test_two_heads_behind_convolution_and_flatten():
    def run(m, x):
        flat = m.flat(m.body(x))
        return m.what(flat), m.where(flat)

    parts = {"a": None, "b": None, "body": lambda: conv(2, 3, 2), "flat": lambda: cuba.Flatten(),
             "what": lambda: dense(48, 4), "where": lambda: dense(48, 5)}  # fmt: skip
    model = Model(run, **parts).eval()
    data = (np.random.default_rng(3).random((2, 2, 5, 5, STEPS)) < 0.4).astype(np.float32)
    compiled = loihi_sca.compile(model, (2, 5, 5), STEPS, proof_data=data)
    assert [layer.source for layer in compiled][-1] == "body"
    assert compiled.proof.outputs == ("output[0]: spikes of what", "output[1]: spikes of where")
    with pytest.raises(UnsupportedLayer, match="where: it hears flat, not the block before it"):
        loihi_sca.Pruner(model, torch.from_numpy(data), budget="keep=0.5", steps=4)


@pytest.mark.lava
@pytest.mark.timeout(300)
def test_lava_agrees_in_both_heads():
    run, parts = HEADS["of two lengths"]
    model = Model(run, **parts).eval()
    model.d.neuron.norm.running_mean = torch.full((3,), -0.2)
    data = (np.random.default_rng(3).random((2, 6, STEPS)) < 0.4).astype(np.float32)
    compiled = loihi_sca.compile(model, (6,), STEPS, proof_data=data)
    found = loihi_sca.verify(compiled, data=data.astype(int))
    assert found.engines == ("reference", "fast", "lava")
    assert min(found.spikes.values()) > 5
