"""SpikingJelly's own modules on the chip: what is exact, what is measured, what is refused."""

import copy

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from spikingjelly_models import (
    functional,
    lava_exchange,
    layer,
    neuron,
    on_grid,
    random_model,
    sequential,
    spikes,
    torch,
)

import loihi_sca
from loihi_sca.engine import fast, reference
from loihi_sca.errors import InputError, NetworkError, NotBitExact, UnsupportedLayer
from loihi_sca.frontend.spikingjelly.quantise import quantise


def theirs(model, data) -> np.ndarray:
    """Run SpikingJelly itself, with none of our code."""
    functional.reset_net(model)
    steps = torch.from_numpy(np.moveaxis(data, -1, 0).copy()).float()
    with torch.no_grad():
        multi = next(m.step_mode for m in model.modules() if hasattr(m, "step_mode")) == "m"
        sent = model(steps) if multi else torch.stack([model(step) for step in steps])
    functional.reset_net(model)
    return np.moveaxis(sent.numpy(), 0, -1)


@given(st.integers(0, 10**6), st.sampled_from(["m", "s"]))
@settings(max_examples=25, deadline=None)
def test_integrate_and_fire_on_a_grid_gives_the_very_spikes(seed: int, mode: str) -> None:
    model, shape = random_model(seed, mode=mode)
    data = spikes(shape, seed=seed)
    try:
        compiled = loihi_sca.compile(model, shape, 12, proof_data=data)
    except UnsupportedLayer as error:  # some of the models drawn are silent
        assume("no channel left that could ever spike" not in str(error))
        raise
    assert [row.layer for row in compiled.translations if not row.exact] == []
    assert all(row.snr_db is None and not row.differ for row in compiled.translations)
    expected = theirs(model, data)
    for engine in (reference, fast):
        assert np.array_equal(engine.run(compiled, data).spikes, expected)
    assert compiled.proof is not None
    assert compiled.proof.compared == sum(row.compared for row in compiled.translations)


QUIET = 3
"""A channel that hears nothing but an input that is always silent."""


@pytest.mark.parametrize("variance", [0.9**400, 0.0])
@pytest.mark.parametrize("node", [neuron.IFNode, lambda: neuron.LIFNode(decay_input=False)])
def test_a_channel_that_hardly_ever_varied_does_not_set_the_scale(node, variance: float) -> None:
    torch.manual_seed(0)
    model = sequential(layer.Conv2d(3, 8, 3), layer.BatchNorm2d(8), node())
    model[0].weight.data *= 3
    model[0].weight.data[QUIET, :2] = 0
    model[1].bias.data += 0.7
    data = spikes((3, 6, 6), samples=20)
    data[:, 2] = 0
    steps = torch.from_numpy(np.moveaxis(data, -1, 0).copy()).float()
    model.train()
    for _ in range(30):
        model(steps)
        functional.reset_net(model)
    usual = model.eval()[1].running_var.clone()
    model[1].running_mean[QUIET] = model[0].bias[QUIET].detach()
    model[1].running_var[QUIET] = 1.0
    (loud,) = loihi_sca.compile(model, (3, 6, 6), 12, proof_data=data).translations
    model[1].running_var[QUIET] = variance
    assert usual[QUIET] < 0.1  # as it goes in training, only further
    compiled = loihi_sca.compile(model, (3, 6, 6), 12, proof_data=data)
    (row,) = compiled.translations
    assert row.scale == loud.scale
    assert row.lessened == (QUIET,)
    assert f"the current of channels {QUIET} hardly ever varied" in str(row)
    assert not row.exact
    expected, given = theirs(model, data), fast.run(compiled, data).spikes
    assert 0.1 < expected[:, QUIET].mean() < 0.9
    assert (given != expected).mean() < 0.02
    found = loihi_sca.check(model, (3, 6, 6))
    assert any("hardly ever varied" in note for note in found.notes)


