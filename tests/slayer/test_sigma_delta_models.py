"""Models of lava-dl's sigma-delta blocks: every message is that of the network they become."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import loihi_sca
from loihi_sca.errors import InputError, NotBitExact, UnsupportedLayer
from loihi_sca.frontend.recording import spikes_of
from loihi_sca.model.route import find_route
from loihi_sca.network import Delta, Sigma, SigmaDelta
from loihi_sca.network.graded import is_biased
from loihi_sca.slayer.lava import slayer

sd = slayer.block.sigma_delta
RELU = torch.nn.functional.relu
NORM = slayer.neuron.norm.MeanOnlyBatchNorm


def neuron(threshold=0.1, **more):
    return {"threshold": threshold, "activation": RELU, **more}


def row(*blocks):
    return torch.nn.Sequential(*blocks).eval()


def video(shape, steps, seed=0, samples=1):
    """Return values in even 1/64 that change now and then."""
    rng = np.random.default_rng(seed)
    size = (samples, *shape, steps)
    changes = np.where(rng.random(size) < 0.3, rng.integers(-32, 33, size), 0)
    return (changes.cumsum(-1).clip(-64, 64) / 32).astype(np.float32)


def filled(model, seed, biases):
    """Give a model weights on a coarse grid, so that sums stay in float32, and biases."""
    generator = torch.Generator().manual_seed(seed)
    for part in model.modules():
        if hasattr(part, "synapse"):
            weight = part.synapse.weight
            size = 16 / max(1, weight[0].numel()) ** 0.5
            weight.data = (torch.randn(weight.shape, generator=generator) * size).round() / 32
            weight.data.flatten()[0] = (
                1.0  # netx keeps the others as they are beside a positive one
            )
        if biases and isinstance(part, NORM):
            drawn = torch.randint(-30, 20, (part.num_features,), generator=generator)
            part.running_mean = drawn / 32
    return model


@st.composite
def models(draw, shift=False, biases=None):
    """Draw a model, and the shape of what it takes."""
    biases = draw(st.booleans()) if biases is None else biases
    thresholds = st.sampled_from([1 / 64, 0.05, 0.1, 0.5])
    channels = st.integers(1, 5)
    shape = (draw(channels), 7, 8) if draw(st.booleans()) else (draw(channels),)
    blocks = [sd.Input(neuron(draw(thresholds)))] if draw(st.booleans()) else []
    size = shape

    def own(width):
        more = {} if not biases else {"norm": lambda: NORM(num_features=width)}
        return neuron(draw(thresholds), **more)

    for _ in range(draw(st.integers(0, 2)) if len(shape) == 3 else 0):
        out, kernel = draw(channels), draw(st.integers(1, 3))
        stride, pad = draw(st.integers(1, 2)), draw(st.integers(0, 1))
        edges = [(n + 2 * pad - kernel) // stride + 1 for n in size[1:]]
        if min(edges) < 1:
            break
        blocks.append(
            sd.Conv(own(out), size[0], out, kernel, stride=stride, padding=pad, delay_shift=shift)
        )
        size = (out, *edges)
        if not any(n % 2 for n in edges) and draw(st.booleans()):
            blocks.append(sd.Pool(neuron(draw(thresholds)), 2, delay_shift=shift))
            size = (out, *(n // 2 for n in edges))
    if len(shape) == 3:
        blocks.append(sd.Flatten())
    for _ in range(draw(st.integers(0, 2))):
        out = draw(channels)
        blocks.append(sd.Dense(own(out), int(np.prod(size)), out, delay_shift=shift))
        size = (out,)
    if draw(st.booleans()) or not any(hasattr(block, "synapse") for block in blocks):
        blocks.append(sd.Output(neuron(), int(np.prod(size)), 3))
    return filled(row(*blocks), draw(st.integers(0, 999)), biases), shape


def compiled_or_assume(model, shape, steps):
    """Compile, unless its random weights are none, or none that netx loads."""
    try:
        return loihi_sca.compile_slayer(model, shape, steps, proof_samples=2)
    except UnsupportedLayer as refused:
        reasons = ("weights are zero", "could ever spike", "netx would change", "netx cannot load")
        assume(not any(reason in str(refused) for reason in reasons))
        raise


@settings(max_examples=60, deadline=None)
@given(models(), st.integers(1, 9))
def test_a_random_model_is_its_network_on_both_clocks(drawn, steps):
    model, shape = drawn
    compiled = compiled_or_assume(model, shape, steps)
    biased = any(is_biased(layer) for layer in compiled.source)
    assert compiled.proof.schedules == (("pipelined", "cold") if biased else ("pipelined",))
    sent = len([block for block in model if hasattr(block, "neuron")])
    assert len(compiled.proof.layers) == sent


@settings(max_examples=20, deadline=None)
@given(models(shift=True, biases=False), st.integers(4, 9))
def test_shifts_without_biases_are_a_matter_of_labels(drawn, steps):
    model, shape = drawn
    compiled = compiled_or_assume(model, shape, steps)
    late = sum(getattr(b, "delay_shift", False) is True for b in model if hasattr(b, "synapse"))
    assert int(compiled.metadata.get("output_shift", 0)) == late


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_a_sample_may_be_shorter_than_what_a_model_is_late(steps) -> None:
    """Nothing of it comes out in time, so nothing is compared."""
    sizes = itertools.pairwise((4, 3, 3, 2))
    model = filled(row(*(sd.Dense(neuron(), n, m, delay_shift=True) for n, m in sizes)), 0, False)
    proof = loihi_sca.compile_slayer(model, (4,), steps, proof_samples=2).proof
    assert proof.compared == 2 * 2 * max(steps - 3, 0)


def biased_model(**more):
    model = row(
        sd.Input(neuron()),
        sd.Conv(neuron(norm=lambda: NORM(num_features=4)), 2, 4, 3, stride=2, padding=1, **more),
        sd.Pool(neuron(0.05), 2, **more),
        sd.Flatten(),
        sd.Dense(neuron(norm=lambda: NORM(num_features=6)), 16, 6, **more),
        sd.Output(neuron(), 6, 3),
    )
    return filled(model, 3, biases=True)


def test_a_model_with_biases_says_on_which_clock_lava_runs_it():
    data = video((2, 8, 8), 12, samples=3)
    compiled = loihi_sca.compile_slayer(biased_model(), (2, 8, 8), 12, proof_data=data)
    assert compiled.proof.schedules == ("pipelined", "cold")
    assert compiled.proof.spikes > 50
    units, clock = compiled.notes
    assert units == "64 at the input, 262144 at the output of 5-output stand for 1.0"
    assert clock.startswith("the biases of 1-conv, 4-dense act on Lava from the first step on")
    kinds = [type(layer.neuron) for layer in compiled]
    assert kinds == [Delta, SigmaDelta, SigmaDelta, SigmaDelta, Sigma]
    assert compiled.layers[2].groups == 4  # a pool is a depthwise convolution


def test_shifts_before_a_bias_are_refused_or_dropped():
    model = biased_model(delay_shift=True)
    with pytest.raises(UnsupportedLayer, match=r'4-dense: .* compile with delay_shift="drop"'):
        loihi_sca.compile_slayer(model, (2, 8, 8), 8)
    compiled = loihi_sca.compile_slayer(model, (2, 8, 8), 8, delay_shift="drop")
    assert compiled.proof.schedules == ("pipelined", "cold")
    assert "output_shift" not in compiled.metadata


def test_what_enters_is_rounded_as_the_model_rounds_it():
    model = row(sd.Input(neuron(1 / 64)), sd.Dense(neuron(), 1, 1))
    model[1].synapse.weight.data.fill_(1.0)
    data = torch.linspace(-6, 6, 40).reshape(1, 1, 40).numpy()  # past 8 bits, and off the grid
    assert loihi_sca.compile_slayer(model, (1,), 40, proof_data=data).proof.spikes > 10
    headless = row(model[1])
    with pytest.raises(InputError, match="messages in whole 1/4096"):
        loihi_sca.compile_slayer(headless, (1,), 40, proof_data=data)
    messages = np.rint(-data * 4096) / 4096
    assert loihi_sca.compile_slayer(headless, (1,), 40, proof_data=messages).proof.spikes > 5


def test_delays_of_a_dense_block_without_a_bias_are_those_of_its_synapses():
    model = row(sd.Input(neuron()), sd.Dense(neuron(), 3, 4, delay=True), sd.Output(neuron(), 4, 2))
    filled(model, 5, biases=False)
    model[1].delay.init = True
    model[1].delay.delay.data = torch.tensor([0.0, 1.0, 2.0, 5.0])
    compiled = loihi_sca.compile_slayer(model, (3,), 12)
    assert compiled.layers[1].delay[:, 0].tolist() == [0, 1, 2, 5]


def test_a_pruned_channel_is_taken_out_and_a_constant_one_is_told_of():
    model = biased_model()
    model[1].synapse.weight.data[1:3] = 0
    model[1].neuron.norm.running_mean[1:3] = torch.tensor([0.5, -0.5])
    compiled = loihi_sca.compile_slayer(model, (2, 8, 8), 6)
    assert compiled.layers[1].out_shape == (3, 4, 4)  # the first is negative, and silent
    assert "1-conv: channels 1 send once whatever the input is" in compiled.notes


def test_values_beyond_float32_are_found():
    model = row(sd.Input(neuron()), *(sd.Dense(neuron(), 40, 40) for _ in range(3)))
    for block in model[1:]:
        block.synapse.weight.data = torch.full((40, 40, 1, 1, 1), 2.0)
    with pytest.raises(NotBitExact, match="the model's forward pass and the network differ"):
        loihi_sca.compile_slayer(model, (40,), 16, proof_data=video((40,), 16))


def test_messages_of_a_model_are_integers():
    model = row(sd.Input(neuron(1 / 64)))
    model.append(sd.Output(neuron(), 1, 1))
    model[1].synapse.weight.data.fill_(0.5)
    sent = spikes_of(model, np.array([[[1.0, 1.0, 0.5]]]))
    assert sent["0-input"].tolist() == [[[4096, 0, -2048]]]
    assert sent["1-output"].tolist() == [[[1 << 17, 1 << 17, 1 << 16]]]
    assert sent["0-input"].dtype == np.int32


def with_(change, **more):
    """Return a dense block and what is done to it."""
    block = sd.Dense(neuron(**more), 6, 4)
    change(block)
    return block


REFUSED = {
    "tanh": (lambda: sd.Dense({**neuron(), "activation": torch.tanh}, 6, 4), "activation is tanh"),
    "set_bias": (lambda: with_(lambda b: b.neuron.set_bias(torch.ones(4))), "set_bias has given"),
    "cum_error": (lambda: sd.Dense(neuron(cum_error=True), 6, 4), "cum_error=True"),
    "threshold": (
        lambda: with_(lambda b: b.neuron.delta.threshold.data.fill_(6.3 / 64)),
        "its threshold is 6.3/64, and a file holds whole 64ths",
    ),
    "no threshold": (lambda: sd.Dense(neuron(0.0), 6, 4), "threshold is 0.015625/64, .* Lava wo"),
    "thresholds": (
        lambda: with_(lambda b: setattr(b.neuron.delta.threshold, "data", torch.ones(4) * 0.5 +
                                        torch.arange(4) / 64)), "thresholds differ between",
    ),
    "scale": (lambda: sd.Dense(neuron(scale=32), 6, 4), "scale=32, and Lava's"),
    "scaling norm": (
        lambda: sd.Dense(neuron(norm=slayer.neuron.norm.WgtScaleBatchNorm), 6, 4), "WgtScaleBatch",
    ),
    "persistent_state": (lambda: sd.Dense(neuron(persistent_state=True), 6, 4), "persistent_sta"),
    "ConvT": (lambda: sd.ConvT(neuron(), 6, 4, 2), "block ConvT"),
    "Unpool": (lambda: sd.Unpool(neuron(), 2), "block Unpool"),
    "Average": (lambda: sd.Average(2), "block slayer.block.sigma_delta.Average is not known"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_exact_is_refused_by_name(name):
    build, message = REFUSED[name]
    with pytest.raises(UnsupportedLayer, match=message):
        loihi_sca.compile_slayer(row(build()), (6,), 4)


def test_an_input_that_scales_is_refused():
    model = row(sd.Input(neuron(), weight=0.5), sd.Dense(neuron(), 3, 2))
    with pytest.raises(UnsupportedLayer, match="0-input: it has weight 32 and bias 0, which netx"):
        loihi_sca.compile_slayer(model, (3,), 4)


def test_delays_before_a_convolution_are_refused():
    first = sd.Conv(neuron(), 2, 3, 3, padding=1, delay=True, delay_shift=False)
    first.delay.init, first.delay.delay.data = True, torch.tensor([0.0, 1.0, 2.0])
    model = filled(row(sd.Input(neuron()), first, sd.Conv(neuron(), 3, 2, 3)), 1, False)
    with pytest.raises(UnsupportedLayer, match=r"1-conv: its outputs are delayed, and 2-conv .* a"):
        loihi_sca.compile_slayer(model, (2, 5, 5), 6)


def test_spikes_and_messages_do_not_mix():
    spiking = {"threshold": 1.0, "current_decay": 1.0, "voltage_decay": 0.1}
    model = row(
        slayer.block.cuba.Dense(spiking, 3, 4, delay_shift=False), sd.Output(neuron(), 4, 2)
    )
    with pytest.raises(UnsupportedLayer, match="its neuron is CUBA, beside sigma-delta ones"):
        loihi_sca.compile_slayer(model, (3,), 4)


def test_checking_tells_before_training_what_training_can_bring():
    fine = row(sd.Input(neuron()), sd.Dense(neuron(norm=NORM), 3, 4), sd.Output(neuron(), 4, 2))
    assert not loihi_sca.check(fine, (3,))
    shifted = row(*(sd.Dense(neuron(norm=NORM), 3, 3, delay_shift=True) for _ in range(2)))
    assert [problem.layer for problem in loihi_sca.check(shifted, (3,))] == ["1-dense"]


@pytest.mark.lava
@pytest.mark.timeout(300)
def test_lava_sends_what_the_model_sends(tmp_path):
    data = video((2, 8, 8), 12)
    compiled = loihi_sca.compile_slayer(biased_model(), (2, 8, 8), 12, proof_data=data)
    compiled.save(tmp_path / "model.net")
    values = (data * 64).astype(np.int32)
    done = loihi_sca.verify(tmp_path / "model.net", data=values, schedule="cold")
    assert done.engines == ("reference", "fast", "lava")
    assert min(done.spikes.values()) > 10


def relayed_model(seed=3):
    blocks = [
        sd.Input(neuron(0.1)),
        sd.Conv(neuron(0.1, norm=lambda: NORM(num_features=3)), 2, 3, 3, padding=1,
                delay_shift=False),
        sd.Flatten(),
        sd.Dense(neuron(0.05, norm=lambda: NORM(num_features=4)), 3 * 5 * 5, 4, delay_shift=False),
        sd.Output(neuron(), 4, 3),
    ]  # fmt: skip
    return filled(row(*blocks), seed, True)


def test_a_relayed_model_is_met_on_lavas_clock():
    """Biases come from a channel that engines fill in; layer k is late by k, and nothing else."""
    data = video((2, 5, 5), 12, samples=2)
    model = relayed_model()
    assert loihi_sca.check(model, (2, 5, 5), relay=True) == ()
    compiled = loihi_sca.compile(model, (2, 5, 5), 12, relay=True, proof_data=data)
    assert compiled.proof.schedules == ("pipelined", "cold")
    assert compiled.proof.spikes > 20
    assert compiled.steps[0].name == "relay_biases"
    assert not any(map(is_biased, compiled))
    assert [layer.out_shape[0] for layer in compiled] == [3, 4, 4, 3]
    assert compiled.data_shape == (2, 5, 5)
    values = np.rint(data * 64).astype(int)
    local, cold = (loihi_sca.run(compiled, values, schedule=x) for x in ("pipelined", "cold"))
    np.testing.assert_array_equal(cold.spikes[..., 3:], local.spikes[..., :-3])
    plain = loihi_sca.compile(relayed_model(), (2, 5, 5), 12, proof_data=data)
    np.testing.assert_array_equal(loihi_sca.run(plain, values).spikes, local.spikes)
    late = loihi_sca.run(plain, values, schedule="cold").spikes
    assert (late[..., 3:] != local.spikes[..., :-3]).any()  # what relays are for


def test_what_cannot_be_relayed_is_told_by_check_and_compile():
    headless = relayed_model()[1:]
    (problem,) = loihi_sca.check(headless, (2, 5, 5), relay=True)
    assert "only a Delta at the input encodes the constant" in str(problem)
    with pytest.raises(UnsupportedLayer, match="only a Delta at the input"):
        loihi_sca.compile(headless, (2, 5, 5), 12, relay=True)


@pytest.mark.parametrize("name", ["clamp", "half", "absolute"])
def test_what_acts_on_few_messages_is_found_out(name):
    acts = {"clamp": lambda x: x.clamp(-1, 1), "half": lambda x: x.half().float(),
            "absolute": torch.abs}  # fmt: skip

    class Own(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = sd.Dense(neuron(), 6, 5)
            self.second = sd.Dense(neuron(), 5, 4)

        def forward(self, x):
            return self.second(acts[name](self.first(x)))

    model = Own()
    for block in (model.first, model.second):  # so small that random data would not show it
        block.synapse.weight.data = torch.full_like(block.synapse.weight, 1 / 32)
    problems = find_route(model, (6,)).problems
    assert [problem.layer for problem in problems] == ["second"]
