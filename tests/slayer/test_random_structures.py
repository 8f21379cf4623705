"""Random models in random wrappings: what compiles gives what the model returns; else it is named.

A wrapping is what people do around a row of blocks: hooks, skips, blocks that run twice,
parametrisations, a forward pass of one's own.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slayer_models import models

import loihi_sca
from loihi_sca.engine import fast
from loihi_sca.errors import LoihiScaError
from loihi_sca.model.route import find_route
from loihi_sca.model.walk import as_module
from loihi_sca.slayer.lava import slayer

STEPS = 10


class Own(torch.nn.Module):
    """A model with a forward pass of its own: a function of its blocks and the input."""

    def __init__(self, blocks, run):
        super().__init__()
        self.blocks = torch.nn.ModuleList(blocks)
        self.run = run

    def forward(self, x):
        return self.run(list(self.blocks), x)


def in_a_row(blocks, x):
    for block in blocks:
        x = block(x)
    return x


def twice(index):
    def run(blocks, x):
        for i, block in enumerate(blocks):
            x = block(x)
            if i == index and x.shape[1:-1] == (blocks[i].synapse.in_channels,):
                x = block(x)
        return x

    return run


def skipping(index):
    """Add what goes into a block to what comes out, where they have one shape."""

    def run(blocks, x):
        for i, block in enumerate(blocks):
            before, x = x, block(x)
            if i == index and before.shape == x.shape:
                x = x + before
        return x

    return run


def between(index, act):
    def run(blocks, x):
        for i, block in enumerate(blocks):
            x = block(act(x) if i == index else x)
        return x

    return run


def at_the_end(act):
    return lambda blocks, x: act(in_a_row(blocks, x))


class Rounded(torch.nn.Module):
    """A parametrisation of weights."""

    def forward(self, weight):
        return torch.round(weight * 16) / 16


def parametrised(block):
    synapse = getattr(block, "synapse", None)
    # with a weight norm, direction and size are the parameters
    if synapse is not None and "weight" in dict(synapse.named_parameters()):
        torch.nn.utils.parametrize.register_parametrization(synapse, "weight", Rounded())


def hooked(block):
    block.register_forward_hook(lambda module, given, sent: sent * (torch.arange(len(sent[0])) > 0)
                                .reshape(-1, *[1] * (sent.dim() - 2)))  # fmt: skip


def pre_hooked(block):
    block.register_forward_pre_hook(lambda module, given: (given[0].flip(-1),))


def watched(block):
    block.register_forward_hook(lambda module, given, sent: None)


ACTS = {
    "relu": torch.relu,
    "roll in time": lambda x: torch.roll(x, 1, -1),
    "half": lambda x: x / 2,
    "only the first": lambda x: (
        x * (torch.arange(x.shape[1]) < 1).reshape(-1, *[1] * (x.dim() - 2))
    ),
    "dropout": lambda x: torch.nn.functional.dropout(x, 0.5, False),
    "at least one": lambda x: x.clamp(max=1),
}
CHANGES = {"parametrised": parametrised, "hook": hooked, "pre-hook": pre_hooked, "watched": watched}


@st.composite
def wrapped(draw):
    """Draw a model and something that is done to it."""
    model, shape = draw(models())
    blocks = list(model)
    index = draw(st.integers(0, len(blocks) - 1))
    kind = draw(st.sampled_from(["own", "twice", "skip", "between", "end", "change", "nested"]))
    if kind == "change":
        CHANGES[draw(st.sampled_from(sorted(CHANGES)))](blocks[index])
        return model, shape
    if kind == "nested":
        inner = Own(blocks[index:], in_a_row)
        return torch.nn.Sequential(*blocks[:index], inner).eval(), shape
    act = ACTS[draw(st.sampled_from(sorted(ACTS)))]
    runs = {
        "own": in_a_row, "skip": skipping(index), "between": between(index, act),
        "end": at_the_end(act),
        "twice": twice(index) if hasattr(blocks[index], "synapse") else in_a_row,
    }  # fmt: skip
    return Own(blocks, runs[kind]).eval(), shape


def check(drawn, seed):
    """Compile; where that succeeds, compare on samples that the compiler has not seen."""
    model, shape = drawn
    try:
        network = loihi_sca.compile_slayer(model, shape, STEPS)
    except LoihiScaError:
        return
    data = (np.random.default_rng(seed).random((3, *shape, STEPS)) < 0.4).astype(np.uint8)
    with torch.no_grad():
        expected = model(torch.from_numpy(data).float()).numpy()
    result = fast.run(network, data)
    if any(layer.current_wraps or layer.voltage_saturations for layer in result.activity):
        return  # SLAYER does not know of 24 bits
    np.testing.assert_array_equal(result.spikes.reshape(expected.shape), expected)


QUIET = list(HealthCheck)


@settings(max_examples=12, deadline=None, suppress_health_check=QUIET)
@given(wrapped(), st.integers(0, 99))
def test_what_compiles_is_what_the_model_returns(drawn, seed):
    check(drawn, seed)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=600, deadline=None, suppress_health_check=QUIET)
@given(wrapped(), st.integers(0, 99))
def test_very_many_wrappings(drawn, seed):
    check(drawn, seed)


@pytest.mark.parametrize("width", [1, 2])
def test_whom_a_block_hears_is_known_of_a_single_step_of_few_neurons(width):
    """Random bits of one neuron at one step are those of another one in every second case."""
    about = {"threshold": 0.25, "current_decay": 0.5, "voltage_decay": 0.1}
    torch.manual_seed(width)
    blocks = [slayer.block.cuba.Dense(about, width, width, delay_shift=False) for _ in range(4)]
    for block in blocks:
        block.synapse.weight.data = torch.rand_like(block.synapse.weight) + 0.5

    def forked(blocks, x):
        body = blocks[0](x)
        return blocks[3](blocks[1](body)), blocks[2](body)

    route = find_route(Own(blocks, forked).eval(), (width,), 1)
    heard = {call.name: call.source for call in route.calls}
    assert heard == {"0-dense": None, "1-dense": None, "3-dense": None, "2-dense": "0-dense"}
    assert not route.problems
    assert loihi_sca.compile(Own(blocks, forked).eval(), (width,), 1).proof
    scaled = find_route(Own(blocks, between(1, lambda x: x / 2)).eval(), (width,), 1)
    assert [problem.layer for problem in scaled.problems] == ["1-dense"]


def capped(x):
    return x * (x.cumsum(-1) <= STEPS - 1)


def all_at_once(x):
    return x * (x.mean(1, keepdim=True) < 1)


@pytest.mark.parametrize("act", [capped, all_at_once])
@pytest.mark.parametrize("where", [0, 1])
def test_what_acts_only_where_much_arrives_is_found_out(act, where):
    about = {"threshold": 0.5, "current_decay": 0.5, "voltage_decay": 0.1}
    blocks = [slayer.block.cuba.Dense(about, 9, 9, delay_shift=False) for _ in range(2)]
    route = find_route(Own(blocks, between(where, act)).eval(), (9,), STEPS)
    assert [problem.layer for problem in route.problems] == [f"{where}-dense"]


def test_what_torch_compile_returns_is_the_module_that_it_was_given():
    about = {"threshold": 0.5, "current_decay": 0.5, "voltage_decay": 0.1}
    blocks = [slayer.block.cuba.Dense(about, 9, 9, delay_shift=False) for _ in range(2)]
    model = Own(blocks, in_a_row)
    assert as_module(torch.compile(model)) is model
    assert loihi_sca.compile(torch.compile(model), (9,), STEPS).proof