def test_what_a_norm_makes_of_a_mean_stays_where_it_multiplies_less() -> None:
    torch.manual_seed(0)
    model = sequential(layer.Conv2d(1, 4, 1), layer.BatchNorm2d(4), neuron.IFNode())
    model[1].running_var.fill_(0.2)
    model[1].running_var[0] = 1e-9
    model[1].bias.data.fill_(0.3)
    model[0].weight.data[0] = 0.5
    model[1].running_mean[0] = 0.5 + model[0].bias.data[0]  # a spike at every step
    data = np.ones((1, 1, 2, 2, 12), np.int32)
    compiled = loihi_sca.compile(model, (1, 2, 2), 12, proof_data=data)
    sent = fast.run(compiled, data).spikes
    assert np.array_equal(sent[:, 0], theirs(model, data)[:, 0])
    assert sent[:, 0].any()


def small(node=None, *, bias: bool = False, mode: str = "m", step: float = 1 / 16):
    torch.manual_seed(0)
    node = node or neuron.IFNode()
    return sequential(on_grid(layer.Linear(20, 8, bias=bias), step), node, mode=mode)


def test_it_fires_at_the_threshold_and_not_only_above() -> None:
    model = sequential(layer.Linear(1, 1, bias=False), neuron.IFNode(v_threshold=3.0))
    torch.nn.init.constant_(model[0].weight, 1.0)
    compiled = loihi_sca.compile(model, (1,), 7, proof_data=np.ones((1, 1, 7), dtype=np.int32))
    assert reference.run(compiled, np.ones((1, 1, 7), dtype=np.int32)).spikes.ravel().tolist() == [
        0, 0, 1, 0, 0, 1, 0,
    ]  # fmt: skip
    # one spike adds 2 mantissas, so that 6 are the threshold, and above 5 is at 6
    assert (compiled.layers[1].weight[0, 0], compiled.layers[1].neuron.threshold) == (2, 5)


@pytest.mark.lava
@pytest.mark.timeout(600)
def test_lava_gives_the_spikes_of_spikingjelly() -> None:
    torch.manual_seed(1)
    model = sequential(
        layer.Conv2d(2, 4, 3, padding=1), layer.BatchNorm2d(4, eps=0.0), neuron.IFNode(),
        layer.MaxPool2d(3, 2, 1), layer.Conv2d(4, 4, 2, groups=2), neuron.IFNode(v_threshold=0.7),
        layer.AvgPool2d(2), neuron.IFNode(v_threshold=0.5),
        layer.AvgPool2d(1), layer.Flatten(), layer.Linear(4, 3), neuron.IFNode(v_threshold=0.4),
    )  # fmt: skip
    for index in (0, 4, 10):
        on_grid(model[index], 1 / 8)
    with torch.no_grad():
        model[1].running_mean.fill_(0.25)
        model[1].weight.copy_(torch.tensor([1.0, 0.5, 2.0, 1.0]))
    data = spikes((2, 6, 6), samples=4)
    compiled = loihi_sca.compile(model, (2, 6, 6), 12, proof_data=data)
    found = loihi_sca.verify(compiled, engines=("fast", "lava"), data=data)
    assert found.mismatches == 0
    assert min(found.spikes.values()) > 0
    assert np.array_equal(fast.run(compiled, data).spikes, theirs(model, data))


@pytest.mark.parametrize("decay_input", [True, False])
@pytest.mark.parametrize("kind", ["LIFNode", "ParametricLIFNode"])
def test_a_leak_is_measured_and_weights_on_a_grid_stay(kind: str, decay_input: bool) -> None:
    options = {"decay_input": decay_input, "v_threshold": 0.75}
    tau = {"tau": 3.0} if kind == "LIFNode" else {"init_tau": 3.0}
    model = small(getattr(neuron, kind)(**tau, **options), step=1 / 8)
    data = spikes((20,), samples=40, steps=20)
    compiled = loihi_sca.compile(model, (20,), 20, proof_data=data)
    (row,) = compiled.translations
    assert not row.exact
    assert row.snr_db is None
    assert row.leak == pytest.approx(1 / 3)
    assert row.leak_error == pytest.approx(1 / 3 - 1365 / 4096, abs=1e-6)
    assert row.threshold == pytest.approx(2.25 if decay_input else 0.75, rel=1e-6)
    wrong = (theirs(model, data) != fast.run(compiled, data).spikes).sum()
    assert row.differ == wrong
    assert row.spikes > 400
    assert row.differ < 0.05 * row.spikes
    assert compiled.proof is None
    assert f"{row.differ} of 6,400 spikes or silences differ" in compiled.notes[-1]


def test_weights_that_are_rounded_are_reported_and_counted() -> None:
    torch.manual_seed(0)
    model = sequential(
        layer.Conv2d(1, 6, 3), layer.BatchNorm2d(6), neuron.IFNode(v_threshold=0.3),
        layer.Flatten(), layer.Linear(96, 5), neuron.IFNode(v_threshold=0.3),
    )  # fmt: skip
    with torch.no_grad():
        model[1].running_mean.uniform_(-0.2, 0.2)
        model[1].running_var.uniform_(0.5, 2)
    data = spikes((1, 6, 6), samples=20)
    compiled = loihi_sca.compile(model, (1, 6, 6), 12, proof_data=data)
    first, second = compiled.translations
    for row in (first, second):
        assert 40 < row.snr_db < 60
        assert 0 < row.weight_error <= 1 / row.scale
        assert 0 < row.bias_error <= 0.5 / row.scale
        assert row.threshold_error == 0
    assert second.differ == (theirs(model, data) != fast.run(compiled, data).spikes).sum()
    assert "0-conv2d: rounded weights by up to" in compiled.notes[0]
    text = str(compiled.table())
    assert "measured" in text
    assert f"{first.snr_db:.1f} dB" in text
    assert compiled.as_json()["translations"][1]["differ"] == second.differ


def test_a_grid_of_tenths_stays_and_is_measured() -> None:
    model = small(neuron.IFNode(v_threshold=0.9), step=0.1)
    (row,) = loihi_sca.compile(model, (20,), 12).translations
    assert not row.exact  # sums of tenths are no tenths in floats
    assert row.weight_error < 1e-6
    assert row.snr_db > 120
    assert row.differ < 4


@pytest.mark.parametrize("current_decay", [1.0, 0.25])
def test_a_neuron_of_lava_exchange_is_exact(current_decay: float) -> None:
    node = lava_exchange.CubaLIFNode(current_decay, 0.1, v_threshold=1.5)
    model = small(node)
    data = spikes((20,), samples=20, steps=20)
    compiled = loihi_sca.compile(model, (20,), 20, proof_data=data)
    (row,) = compiled.translations
    assert row.exact
    assert row.scale == 64
    assert row.spikes > 100
    assert np.array_equal(theirs(model, data), fast.run(compiled, data).spikes)


def test_containers_forward_passes_and_lists() -> None:
    torch.manual_seed(0)
    conv, linear = on_grid(layer.Conv2d(1, 4, 3), 1 / 8), on_grid(torch.nn.Linear(64, 3), 1 / 8)

    class Net(torch.nn.Module):
        def __init__(self, rate: bool) -> None:
            super().__init__()
            self.features = torch.nn.Sequential(conv, neuron.IFNode())
            self.classify = layer.SeqToANNContainer(torch.nn.Flatten(), linear)
            self.node, self.rate = neuron.IFNode(), rate
            functional.set_step_mode(self.features, "m")
            functional.set_step_mode(self.node, "m")

        def forward(self, x):
            x = self.node(self.classify(self.features(x)))
            return x.mean(0) if self.rate else x

    data = spikes((1, 6, 6))
    parts = [conv, neuron.IFNode(), torch.nn.Flatten(), linear, neuron.IFNode()]
    plain = loihi_sca.compile(list(parts), (1, 6, 6), 12, proof_data=data)  # step mode s
    own = loihi_sca.compile(Net(False), (1, 6, 6), 12, proof_data=data)
    rate = loihi_sca.compile(Net(True), (1, 6, 6), 12, proof_data=data)
    functional.set_step_mode(conv, "m")
    assert [x.name for x in own] == ["input", "features.0-conv2d", "classify.1-linear"]
    for other in (own, rate):
        for ours, theirs_ in zip(plain, other, strict=True):
            assert ours.out_shape == theirs_.out_shape
        assert np.array_equal(fast.run(plain, data).spikes, fast.run(other, data).spikes)
    assert rate.notes == ("the model returns the mean over time of what the network gives",)


def test_the_model_is_left_as_it_was_and_may_have_run() -> None:
    model = small(step=1 / 8)
    model(torch.ones(3, 2, 20)).sum()  # its states hold a history now
    before = copy.deepcopy(model.state_dict())
    voltage = model[1].v
    compiled = loihi_sca.compile(model, (20,), 12)
    assert compiled.proof.spikes > 0
    assert model[1].v is voltage
    assert model[1].step_mode == "m"
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_votes_are_the_hosts(tmp_path) -> None:
    model = small(step=1 / 8)
    model.append(layer.VotingLayer(4, step_mode="m"))
    compiled = loihi_sca.compile(model, (20,), 12)
    assert (compiled.readout.kind, compiled.readout.groups) == ("average", 2)
    compiled.save(tmp_path / "voting.net")
    assert loihi_sca.read(tmp_path / "voting.net") == compiled
    assert loihi_sca.verify(compiled, engines=("reference", "fast")).mismatches == 0
    assert loihi_sca.estimate(compiled).placement.cores == 1


def test_what_leaves_24_bits_is_no_proof() -> None:
    model = sequential(layer.Linear(600, 1, bias=False), neuron.IFNode(v_threshold=1.0))
    torch.nn.init.constant_(model[0].weight, -128.0)
    model[0].weight.data[0, 0] = 1.0  # two mantissas, beside -256
    data = np.ones((1, 600, 6), dtype=np.int32)
    data[..., 2:] = 0
    data[:, 0] = 1
    with pytest.raises(NotBitExact, match="SpikingJelly model and the network"):
        # the sum wraps around 24 bits, and is large then
        loihi_sca.compile(model, (600,), 6, proof_data=data)


REFUSED = {
    "soft reset": (lambda: small(neuron.IFNode(v_reset=None)), "1-ifnode: its reset is soft"),
    "other reset": (lambda: small(neuron.LIFNode(v_reset=-0.5)), "1-lifnode: it resets to -0.5"),
    "no neurons": (
        lambda: sequential(layer.Linear(20, 8)), "0-linear: no neurons follow it",
    ),
    "two in a row": (
        lambda: sequential(layer.Linear(20, 8), layer.Linear(8, 4), neuron.IFNode()),
        "1-linear: it follows 0-linear without neurons between them",
    ),
    "neurons first": (
        lambda: sequential(neuron.IFNode(), layer.Linear(20, 8), neuron.IFNode()),
        "0-ifnode: no weights are before it",
    ),
    "unknown neuron": (lambda: small(neuron.EIFNode()), "1-eifnode: spikingjelly's EIFNode has no"),
    "norm alone": (
        lambda: sequential(layer.BatchNorm1d(20), *small()),
        "0-batchnorm1d: it is not straight behind",
    ),
    "norm of a batch": (
        lambda: sequential(
            layer.Linear(20, 8), layer.BatchNorm1d(8, track_running_stats=False), neuron.IFNode()
        ),
        "1-batchnorm1d: track_running_stats=False",
    ),
    "current with bias": (
        lambda: small(lava_exchange.CubaLIFNode(0.5, 0.1), bias=True),
        "1-cubalifnode: the bias before it adds to its current",
    ),
    "vote, then more": (
        lambda: sequential(*small(), layer.VotingLayer(2), layer.Linear(4, 2), neuron.IFNode()),
        "3-linear: it follows the vote",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", list(REFUSED))
def test_what_cannot_be_exact_is_refused_by_name(what: str) -> None:
    build, message = REFUSED[what]
    with pytest.raises(UnsupportedLayer) as raised:
        loihi_sca.compile(build(), (20,), 12)
    assert str(raised.value).startswith(message)
    (problem,) = loihi_sca.check(build(), (20,))
    assert str(problem) == str(raised.value)


REFUSED_MAPS = {
    "values pooled": (
        [layer.Conv2d(2, 4, 3), layer.MaxPool2d(2), neuron.IFNode()],
        "1-maxpool2d: it pools the values that 0-conv2d gives",
    ),
    "window beyond": (
        [layer.Conv2d(2, 4, 3), neuron.IFNode(), layer.MaxPool2d(3, ceil_mode=True)],
        "2-maxpool2d: ceil_mode=True lets a window end beyond",
    ),
    "average that overlaps": (
        [layer.AvgPool2d(3, 1), layer.Conv2d(2, 4, 3), neuron.IFNode()],
        "0-avgpool2d: with kernel (3, 3), stride (1, 1)",
    ),
    "average before dilation": (
        [layer.AvgPool2d(2), layer.Conv2d(2, 4, 2, dilation=2), neuron.IFNode()],
        "0-avgpool2d: the convolution behind it is dilated",
    ),
    "circular": (
        [layer.Conv2d(2, 4, 3, padding=1, padding_mode="circular"), neuron.IFNode()],
        "0-conv2d: padding_mode='circular'",
    ),
    "no flatten": (
        [layer.Conv2d(2, 4, 3), neuron.IFNode(), layer.Linear(8, 3), neuron.IFNode()],
        "2-linear: it takes 8 inputs, but 256 arrive in shape (4, 8, 8)",
    ),
    "derived": (
        [type("Mine", (layer.Conv2d,), {})(2, 4, 3), neuron.IFNode()],
        "0-mine: Mine is derived from Conv2d",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", list(REFUSED_MAPS))
def test_what_a_map_cannot_be_is_refused_by_name(what: str) -> None:
    modules, message = REFUSED_MAPS[what]
    (problem,) = loihi_sca.check(sequential(*copy.deepcopy(modules)), (2, 10, 10))
    assert str(problem).startswith(message)


def test_all_obstacles_are_told_at_once() -> None:
    model = sequential(
        layer.Conv2d(2, 6, 3), layer.GroupNorm(2, 6), neuron.LIFNode(v_reset=None),
        layer.MaxPool2d(3, ceil_mode=True), torch.nn.ReLU(),
        layer.Conv2d(6, 8, 3, padding=1, padding_mode="reflect"), neuron.QIFNode(),
        layer.AvgPool2d(3), neuron.IFNode(v_reset=-0.1), layer.Flatten(), layer.Linear(8, 10),
    )  # fmt: skip
    found = loihi_sca.check(model, (2, 10, 10))
    names = ["1-groupnorm", "2-lifnode", "3-maxpool2d", "4-relu", "5-conv2d", "6-qifnode"]
    assert [p.layer for p in found] == [*names, "8-ifnode", "10-linear"]
    shown = str(found.table())
    assert all(name in shown for name in names)
    assert repr(found).startswith("Findings(8 in the way of the chip: 1-groupnorm")


class Wrapped(torch.nn.Module):
    """A forward pass of one's own around the small network."""

    def __init__(self, forward) -> None:
        super().__init__()
        self.net, self.act = small(), forward

    def forward(self, x):
        return self.act(self.net, x)


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda net, x: net[1](net[0](x).relu()), "does not feed it what net.0-linear gives"),
        (lambda net, x: net(1 - x), "net.0-linear: the model's forward pass does not feed it"),
        (lambda net, x: net(net[0](x)[..., :1].expand_as(x)), "runs it more than once"),
        (lambda net, x: net(x).softmax(-1), "what the model returns is neither"),
        (lambda net, x: net[0](x), "net.1-ifnode: the model's forward pass does not run it"),
        (lambda net, x: net(x[0].repeat(3, 1, 1)), "does not feed it what the input gives"),
        (lambda net, x: net(x.view(7, 5)), "Wrapped: its forward pass fails on input of shape"),
        (lambda net, x: net(x.transpose(0, 1)), "does not feed it what the input gives"),
    ],
)
def test_what_acts_between_modules_is_refused(forward, message: str) -> None:
    found = loihi_sca.check(Wrapped(forward), (20,))
    assert message in "\n".join(map(str, found))


def test_bad_input_is_told() -> None:
    with pytest.raises(NetworkError, match="input_shape"):
        loihi_sca.compile(small())
    with pytest.raises(InputError, match="spikes must be integers"):
        loihi_sca.compile(small(), (20,), 12, proof_data=np.full((1, 20, 12), 0.5))
    mixed = sequential(*small(), layer.Linear(8, 2), neuron.IFNode())
    mixed[-1].step_mode = "s"
    with pytest.raises(UnsupportedLayer, match="different step modes"):
        loihi_sca.compile(mixed, (20,))
    for kind in (torch.float16, torch.float64):
        (problem,) = loihi_sca.check(small().to(kind), (20,))
        assert f"parameters are {kind}" in problem.reason
        assert problem.instead == "Call model.float()."
    diverged = small(bias=True)
    diverged[0].bias.data[1] = diverged[0].weight.data[0, 0] = torch.nan
    with pytest.raises(UnsupportedLayer, match=r"0-linear: 2 of its 168 .* not finite"):
        loihi_sca.compile(diverged, (20,))
    (problem,) = loihi_sca.check(small(), (19,))
    assert str(problem).startswith("0-linear: it takes 20 inputs, but 19 arrive in shape (19,)")


def test_rounding_is_a_note_of_check() -> None:
    model = sequential(layer.Linear(20, 8), neuron.LIFNode())
    found = loihi_sca.check(model, (20,))
    assert not found
    assert found.notes[0].startswith("0-linear: rounded weights by up to")
    assert not loihi_sca.check(small(), (20,)).notes


@given(
    st.lists(st.integers(-127, 127), min_size=1, max_size=20), st.integers(-20, 20),
    st.integers(1, 10**4), st.booleans(),
)  # fmt: skip
def test_what_lies_on_a_binary_grid_is_found_there(
    steps: list[int], power: int, threshold: int, leaks: bool
) -> None:
    weight = np.array(steps, dtype=np.float64)[:, None] * 2.0**power
    made = quantise(weight, None, threshold * 2.0**power, leaks=leaks)
    assert np.array_equal(made.weight / made.scale, weight)
    if weight.any():
        assert made.is_binary
        assert made.threshold + 1 == np.ceil(threshold * 2.0**power * made.scale)


@given(st.integers(0, 10**6), st.floats(1e-6, 1e6), st.floats(1e-3, 1e3), st.booleans())
def test_what_is_rounded_fits_and_is_off_by_half_a_step(
    seed: int, size: float, threshold: float, leaks: bool
) -> None:
    rng = np.random.default_rng(seed)
    weight, bias = rng.normal(size=(4, 30)) * size, rng.normal(size=4) * size
    made = quantise(weight, bias, threshold * size, leaks=leaks)
    assert np.abs(made.weight / made.scale - weight).max() <= 1.0001 / made.scale
    assert np.abs(made.bias / made.scale - bias).max() <= 0.5001 / made.scale
    assert -256 <= made.weight.min() <= made.weight.max() <= 254
    assert not (made.weight % 2).any()
    assert abs(made.threshold + 1 - threshold * size * made.scale) <= 1


@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("samples", [1, 2, 5])
@pytest.mark.parametrize("mode", ["m", "s"])
def test_single_steps_and_single_samples(mode: str, samples: int, steps: int) -> None:
    model = small(neuron.IFNode(v_threshold=0.1), mode=mode)
    data = spikes((20,), samples=samples, steps=steps)
    compiled = loihi_sca.compile(torch.nn.ModuleList(model), (20,), steps, proof_data=data)
    assert compiled.proof.spikes > 0
    assert np.array_equal(reference.run(compiled, data).spikes, theirs(model, data))


def test_containers_that_hide_time_are_refused() -> None:
    torch.manual_seed(0)
    merged = torch.nn.Sequential(
        layer.SeqToANNContainer(torch.nn.Linear(20, 8), neuron.IFNode()),
        layer.Linear(8, 3, step_mode="m"), neuron.IFNode(step_mode="m"),
    )  # fmt: skip
    (problem,) = loihi_sca.check(merged, (20,))
    assert str(problem).startswith("0.1-ifnode: a container around it makes time and samples one")
    looped = torch.nn.Sequential(
        layer.MultiStepContainer(torch.nn.Linear(20, 8), neuron.IFNode()),
    )
    found = loihi_sca.check(looped, (20,))
    assert "runs it more than once" in str(found[0])


def test_weights_that_a_hook_computes_are_refused() -> None:
    from torch.nn.utils import prune

    model = small()
    prune.random_unstructured(model[0], "weight", 0.5)
    (problem,) = loihi_sca.check(model, (20,))
    assert str(problem).startswith("0-linear: a hook changes its weights")
    prune.remove(model[0], "weight")
    assert not loihi_sca.check(model, (20,))
